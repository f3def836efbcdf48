import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";

import { readCandles } from "../../api/endpoints";
import type { BacktestResponse, BacktestTrade } from "../../api/generated";
import type { CandleRow, Timeframe } from "../../api/types";
import { fixed, percent, price, signed, whole } from "../../format/format";
import { outcomeWord } from "../../format/words";
import { INTERVAL_MS } from "../../format/timeframes";
import type { Mark } from "../../ui/CandleChart";
import type { LineOf } from "../../ui/LineChart";
import { Loading } from "../../ui/states";
import { Time } from "../../ui/Time";
import { Tiles } from "../../ui/Tiles";

const LineChart = lazy(() => import("../../ui/LineChart"));
const CandleChart = lazy(() => import("../../ui/CandleChart"));
const MAX_CANDLES = 2000;

/** The result of one backtest: figures, equity, drawdown, months, trades. */
export default function Report({ result }: { result: BacktestResponse }) {
  return (
    <>
      <Figures result={result} />
      <div className="columns">
        <Equity result={result} />
        <Drawdown result={result} />
      </div>
      <Months monthly={result.monthly} />
      {result.meta.symbols[0] !== undefined && <TradeChart result={result} symbol={result.meta.symbols[0]} />}
      <Trades result={result} />
    </>
  );
}

function Figures({ result }: { result: BacktestResponse }) {
  const { metrics, meta } = result;
  const figures: [string, string][] = [
    ["Return", percent(metrics.total_return, 1)],
    ["Buy and hold", percent(metrics.buy_and_hold_return, 1)],
    ["Final equity", fixed(metrics.final_equity, 2)],
    ["Worst drawdown", percent(metrics.max_drawdown, 1)],
    ["Sharpe", fixed(metrics.sharpe, 2)],
    ["Sortino", fixed(metrics.sortino, 2)],
    ["Trades", whole(metrics.total_trades)],
    ["Win rate", percent(metrics.win_rate, 1)],
    ["Profit factor", fixed(metrics.profit_factor, 2)],
    ["Exposure", percent(metrics.exposure, 1)],
    ["Return a year", percent(metrics.cagr, 1)],
    ["Candles", whole(meta.candles)],
  ];
  return <Tiles figures={figures} testid="metrics" id={result.id} />;
}

const money = (value: number | null) => fixed(value, 0);

function Equity({ result }: { result: BacktestResponse }) {
  const { equity_series: series, meta } = result;
  const times = useMemo(() => series.map((point) => point.ts), [series]);
  const symbol = meta.symbols[0];
  const hold = useHold(symbol, meta.timeframes.at(-1) as Timeframe | undefined, times, meta.initial_capital);
  const lines = useMemo<LineOf[]>(
    () => [
      { name: "Equity", values: series.map((point) => point.equity), colour: "accent", fill: true },
      ...(hold ? [{ name: `Holding ${symbol}`, values: hold, colour: "muted" } satisfies LineOf] : []),
    ],
    [series, hold, symbol],
  );
  return (
    <section className="panel" aria-labelledby="equity">
      <h2 id="equity">Equity {hold && "against buy and hold"}</h2>
      {series.length < 2 ? (
        <p className="muted">Too few points for a line.</p>
      ) : (
        <Suspense fallback={<Loading what="chart" />}>
          <LineChart label={`Equity from ${money(meta.initial_capital)} to ${money(result.metrics.final_equity)}`} times={times} lines={lines} format={money} height={240} />
        </Suspense>
      )}
    </section>
  );
}

/** What the capital would be worth if the symbol were bought at the start, where its candles are still stored here. */
function useHold(symbol: string | undefined, timeframe: Timeframe | undefined, times: number[], capital: number): number[] | null {
  const candles = useQuery({
    queryKey: ["candles", symbol, timeframe, MAX_CANDLES],
    queryFn: () => readCandles(symbol ?? "", timeframe ?? "1h", MAX_CANDLES),
    enabled: symbol !== undefined && timeframe !== undefined,
    retry: false,
    staleTime: Infinity,
  });
  return useMemo(() => {
    if (!candles.data || timeframe === undefined) return null;
    return held(candles.data.candles, INTERVAL_MS[timeframe], times, capital);
  }, [candles.data, timeframe, times, capital]);
}

/** The worth of `capital` held from the first time on, by the last close known at each; null where that is not stored. */
export function held(candles: readonly CandleRow[], interval: number, times: readonly number[], capital: number): number[] | null {
  let at = -1;
  const closes = times.map((time) => {
    for (let next = candles[at + 1]; next && next.open_time + interval <= time; next = candles[at + 1]) at++;
    return candles[at]?.close;
  });
  const bought = closes[0];
  if (bought === undefined) return null; // a line that begins elsewhere compares nothing
  return closes.map((close) => (capital * (close ?? bought)) / bought);
}

function Drawdown({ result }: { result: BacktestResponse }) {
  const { equity_series: series } = result;
  const times = useMemo(() => series.map((point) => point.ts), [series]);
  const lines = useMemo<LineOf[]>(() => [{ name: "Drawdown", values: drawdowns(series.map((point) => point.equity)), colour: "down", fill: true }], [series]);
  return (
    <section className="panel" aria-labelledby="drawdown">
      <h2 id="drawdown">Drawdown</h2>
      {series.length < 2 ? (
        <p className="muted">Too few points for a line.</p>
      ) : (
        <Suspense fallback={<Loading what="chart" />}>
          <LineChart label={`Drawdown, at worst ${percent(result.metrics.max_drawdown, 1)}`} times={times} lines={lines} format={(v) => percent(v, 1)} height={240} />
        </Suspense>
      )}
    </section>
  );
}

/** How far below its highest each value is, as a negative share. */
export function drawdowns(equity: readonly number[]): number[] {
  let top = -Infinity;
  return equity.map((value) => {
    top = Math.max(top, value);
    return top > 0 ? value / top - 1 : 0;
  });
}

const MONTHS = Array.from({ length: 12 }, (_, i) => String(i + 1).padStart(2, "0"));
const MONTH_NAME = new Intl.DateTimeFormat(undefined, { month: "short", timeZone: "UTC" });

function Months({ monthly }: { monthly: BacktestResponse["monthly"] }) {
  const years = [...new Set(Object.keys(monthly).map((month) => month.slice(0, 4)))].sort();
  if (years.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="months">
      <h2 id="months">Return by month</h2>
      <div className="table-scroll" tabIndex={0} role="group" aria-label="Return by month, scrollable">
        <table>
          <thead>
            <tr>
              <th scope="col">Year</th>
              {MONTHS.map((month) => (
                <th key={month} scope="col" className="end">
                  {MONTH_NAME.format(Date.UTC(2024, Number(month) - 1))}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {years.map((year) => (
              <tr key={year}>
                <th scope="row">{year}</th>
                {MONTHS.map((month) => {
                  const value = monthly[`${year}-${month}`];
                  return (
                    <td key={month} className={`end ${value ? (value > 0 ? "lean-bullish" : "lean-bearish") : "muted"}`}>
                      {value === undefined ? "" : percent(value, 1)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function TradeChart({ result, symbol }: { result: BacktestResponse; symbol: string }) {
  const timeframe = (result.meta.timeframes.at(-1) ?? "1h") as Timeframe;
  const candles = useQuery({ queryKey: ["candles", symbol, timeframe, MAX_CANDLES], queryFn: () => readCandles(symbol, timeframe, MAX_CANDLES), retry: false, staleTime: Infinity });
  const { start, end } = result.meta;
  const inside = useMemo(() => candles.data?.candles.filter((c) => c.open_time >= start && c.open_time < end), [candles.data, start, end]);
  const marks = useMemo(() => result.trades.filter((trade) => trade.symbol === symbol).flatMap(marksOf), [result.trades, symbol]);
  if (!inside?.length) return null;
  return (
    <section className="panel" aria-labelledby="trades-chart">
      <h2 id="trades-chart">Trades on the chart</h2>
      {candles.data && start < (candles.data.candles[0]?.open_time ?? 0) && <p className="muted">The last {whole(inside.length)} candles of the range.</p>}
      <Suspense fallback={<Loading what="chart" />}>
        <CandleChart label={`${symbol} with ${result.trades.length} trades`} candles={inside} intervalMs={INTERVAL_MS[timeframe]} marks={marks} levels={[]} swings={[]} />
      </Suspense>
    </section>
  );
}

function marksOf(trade: BacktestTrade, index: number): Mark[] {
  const long = trade.side === "LONG";
  return [
    { id: `${index}-in`, ts: trade.entry_ts, kind: long ? "up" : "down", text: trade.side.toLowerCase() },
    { id: `${index}-out`, ts: trade.exit_ts, kind: "flat", text: outcomeWord(trade.exit_reason) },
  ];
}

function Trades({ result }: { result: BacktestResponse }) {
  const { trades, id } = result;
  return (
    <section className="panel" aria-labelledby="trades">
      <div className="page-head">
        <h2 id="trades">{whole(trades.length)} trades</h2>
        <a href={`/api/backtest/export/${id}?file_format=csv`} download>
          Save as CSV
        </a>
      </div>
      {trades.length === 0 ? (
        <p className="muted">The rules opened no position in this range.</p>
      ) : (
        <div className="table-scroll trades" tabIndex={0} role="group" aria-label="Trades, scrollable">
          <table data-testid="trades">
            <thead>
              <tr>
                <th scope="col">Side</th>
                <th scope="col">In</th>
                <th scope="col" className="end">At</th>
                <th scope="col">Out</th>
                <th scope="col" className="end">At</th>
                <th scope="col" className="end">Profit</th>
                <th scope="col" className="end">Return</th>
                <th scope="col" className="end">R</th>
                <th scope="col">Exit</th>
              </tr>
            </thead>
            <tbody>
              {trades.slice(0, 500).map((trade, i) => (
                <tr key={i}>
                  <td className={trade.side === "LONG" ? "lean-bullish" : "lean-bearish"}>{trade.side === "LONG" ? "▲ long" : "▼ short"}</td>
                  <td>
                    <Time ms={trade.entry_ts} style="short" />
                  </td>
                  <td className="end">{price(trade.entry_price)}</td>
                  <td>
                    <Time ms={trade.exit_ts} style="short" />
                  </td>
                  <td className="end">{price(trade.exit_price)}</td>
                  <td className="end">{signed(trade.profit, 2)}</td>
                  <td className="end">{percent(trade.return_pct / 100, 2)}</td>
                  <td className="end">{fixed(trade.r, 2)}</td>
                  <td>{outcomeWord(trade.exit_reason)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
