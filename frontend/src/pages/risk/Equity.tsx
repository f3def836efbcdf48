import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";

import { readPaperEquity } from "../../api/endpoints";
import type { RiskStatus } from "../../api/generated";
import { pace } from "../../api/queries";
import { fixed, percent } from "../../format/format";
import type { LineOf } from "../../ui/LineChart";
import { Failed, Loading } from "../../ui/states";

const LineChart = lazy(() => import("../../ui/LineChart"));
const POINTS = 500;
const EVERY_MS = 15_000;

const money = (value: number | null) => fixed(value, 0);

/** What the portfolio was worth, and how far below its highest. */
export function Equity({ risk }: { risk: RiskStatus }) {
  const equity = useQuery({ queryKey: ["paper-equity"], queryFn: () => readPaperEquity(POINTS), refetchInterval: pace(EVERY_MS), retry: false });
  const points = useMemo(() => equity.data?.results.toReversed() ?? [], [equity.data]);
  const times = useMemo(() => points.map((point) => point.ts), [points]);
  const worth = useMemo<LineOf[]>(() => [{ name: "Equity", values: points.map((point) => point.equity), colour: "accent", fill: true }], [points]);
  const fall = useMemo<LineOf[]>(() => [{ name: "Drawdown", values: points.map((point) => -point.drawdown), colour: "down", fill: true }], [points]);
  return (
    <section className="panel" aria-labelledby="paper-equity">
      <h2 id="paper-equity">Equity and drawdown</h2>
      {equity.error && !equity.data ? (
        <Failed error={equity.error} what="The equity" retry={() => void equity.refetch()} />
      ) : !equity.data ? (
        <Loading what="equity" />
      ) : points.length < 2 ? (
        <p className="muted">Too few points for a line: {fixed(risk.equity, 2)} of {fixed(risk.initial_equity, 2)} at the start.</p>
      ) : (
        <Suspense fallback={<Loading what="chart" />}>
          <LineChart label={`Equity, now ${fixed(risk.equity, 2)}`} times={times} lines={worth} format={money} height={150} base={risk.initial_equity} />
          <LineChart label={`Drawdown, now ${percent(risk.drawdown, 2)}`} times={times} lines={fall} format={(value) => percent(value, 1)} height={110} />
        </Suspense>
      )}
    </section>
  );
}
