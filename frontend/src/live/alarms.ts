import type { Signal } from "../api/types";

/** What the reader wants to be called for; off by default. Kept in this browser. */
export type Alarms = { advice: Signal["advice"][]; symbols: string[]; notify: boolean; sound: boolean; muted: boolean };

export const NONE: Alarms = { advice: [], symbols: [], notify: false, sound: false, muted: false };
const KEY = "alarms";

export function storedAlarms(): Alarms {
  try {
    return { ...NONE, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Alarms>) };
  } catch {
    return NONE; // written by something else: as if nothing were
  }
}

export function keepAlarms(alarms: Alarms): void {
  localStorage.setItem(KEY, JSON.stringify(alarms));
}

/** Whether a signal is one to be called for. */
export function calls(alarms: Alarms, signal: Signal): boolean {
  if (alarms.muted || !(alarms.notify || alarms.sound)) return false;
  return alarms.advice.includes(signal.advice) || alarms.symbols.includes(signal.symbol);
}

/** Return what came since `last` (the id of the newest seen), oldest first. */
export function since(feed: readonly Signal[], last: string | null): Signal[] {
  const at = last === null ? -1 : feed.findIndex((signal) => signal.id === last);
  return feed.slice(0, at === -1 ? feed.length : at).toReversed();
}
