/* Written by `make contracts` from docs/asyncapi.json. */

export type ServerMessage = (StatusMessage | SubscriptionConfirmed | UnsubscriptionConfirmed | SignalMessage | ErrorMessage | HistoryLostMessage | PongMessage | BacktestMessage)
export type ClientMessage = (SubscribeRequest | UnsubscribeRequest | PingRequest)

export interface Frames {
server: ServerMessage
client: ClientMessage
}
/**
 * On connect, when the agent is turned on or off, and at least every 30 s. ``seq``: heads of what is subscribed.
 */
export interface StatusMessage {
agent: AgentStatus
epoch: string
seq: {
[k: string]: number
}
type: "status"
ws: SocketFacts
}
/**
 * What the agent does and how its market is. Made by ``agent/``; the socket sends it as well.
 */
export interface AgentStatus {
enabled: boolean
last_scan: (RunSummary | null)
market: MarketStatus
next_scan_at: (number | null)
preset: string
running: boolean
scan_interval_ms: number
subscribed_symbols: string[]
timeframes: ("15m" | "1d" | "1h" | "1m" | "30m" | "4h" | "5m")[]
version: string
}
/**
 * One scan of the agent. ``held``: decisions that were not told, by reason.
 */
export interface RunSummary {
/**
 * ms since the Unix epoch, UTC
 */
due_at: number
duration_ms: (number | null)
held: {
[k: string]: number
}
id: number
kind: string
signals: number
/**
 * ISO-8601 with Z
 */
started_at: string
status: string
symbols: number
}
/**
 * ``now``, ``last_candle_at``: market time. ``speed``: market seconds per second; 0: as fast as the agent goes.
 * 
 *     ``problem``: what an exchange's feed has to say to people, or null.
 */
export interface MarketStatus {
lag_ms: (number | null)
last_candle_at: (number | null)
now: (number | null)
problem?: (string | null)
source: string
speed?: number
status: ("down" | "ended" | "live" | "stale")
}
/**
 * Of the answering process; ``uptime`` in seconds.
 */
export interface SocketFacts {
connections: number
uptime: number
}
/**
 * ``seq``: the heads at the time; what ``since`` asked for, and then the live signals, follow.
 */
export interface SubscriptionConfirmed {
seq: {
[k: string]: number
}
symbols: string[]
type: "subscription_confirmed"
}
export interface UnsubscriptionConfirmed {
symbols: string[]
type: "unsubscription_confirmed"
}
/**
 * A stored, numbered decision.
 */
export interface SignalMessage {
advice: ("BUY" | "HOLD" | "SELL")
because: string
confidence: number
direction: ("BEARISH" | "BULLISH" | "NEUTRAL")
id: string
preset: string
price: number
/**
 * share of hits among past outcomes of this score
 */
probability: (number | null)
risk_level: ("HIGH" | "LOW" | "MEDIUM")
score: number
/**
 * counts per symbol, without holes
 */
seq: number
source: string
symbol: string
timeframes: {
[k: string]: number
}
/**
 * ms since the Unix epoch, UTC
 */
ts: number
type: "signal"
}
/**
 * The message it answers did nothing; the connection stays open.
 */
export interface ErrorMessage {
code: ("invalid_json" | "invalid_message" | "rate_limited" | "too_many_symbols" | "unknown_action" | "unknown_symbol")
message: string
type: "error"
}
/**
 * What was asked for with ``since`` is no longer kept, or was never numbered so; live signals follow the head.
 */
export interface HistoryLostMessage {
code: "history_lost"
head_seq: number
message: string
oldest_seq: number
symbol: string
type: "error"
}
export interface PongMessage {
/**
 * ms since the Unix epoch, UTC
 */
ts: number
type: "pong"
}
/**
 * A backtest went on; sent to every client. ``error``: why it failed.
 */
export interface BacktestMessage {
error?: string
id: string
progress: number
status: ("cancelled" | "done" | "failed" | "queued" | "running")
type: "backtest"
}
/**
 * All or nothing. ``*``: every symbol. ``since``: by symbol the last seq the client has; what it missed follows.
 */
export interface SubscribeRequest {
action: "subscribe"
epoch?: string
since?: {
[k: string]: number
}
/**
 * @minItems 1
 * @maxItems 1000
 */
symbols: [string, ...(string)[]]
}
export interface UnsubscribeRequest {
action: "unsubscribe"
/**
 * @minItems 1
 * @maxItems 1000
 */
symbols: [string, ...(string)[]]
}
export interface PingRequest {
action: "ping"
}

export const SERVER_TYPES = ["status","subscription_confirmed","unsubscription_confirmed","signal","error","pong","backtest"] as const;
