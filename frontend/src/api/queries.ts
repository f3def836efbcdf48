import { QueryClient, skipToken, useQuery } from "@tanstack/react-query";

import { readCloses, readDecisions, readStatus } from "./endpoints";
import { ApiError } from "./http";
import type { Timeframe } from "./types";

/** Between signals the last decision of each symbol is read at this pace. */
export const DECISIONS_EVERY_MS = 2000;
const STATUS_EVERY_MS = 3000;
const CLOSES_EVERY_MS = 30_000;

/** What passes by itself is tried again: no answer, too many requests, a server error. */
export function passes(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, error) => passes(error) && failures < 3,
      retryDelay: (attempt, error) =>
        error instanceof ApiError && error.retryAfter !== null ? error.retryAfter * 1000 : Math.min(8000, 500 * 2 ** attempt),
      // "always": a server on this machine is there without a network.
      networkMode: "always",
      staleTime: 1000,
    },
    mutations: { networkMode: "always" },
  },
});

/** Poll at `ms`; after a 429 wait as long as the server says. */
export function pace(ms: number) {
  return (query: { state: { error: Error | null } }): number => {
    const { error } = query.state;
    return error instanceof ApiError && error.retryAfter !== null ? Math.max(ms, error.retryAfter * 1000) : ms;
  };
}

export const useStatus = () =>
  useQuery({ queryKey: ["status"], queryFn: readStatus, refetchInterval: pace(STATUS_EVERY_MS), retry: false });

export const useDecisions = () =>
  useQuery({ queryKey: ["decisions"], queryFn: () => readDecisions(), refetchInterval: pace(DECISIONS_EVERY_MS), retry: false });

export const useCloses = (timeframe: Timeframe | undefined, limit: number) =>
  useQuery({
    queryKey: ["closes", timeframe, limit],
    queryFn: timeframe === undefined ? skipToken : () => readCloses(timeframe, limit),
    refetchInterval: pace(CLOSES_EVERY_MS),
  });
