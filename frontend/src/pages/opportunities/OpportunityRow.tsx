import { memo } from "react";
import { Link } from "wouter";

import { price, span } from "../../format/format";
import { because } from "../../format/words";
import { AdviceMark, ConfidenceBar, DirectionMark, RiskMark, ScoreBar, TimeframeStrip } from "../../ui/marks";
import { Sparkline } from "../../ui/Sparkline";
import type { Row } from "./rows";

type Props = {
  row: Row;
  rank: number;
  /** Distance from the top of the table's body, px. */
  top: number;
  active: boolean;
  timeframes: readonly string[];
  now: number | null;
  closes: readonly number[] | undefined;
  onChoose: (symbol: string) => void;
};

export const OpportunityRow = memo(function OpportunityRow({ row, rank, top, active, timeframes, now, closes, onChoose }: Props) {
  const age = row.signal && now !== null ? Math.max(0, now - row.signal.ts) : null;
  return (
    <div
      className="grid-row"
      role="row"
      id={`row-${row.symbol}`}
      aria-rowindex={rank + 1}
      aria-selected={active}
      data-symbol={row.symbol}
      data-as-of={row.asOf ?? undefined}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onChoose(row.symbol)}
    >
      <span role="gridcell" className="col-rank muted">
        {rank}
      </span>
      <span role="gridcell" className="col-symbol">
        <Link href={`/symbol/${encodeURIComponent(row.symbol)}`} tabIndex={-1}>
          {row.symbol}
        </Link>
      </span>
      <span role="gridcell" className="col-price num">
        {price(row.price)}
      </span>
      <span role="gridcell" className="col-spark">
        <Sparkline values={closes} label={`Last ${closes?.length ?? 0} bars of ${row.symbol}`} />
      </span>
      <span role="gridcell" className="col-score">
        {row.score === null ? <NoScore row={row} /> : <ScoreBar value={row.score} />}
      </span>
      <span role="gridcell" className="col-direction">
        <DirectionMark direction={row.direction} />
      </span>
      <span role="gridcell" className="col-advice">
        <AdviceMark advice={row.advice} />
      </span>
      <span role="gridcell" className="col-confidence">
        <ConfidenceBar value={row.confidence} />
      </span>
      <span role="gridcell" className="col-strip">
        <TimeframeStrip names={timeframes} scores={row.timeframes} />
      </span>
      <span role="gridcell" className="col-risk">
        <RiskMark level={row.riskLevel} />
      </span>
      <span role="gridcell" className="col-age num" title={row.signal ? `Signal ${row.signal.seq}: ${because(row.signal.because)}` : "No signal yet"}>
        {span(age)}
      </span>
    </div>
  );
});

function NoScore({ row }: { row: Row }) {
  const reasons = row.skipped.map((none) => `${none.timeframe} ${none.reason}: ${none.detail}`).join("; ");
  const first = row.skipped[0]?.reason;
  return (
    <span className="muted" title={reasons || "Not scored yet"}>
      {first ? `no score: ${first.replaceAll("_", " ")}` : "not scored yet"}
    </span>
  );
}
