import { lazy, Suspense, useMemo } from "react";

import type { StoredSignal } from "../../api/types";
import { score } from "../../format/format";
import { Loading } from "../../ui/states";
import type { LineOf } from "../../ui/LineChart";

const LineChart = lazy(() => import("../../ui/LineChart"));
const RANGE: [number, number] = [0, 1];

/** The score of each stored signal; between two it stands. */
export function ScoreHistory({ symbol, signals }: { symbol: string; signals: StoredSignal[] | undefined }) {
  const oldestFirst = useMemo(() => signals?.toReversed() ?? [], [signals]);
  const times = useMemo(() => oldestFirst.map((signal) => signal.ts), [oldestFirst]);
  const lines = useMemo<LineOf[]>(
    () => [
      { name: "Score", values: oldestFirst.map((signal) => signal.score), colour: "accent", steps: true },
      { name: "Confidence", values: oldestFirst.map((signal) => signal.confidence), colour: "muted", steps: true },
    ],
    [oldestFirst],
  );
  return (
    <section className="panel score-history" aria-labelledby="history">
      <h2 id="history">Score at each signal</h2>
      {!signals ? (
        <Loading what="signals" />
      ) : signals.length < 2 ? (
        <p className="muted">A line needs two signals; {symbol} has {signals.length} so far.</p>
      ) : (
        <Suspense fallback={<Loading what="chart" />}>
          <LineChart label={`Score of ${symbol} at ${signals.length} signals`} times={times} lines={lines} format={score} range={RANGE} base={0.5} height={170} />
        </Suspense>
      )}
    </section>
  );
}
