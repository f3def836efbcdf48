import { useQuery } from "@tanstack/react-query";

import { readHealth } from "../api/endpoints";
import { session } from "../api/session";

const EVERY_MS = 300_000;

/** Compare clocks now and then: answers carry no Date. */
export function useServerTime(): void {
  useQuery({
    queryKey: ["server-time"],
    queryFn: async () => {
      const { time } = await readHealth();
      session.noteTime(Date.parse(time));
      return time;
    },
    refetchInterval: EVERY_MS,
  });
}
