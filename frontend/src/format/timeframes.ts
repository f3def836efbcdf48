import type { Timeframe } from "../api/types";

export const INTERVAL_MS: Record<Timeframe, number> = {
  "1m": 60_000,
  "5m": 300_000,
  "15m": 900_000,
  "30m": 1_800_000,
  "1h": 3_600_000,
  "4h": 14_400_000,
  "1d": 86_400_000,
};

export const TIMEFRAMES = Object.keys(INTERVAL_MS) as Timeframe[];
