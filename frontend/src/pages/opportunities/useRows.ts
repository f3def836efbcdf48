import { startTransition, useEffect, useMemo, useRef, useState } from "react";

import { useDecisions } from "../../api/queries";
import { useAgent } from "../../app/useAgent";
import type { Snapshot } from "../../live/client";
import { useLiveEvery, useSubscription } from "../../live/live";
import { EVERYTHING } from "../../live/subscriptions";
import { type Filter, matches, ordered, type Row, RowCache, type Sort } from "./rows";

/** A scan's signals come in pieces: they are drawn together. */
const DRAW_MS = 100;
const latestOf = (snapshot: Snapshot) => snapshot.live.latest;

/** Rows of the watchlist, newest values, in watchlist order. */
export function useRows() {
  useSubscription([EVERYTHING]);
  const agent = useAgent();
  const decisions = useDecisions();
  const latest = useLiveEvery(DRAW_MS, latestOf);
  const [cache] = useState(() => new RowCache());
  const bySymbol = useMemo(() => new Map(decisions.data?.results.map((d) => [d.symbol, d])), [decisions.data]);
  const symbols = agent?.subscribed_symbols;
  const rows = useMemo(
    () => symbols?.map((symbol) => cache.row(symbol, bySymbol.get(symbol), latest.get(symbol))),
    [symbols, bySymbol, latest, cache],
  );
  return { agent, rows, decisions };
}

const RERANK_MS = 500;

/**
 * Return the symbols in order. Values move as they come, ranks twice a second at most, and not at all while `hold`:
 * a row must not jump away under the pointer.
 */
export function useOrder(rows: readonly Row[], filter: Filter, sort: Sort, hold: boolean): string[] {
  const [order, setOrder] = useState<string[]>([]);
  const newest = useRef(rows);
  useEffect(() => {
    newest.current = rows;
  }, [rows]);
  const known = rows.length;
  useEffect(() => {
    const rank = () => {
      const symbols = ordered(newest.current.filter((row) => matches(row, filter)), sort).map((row) => row.symbol);
      startTransition(() => setOrder((old) => (same(old, symbols) ? old : symbols)));
    };
    rank();
    if (hold) return;
    const timer = setInterval(rank, RERANK_MS);
    return () => clearInterval(timer);
  }, [filter, sort, hold, known]);
  return order;
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
