import { useQuery } from "@tanstack/react-query";

import { readSeries } from "../../api/endpoints";
import type { SeriesStatus } from "../../api/generated";
import { pace } from "../../api/queries";
import { useAgent } from "../../app/useAgent";
import { shortTime, span, whole } from "../../format/format";
import { INTERVAL_MS, TIMEFRAMES } from "../../format/timeframes";
import { Failed, Loading } from "../../ui/states";
import { Time } from "../../ui/Time";

const EVERY_MS = 10_000;

/** Every series: up to date, behind, over, with holes. */
export function Feeds() {
  const agent = useAgent();
  const series = useQuery({ queryKey: ["series"], queryFn: readSeries, refetchInterval: pace(EVERY_MS), retry: false });
  return (
    <section className="panel" aria-labelledby="feeds">
      <h2 id="feeds">Market data</h2>
      {agent && (
        <p>
          Source {agent.market.source}, {agent.market.status}; last candle <Time ms={agent.market.last_candle_at} style="short" />, {span(agent.market.lag_ms)} behind the market’s clock.
          {agent.market.problem && <span className="complaint"> {agent.market.problem}</span>}
        </p>
      )}
      {series.error && !series.data ? (
        <Failed error={series.error} what="The series" retry={() => void series.refetch()} />
      ) : !series.data ? (
        <Loading what="series" />
      ) : series.data.series.length === 0 ? (
        <p className="muted">No series yet.</p>
      ) : (
        <Matrix series={series.data.series} now={series.data.now} />
      )}
    </section>
  );
}

function Matrix({ series, now }: { series: SeriesStatus[]; now: number | null }) {
  const timeframes = TIMEFRAMES.filter((name) => series.some((one) => one.timeframe === name));
  const symbols = [...new Set(series.map((one) => one.symbol))];
  return (
    <div className="table-scroll feeds" tabIndex={0} role="group" aria-label="Series, scrollable">
      <table data-testid="series">
        <thead>
          <tr>
            <th scope="col">Symbol</th>
            {timeframes.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {symbols.map((symbol) => (
            <tr key={symbol}>
              <th scope="row">{symbol}</th>
              {timeframes.map((name) => (
                <State key={name} of={series.find((one) => one.symbol === symbol && one.timeframe === name)} now={now} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A bar may come late by so much of its interval before its series counts as behind. */
const GRACE = 1.5;

function State({ of: one, now }: { of: SeriesStatus | undefined; now: number | null }) {
  if (!one) return <td className="muted">–</td>;
  const missing = Object.entries(one.holes);
  const bars = one.last_close === null || now === null ? null : (now - one.last_close) / INTERVAL_MS[one.timeframe];
  const [word, look] =
    one.last_close === null ? ["empty", "muted"] : one.ended_at !== null && one.ended_at <= one.last_close ? ["ended", "muted"] : bars !== null && bars > GRACE ? [`${whole(bars)} behind`, "lean-bearish"] : ["✓", "lean-bullish"];
  return (
    <td className={look} title={one.last_close === null ? "no candle is stored" : `last candle closed ${shortTime(one.last_close)}`}>
      {word}
      {missing.map(([reason, count]) => (
        <span key={reason} className="muted">
          {" "}
          {whole(count)} {reason.replaceAll("_", " ")}
        </span>
      ))}
    </td>
  );
}
