import type { Advice, Decision, Direction, RiskLevel, Signal, Skipped } from "../../api/types";

/** What is known of one symbol: its newest score, told or not, and its last signal. */
export type Row = {
  symbol: string;
  price: number | null;
  score: number | null;
  direction: Direction | null;
  advice: Advice | null;
  confidence: number | null;
  timeframes: Record<string, number>;
  riskLevel: RiskLevel | null;
  /** Market time of the score. */
  asOf: number | null;
  /** Why there is no score, by timeframe. */
  skipped: readonly Skipped[];
  signal: Signal | null;
};

/** Return a symbol's row from whichever is newer, its last decision or its last signal. */
export function rowOf(symbol: string, decision: Decision | undefined, signal: Signal | undefined): Row {
  const signalIsNewer = signal !== undefined && (decision === undefined || signal.ts >= decision.as_of);
  if (signalIsNewer) return fromSignal(signal);
  if (decision) return fromDecision(decision, signal ?? null);
  const nothing = { price: null, score: null, direction: null, advice: null, confidence: null, riskLevel: null, asOf: null };
  return { symbol, ...nothing, timeframes: {}, skipped: [], signal: null };
}

function fromSignal(signal: Signal): Row {
  const { symbol, price, score, direction, advice, confidence, timeframes } = signal;
  return { symbol, price, score, direction, advice, confidence, timeframes, riskLevel: signal.risk_level, asOf: signal.ts, skipped: [], signal };
}

function fromDecision(decision: Decision, signal: Signal | null): Row {
  const { symbol, price, score, direction, advice, confidence, timeframes, skipped } = decision;
  return { symbol, price, score, direction, advice, confidence, timeframes, riskLevel: decision.risk_level, asOf: decision.as_of, skipped, signal };
}

/** Keeps the identity of rows whose sources did not change, so that only what changed is drawn. */
export class RowCache {
  private readonly kept = new Map<string, { decision: Decision | undefined; signal: Signal | undefined; row: Row }>();

  row(symbol: string, decision: Decision | undefined, signal: Signal | undefined): Row {
    const old = this.kept.get(symbol);
    if (old && old.decision === decision && old.signal === signal) return old.row;
    const row = rowOf(symbol, decision, signal);
    this.kept.set(symbol, { decision, signal, row });
    return row;
  }
}

export const COLUMNS = ["symbol", "price", "score", "confidence", "age"] as const;
export type SortKey = "rank" | (typeof COLUMNS)[number];
export type Sort = { key: SortKey; descending: boolean };

export type Filter = { text: string; direction: Direction | null; advice: Advice | null };

export function matches(row: Row, filter: Filter): boolean {
  if (filter.text && !row.symbol.includes(filter.text.trim().toUpperCase())) return false;
  if (filter.direction && row.direction !== filter.direction) return false;
  return !filter.advice || row.advice === filter.advice;
}

const VALUES: Record<SortKey, (row: Row) => number | string | null> = {
  rank: (row) => (row.score === null ? null : Math.abs(row.score - 0.5)),
  symbol: (row) => row.symbol,
  price: (row) => row.price,
  score: (row) => row.score,
  confidence: (row) => row.confidence,
  age: (row) => row.signal?.ts ?? null,
};

/** Return rows in order; what has no value comes last either way, equals by symbol as the scanner ranks them. */
export function ordered(rows: readonly Row[], sort: Sort): Row[] {
  const value = VALUES[sort.key];
  const sign = sort.descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return x === y ? bySymbol(a, b) : x === null ? 1 : -1;
    const difference = typeof x === "string" || typeof y === "string" ? (x < y ? -1 : x > y ? 1 : 0) : x - y;
    return difference * sign || bySymbol(a, b);
  });
}

function bySymbol(a: Row, b: Row): number {
  return a.symbol < b.symbol ? -1 : a.symbol > b.symbol ? 1 : 0;
}
