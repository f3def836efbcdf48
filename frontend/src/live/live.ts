import { startTransition, useEffect, useState, useSyncExternalStore } from "react";

import { readLatest } from "../api/endpoints";
import { LiveClient, type Snapshot } from "./client";
import type { SocketLike } from "./transport";

function openSocket(): SocketLike {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return new WebSocket(`${scheme}://${location.host}/ws/realtime`);
}

/** The one socket of this tab. */
export const live = new LiveClient({
  open: openSocket,
  online: () => navigator.onLine,
  random: Math.random,
  readLatest,
  frame: (callback) => requestAnimationFrame(callback),
});

/** Connect, and look after the socket whenever the tab is seen again or the network changes. */
export function startLive(): void {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) live.wake();
  });
  for (const event of ["online", "offline", "pageshow"]) addEventListener(event, () => live.wake());
  live.start();
}

/** Read part of what is live. `select` must return the same value while that part is unchanged. */
export function useLive<T>(select: (snapshot: Snapshot) => T): T {
  return useSyncExternalStore(live.listen, () => select(live.getSnapshot()));
}

/**
 * As `useLive`, but at most once in `ms`, and giving way to keys and scrolling: what comes in bursts is not drawn at
 * each frame, and drawing it may take longer than a frame has. `select` must be the same function at every call.
 */
export function useLiveEvery<T>(ms: number, select: (snapshot: Snapshot) => T): T {
  const [value, setValue] = useState(() => select(live.getSnapshot()));
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let next = 0;
    const take = () => {
      timer = undefined;
      next = performance.now() + ms;
      startTransition(() => setValue(() => select(live.getSnapshot())));
    };
    const stop = live.listen(() => {
      timer ??= setTimeout(take, Math.max(0, next - performance.now()));
    });
    take();
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [ms, select]);
  return value;
}

/** Subscribe while the component is there. */
export function useSubscription(symbols: readonly string[]): void {
  const key = symbols.join(" ");
  useEffect(() => (key ? live.want(key.split(" ")) : undefined), [key]);
}
