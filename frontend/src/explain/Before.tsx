import "./explain.css";

import { useQuery } from "@tanstack/react-query";

import { readRecord } from "../api/endpoints";
import type { Summary } from "../api/generated";
import { pace } from "../api/queries";
import { percent, whole } from "../format/format";

const EVERY_MS = 30_000;
/** From so many outcomes on the record has numbers. */
const ENOUGH = 30;

/** How such signals did before: hits of this direction with their interval, against entries at random. */
export function Before({ direction }: { direction: "BULLISH" | "BEARISH" }) {
  const record = useQuery({ queryKey: ["record", direction], queryFn: () => readRecord({ direction }), refetchInterval: pace(EVERY_MS), staleTime: EVERY_MS, retry: false });
  const side = direction.toLowerCase();
  if (record.error && !record.data) return <p className="muted">The record of outcomes could not be read: {record.error.message}</p>;
  if (!record.data) return <p className="muted">…</p>;
  const { overall } = record.data;
  if (overall.status === "insufficient" || overall.hit_rate === null) {
    return (
      <p className="muted before" data-testid="before">
        Too early to say: {whole(overall.count)} of {ENOUGH} {side} outcomes are known.
      </p>
    );
  }
  return <Hits summary={overall} hitRate={overall.hit_rate} side={side} />;
}

function Hits({ summary, hitRate, side }: { summary: Summary; hitRate: number; side: string }) {
  const [low, high] = [summary.interval?.[0] ?? hitRate, summary.interval?.[1] ?? hitRate];
  const random = summary.baseline?.hit_rate ?? null;
  return (
    <div className="before" data-testid="before">
      <div className="before-line" aria-hidden="true">
        <Span from={low} to={high} name="before-range" />
        <Span from={hitRate} to={hitRate} name="before-point" />
        {random !== null && <Span from={random} to={random} name="before-random" />}
      </div>
      <p>
        <b className="num">{percent(hitRate)}</b> of {whole(summary.count)} {side} signals reached their target first{" "}
        <span className="muted num">
          ({percent(low)} to {percent(high)} with 95 %{random !== null && `; at random ${percent(random)}`})
        </span>
      </p>
    </div>
  );
}

const Span = ({ from, to, name }: { from: number; to: number; name: string }) => (
  <i className={name} style={{ insetInlineStart: `${(100 * from).toFixed(1)}%`, inlineSize: `${(100 * (to - from)).toFixed(1)}%` }} />
);
