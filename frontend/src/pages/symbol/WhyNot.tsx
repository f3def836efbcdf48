import type { Decision, StoredSignal } from "../../api/types";
import { score } from "../../format/format";
import { Time } from "../../ui/Time";

const HELD: Record<string, string> = {
  unchanged: "Nothing changed enough since the last signal: same advice and direction, and the score moved less than the step.",
  cooldown: "The last signal is too recent: its cooldown still runs.",
  min_score: "The score is too close to neutral for what the rules ask.",
  no_score: "There is no score, so there is no decision.",
};

type Props = { symbol: string; decision: Decision | undefined; latest: StoredSignal | undefined };

/** What the last decision came to, and what held it back. */
export function WhyNot({ symbol, decision, latest }: Props) {
  return (
    <section className="panel" aria-labelledby="why">
      <h2 id="why">{decision?.emitted ? "The last decision was told" : "Why there is no new signal"}</h2>
      {decision ? (
        <Told decision={decision} />
      ) : (
        <p className="muted">{symbol} has not been decided on yet: the agent does not watch it, or has not scanned it.</p>
      )}
      {latest && (
        <p className="muted">
          Last signal: number {latest.seq}, {latest.advice} at {score(latest.score)}, <Time ms={latest.ts} style="short" />.
        </p>
      )}
    </section>
  );
}

function Told({ decision }: { decision: Decision }) {
  return (
    <>
      <p data-because={decision.because}>
        {decision.emitted ? `Told because: ${decision.because}.` : (HELD[decision.because] ?? `Held back by: ${decision.because}.`)}
      </p>
      {decision.skipped.length > 0 && (
        <ul>
          {decision.skipped.map((none) => (
            <li key={none.timeframe}>
              {none.timeframe} has no score: {none.reason.replaceAll("_", " ")} ({none.detail})
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
