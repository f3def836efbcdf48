/** What the tests of this folder share. */
import type { AgentStatus, StoredSignal } from "../api/types";
import type { SignalMessage, StatusMessage } from "./messages";

export const EPOCH = "a892f688-6a23-4314-9291-7c4e74ab0d29";
export const OTHER_EPOCH = "b892f688-6a23-4314-9291-7c4e74ab0d29";

export function stored(symbol: string, seq: number): StoredSignal {
  return {
    symbol,
    seq,
    id: `${symbol}-${seq}`,
    direction: "BULLISH",
    confidence: 0.7,
    score: 0.6,
    advice: "BUY",
    risk_level: "LOW",
    price: 100 + seq,
    timeframes: { "1h": 0.6 },
    because: "moved",
    preset: "balanced",
    source: "simulated",
    ts: 1_700_000_000_000 + seq,
    consensus: 1,
    risk: { atr_pct: 1, volatility_percentile: 0.5, stop_distance: 0.02, disagreement: 0.1 },
    preset_version: 1,
    probability: null,
    created_at: "2026-01-01T00:00:00Z",
  };
}

export const signal = (symbol: string, seq: number): SignalMessage => ({ ...stored(symbol, seq), type: "signal" });

export function status(epoch = EPOCH, agent: Partial<AgentStatus> = {}): StatusMessage {
  const whole = { enabled: true, running: true, subscribed_symbols: ["AAA", "BBB"], ...agent } as AgentStatus;
  return { type: "status", ws: { connections: 1, uptime: 1 }, agent: whole, epoch, seq: {} };
}
