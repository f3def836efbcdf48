import type { Job } from "../api/generated";
import { SERVER_TYPES, type ServerMessage as FeedMessage } from "./generated";

export type { ClientMessage } from "./generated";

/** How far a backtest is: announced to all, and no part of the feed's document. */
export type BacktestMessage = Job & { type: "backtest" };
export type ServerMessage = FeedMessage | BacktestMessage;

/** What the server says on `/ws/realtime`, by its type; the types are generated (`make contracts`). */
type Of<T extends ServerMessage["type"]> = Extract<ServerMessage, { type: T }>;
export type StatusMessage = Of<"status">;
export type SignalMessage = Of<"signal">;
export type ConfirmedMessage = Of<"subscription_confirmed">;
export type ErrorMessage = Of<"error">;

const KNOWN: ReadonlySet<string> = new Set<ServerMessage["type"]>([...SERVER_TYPES, "backtest"]);

export type Parsed = { message: ServerMessage } | { unknown: string };

/** Return the message in a frame, or the type that this page does not know (a newer server has new ones). */
export function parse(text: string): Parsed {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return { unknown: "not JSON" };
  }
  const type = typeof data === "object" && data !== null && "type" in data ? data.type : undefined;
  if (typeof type === "string" && KNOWN.has(type)) return { message: data as ServerMessage };
  return { unknown: typeof type === "string" ? type.slice(0, 40) : "no type" };
}
