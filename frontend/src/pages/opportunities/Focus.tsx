import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";

import { planStop, readPresets, scoreSeries } from "../../api/endpoints";
import { pace } from "../../api/queries";
import type { Timeframe } from "../../api/types";
import { useAgent } from "../../app/useAgent";
import { Before } from "../../explain/Before";
import { Reasons } from "../../explain/Reasons";
import { verdict } from "../../explain/verdict";
import { percent, price, signed } from "../../format/format";
import { AdviceMark, DirectionMark, RiskMark } from "../../ui/marks";
import type { Row } from "./rows";

const EVERY_MS = 5000;
const REASONS = 3;

/** One row in full: what to do, how sure, at what risk, why, and whether such signals were right before. */
export function Focus({ row, timeframes }: { row: Row; timeframes: Timeframe[] }) {
  const agent = useAgent();
  const presets = useQuery({ queryKey: ["presets"], queryFn: readPresets, staleTime: 60_000 });
  const terms = presets.data?.presets.find((one) => one.name === agent?.preset);
  const heaviest = timeframes.at(-1);
  const { direction } = row;
  return (
    <section className="focus" aria-labelledby="focus" data-testid="focus" data-symbol={row.symbol}>
      <header className="focus-head">
        <h2 id="focus">
          <Link href={`/symbol/${encodeURIComponent(row.symbol)}`}>{row.symbol}</Link>
        </h2>
        <AdviceMark advice={row.advice} />
        <DirectionMark direction={direction} />
        <span className="num focus-price">{price(row.price)}</span>
      </header>
      <p className="focus-verdict">{verdict(row, terms)}</p>
      <dl className="focus-facts">
        <div>
          <dt>Confidence</dt>
          <dd className="num">{percent(row.confidence)}</dd>
        </div>
        <div>
          <dt>Timeframes agree</dt>
          <dd className="num">{agreeing(row, timeframes)}</dd>
        </div>
        <div>
          <dt>Risk</dt>
          <dd>
            <RiskMark level={row.riskLevel} />
          </dd>
        </div>
      </dl>
      {direction !== null && direction !== "NEUTRAL" && row.price !== null && <Stops symbol={row.symbol} direction={direction} entry={row.price} />}
      <div className="focus-more">
        {row.score !== null && heaviest !== undefined && <Why symbol={row.symbol} timeframe={heaviest} />}
        {direction !== null && direction !== "NEUTRAL" && (
          <>
            <h3>Were such signals right before?</h3>
            <Before direction={direction} />
          </>
        )}
      </div>
    </section>
  );
}

/** How many of the timeframes lean the way of the whole. */
function agreeing(row: Row, timeframes: readonly string[]): string {
  if (row.score === null) return "–";
  const side = Math.sign(row.score - 0.5);
  const same = timeframes.filter((name) => Math.sign((row.timeframes[name] ?? 0.5) - 0.5) === side).length;
  return `${same} of ${timeframes.length}`;
}

function Why({ symbol, timeframe }: { symbol: string; timeframe: Timeframe }) {
  const scored = useQuery({ queryKey: ["score", symbol, timeframe], queryFn: () => scoreSeries({ symbol, timeframe }), refetchInterval: pace(EVERY_MS), retry: false });
  return (
    <>
      <h3>Why, on {timeframe}</h3>
      {scored.data ? <Reasons scored={scored.data} most={REASONS} /> : <p className="muted">{scored.error ? scored.error.message : "…"}</p>}
    </>
  );
}

type StopsProps = { symbol: string; direction: "BULLISH" | "BEARISH"; entry: number };

/** Where a plan would stop and take profit. */
function Stops({ symbol, direction, entry }: StopsProps) {
  const plan = useQuery({
    queryKey: ["stop", symbol, direction],
    queryFn: () => planStop({ symbol, direction, entry_price: entry }),
    // What cannot be planned now is not asked for again until the side or the symbol is another.
    refetchInterval: (query) => (query.state.error ? false : pace(EVERY_MS)(query)),
    retry: false,
  });
  if (!plan.data) return null;
  const { entry_price: from, stop_loss: stop, take_profit: target } = plan.data;
  const away = (to: number) => signed((100 * (to - from)) / from, 1);
  return (
    <dl className="focus-facts">
      <div>
        <dt>Stop</dt>
        <dd className="num">
          {price(stop)} <span className="muted">{away(stop)} %</span>
        </dd>
      </div>
      {target !== null && (
        <div>
          <dt>Target</dt>
          <dd className="num">
            {price(target)} <span className="muted">{away(target)} %</span>
          </dd>
        </div>
      )}
    </dl>
  );
}
