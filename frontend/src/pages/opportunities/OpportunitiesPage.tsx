import "./opportunities.css";

import { memo, useDeferredValue, useEffect, useMemo, useState } from "react";

import { useCloses } from "../../api/queries";
import type { Timeframe } from "../../api/types";
import { Empty, Failed, Loading } from "../../ui/states";
import { AlarmBar } from "./AlarmBar";
import { Feed } from "./Feed";
import { FilterBar } from "./FilterBar";
import { Focus } from "./Focus";
import { OpportunityTable } from "./OpportunityTable";
import type { Filter, Row, Sort } from "./rows";
import { useOrder, useRows } from "./useRows";

const SPARK_BARS = 48;
const NONE: Timeframe[] = [];
const NO_FILTER: Filter = { text: "", direction: null, advice: null };

export function OpportunitiesPage() {
  const { agent, rows, decisions } = useRows();
  if (!rows) {
    return decisions.error ? <Failed error={decisions.error} what="The watchlist" retry={() => void decisions.refetch()} /> : <Loading what="opportunities" />;
  }
  if (rows.length === 0) {
    return (
      <Empty title="The agent watches no symbols">
        <p>
          Give it a watchlist with <code>POST /api/agent/subscribe</code>, or connect a market.
        </p>
      </Empty>
    );
  }
  return <Opportunities rows={rows} timeframes={agent?.timeframes ?? NONE} now={agent?.market.now ?? null} stale={decisions.isError} decided={decisions.data !== undefined} />;
}

type Props = { rows: Row[]; timeframes: Timeframe[]; now: number | null; stale: boolean; decided: boolean };

const Opportunities = memo(function Opportunities({ rows, timeframes, now, stale, decided }: Props) {
  const [filter, setFilter] = useState(NO_FILTER);
  const [sort, setSort] = useState<Sort>({ key: "rank", descending: true });
  const [hold, setHold] = useState(false);
  const asked = useDeferredValue(filter);
  const order = useOrder(rows, asked, sort, hold);
  const bySymbol = useMemo(() => new Map(rows.map((row) => [row.symbol, row])), [rows]);
  const closes = useCloses(timeframes[0], SPARK_BARS);
  const shown = order.map((symbol) => bySymbol.get(symbol)).filter((row) => row !== undefined);
  const [chosen, setChosen] = useState<string | null>(null);
  const leader = useLeader(decided ? best(shown) : undefined, order);
  const inFull = bySymbol.get(chosen ?? "") ?? bySymbol.get(leader ?? "");
  return (
    <div className="desk" data-stale={stale || undefined}>
      <section className="desk-main" aria-labelledby="opportunities">
        <div className="page-head">
          <h1 id="opportunities">Opportunities</h1>
          <Counts rows={rows} />
          <AlarmBar />
        </div>
        <FilterBar filter={filter} onChange={setFilter} shown={shown.length} total={rows.length} held={hold} />
        {shown.length === 0 ? (
          <Empty title="No symbol matches">
            <p>
              <button onClick={() => setFilter(NO_FILTER)}>Show all {rows.length}</button>
            </p>
          </Empty>
        ) : (
          <OpportunityTable rows={shown} timeframes={timeframes} now={now} sort={sort} onSort={setSort} onHold={setHold} active={inFull?.symbol ?? null} onChoose={setChosen} closes={closes.data?.closes} />
        )}
      </section>
      <div className="desk-side">
        {inFull && <Focus row={inFull} timeframes={timeframes} />}
        <Feed />
      </div>
    </div>
  );
});

const LEADER_EVERY_MS = 5000;

/** How much a row asks to be read: what is to be acted on before what only leans, then by distance from neutral. */
const urgency = (row: Row): number => (row.score === null ? -1 : Math.abs(row.score - 0.5) + (row.advice === "HOLD" ? 0 : 1));

const best = (rows: readonly Row[]): Row | undefined => rows.reduce<Row | undefined>((most, row) => (most && urgency(most) >= urgency(row) ? most : row), undefined);

/** The row to be read in full, looked at now and then: it must not change at every rank. */
function useLeader(best: Row | undefined, order: readonly string[]): string | undefined {
  const first = best?.symbol;
  const [leader, setLeader] = useState(first);
  const gone = leader === undefined || !order.includes(leader);
  useEffect(() => {
    const timer = setTimeout(() => setLeader(first), gone ? 0 : LEADER_EVERY_MS);
    return () => clearTimeout(timer);
  }, [first, gone]);
  return leader;
}

function Counts({ rows }: { rows: Row[] }) {
  const count = (test: (row: Row) => boolean) => rows.filter(test).length;
  const unscored = count((row) => row.score === null);
  const [buy, sell] = [count((row) => row.advice === "BUY"), count((row) => row.advice === "SELL")];
  return (
    <ul className="counts">
      {buy + sell === 0 ? (
        <li className="counts-none">No buy or sell now</li>
      ) : (
        <>
          <li className="counts-act">
            <b>{buy}</b> <span className="lean-bullish">▲ buy</span>
          </li>
          <li className="counts-act">
            <b>{sell}</b> <span className="lean-bearish">▼ sell</span>
          </li>
        </>
      )}
      <li>
        <b>{count((row) => row.direction === "BULLISH")}</b> bullish
      </li>
      <li>
        <b>{count((row) => row.direction === "BEARISH")}</b> bearish
      </li>
      {unscored > 0 && (
        <li>
          <b>{unscored}</b> without a score
        </li>
      )}
    </ul>
  );
}
