import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";

import { readWalkForward, readWalkForwards } from "../../api/endpoints";
import type { WalkForwardRow } from "../../api/generated";
import { fixed, percent, signed, whole } from "../../format/format";
import type { LineOf } from "../../ui/LineChart";
import { Failed, Loading } from "../../ui/states";
import { Time } from "../../ui/Time";
import { Tiles } from "../../ui/Tiles";
import { reportOf, type Walk } from "./walk";

const LineChart = lazy(() => import("../../ui/LineChart"));
const LISTED = 10;

/** Whether weights found on one stretch held on the next: the kept walk-forwards, and one in full. */
export function WalkForwards() {
  const list = useQuery({ queryKey: ["walk-forwards"], queryFn: () => readWalkForwards(LISTED), retry: false });
  const [chosen, setChosen] = useState<number | null>(null);
  const rows = list.data?.results ?? [];
  const id = chosen ?? rows[0]?.id;
  return (
    <section className="panel" aria-labelledby="walk-forwards">
      <h2 id="walk-forwards">Walk-forward</h2>
      {list.error ? (
        <Failed error={list.error} what="The walk-forwards" retry={() => void list.refetch()} />
      ) : !list.data ? (
        <Loading what="walk-forwards" />
      ) : id === undefined ? (
        <p className="muted">
          None was kept yet. <code>manage.py walk_forward BTCUSDT --from 2024-01-01 --to 2024-09-06</code> searches weights on one stretch, judges them on the
          next, and says whether there is an edge.
        </p>
      ) : (
        <>
          <Choice rows={rows} chosen={id} onChoose={setChosen} />
          <Shown key={id} id={id} />
        </>
      )}
    </section>
  );
}

function Choice({ rows, chosen, onChoose }: { rows: WalkForwardRow[]; chosen: number; onChoose: (id: number) => void }) {
  return (
    <ul className="walks">
      {rows.map((row) => (
        <li key={row.id}>
          <button aria-pressed={row.id === chosen} onClick={() => onChoose(row.id)}>
            <span className={row.edge ? "lean-bullish" : "muted"}>{row.edge ? "▲ edge" : "◆ no edge"}</span> <Time ms={Date.parse(row.created_at)} style="short" />{" "}
            <span className="muted">
              {row.source}
              {row.preset !== null && `, saved as ${row.preset}`}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Shown({ id }: { id: number }) {
  const walk = useQuery({ queryKey: ["walk-forward", id], queryFn: () => readWalkForward(id), staleTime: Infinity, retry: false });
  if (walk.error) return <Failed error={walk.error} what="The walk-forward" />;
  if (!walk.data) return <Loading what="walk-forward" />;
  return (
    <div data-testid="walk-forward" data-id={id}>
      <p>{walk.data.verdict}</p>
      <Report walk={reportOf(walk.data.report)} />
    </div>
  );
}

function Report({ walk }: { walk: Walk }) {
  const { out_of_sample: test, settings } = walk;
  const figures: [string, string][] = [
    ["Symbols", settings.symbols.join(", ")],
    ["Trades out of sample", whole(test.trades)],
    ["Hit rate", percent(test.hit_rate, 1)],
    ["95 % interval", test.interval ? `${percent(test.interval[0], 1)} – ${percent(test.interval[1], 1)}` : "–"],
    ["Mean", `${signed(test.mean_r, 3)} R`],
    ["Random entries", `${signed(test.random_r, 3)} R`],
    ["p of luck", fixed(test.p, 3)],
    ["Weights alike", percent(walk.stability)],
  ];
  return (
    <>
      <Tiles figures={figures} />
      <Equity walk={walk} />
      <Windows walk={walk} />
    </>
  );
}

const money = (value: number | null) => fixed(value, 0);

function Equity({ walk }: { walk: Walk }) {
  const { equity_series: series } = walk;
  const times = useMemo(() => series.map((point) => point.ts), [series]);
  const lines = useMemo<LineOf[]>(() => [{ name: "Equity out of sample", values: series.map((point) => point.equity), colour: "accent", fill: true }], [series]);
  if (series.length < 2) return null;
  return (
    <Suspense fallback={<Loading what="chart" />}>
      <LineChart label="Equity out of sample" times={times} lines={lines} format={money} height={200} />
    </Suspense>
  );
}

function Windows({ walk }: { walk: Walk }) {
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Windows, scrollable">
      <table>
        <caption>Each window: weights searched on its training stretch, judged on the test behind it</caption>
        <thead>
          <tr>
            <th scope="col">Training from</th>
            <th scope="col">Test from</th>
            <th scope="col">until</th>
            <th scope="col" className="end">Found, R a trade</th>
            <th scope="col" className="end">Test trades</th>
            <th scope="col" className="end">Test, R a trade</th>
          </tr>
        </thead>
        <tbody>
          {walk.windows.map((one) => (
            <tr key={one.test_start}>
              <td>
                <Time ms={one.train_start} style="short" />
              </td>
              <td>
                <Time ms={one.test_start} style="short" />
              </td>
              <td>
                <Time ms={one.test_end} style="short" />
              </td>
              <td className="end">{signed(one.found?.in_sample.mean_r, 3)}</td>
              <td className="end">{whole(one.trades)}</td>
              <td className={`end ${(one.mean_r ?? 0) > 0 ? "lean-bullish" : (one.mean_r ?? 0) < 0 ? "lean-bearish" : "muted"}`}>{signed(one.mean_r, 3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
