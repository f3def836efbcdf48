import { useQuery } from "@tanstack/react-query";

import { readPresets } from "../../api/endpoints";
import type { Decision, StoredSignal } from "../../api/types";
import { verdict } from "../../explain/verdict";
import { score } from "../../format/format";
import { because } from "../../format/words";
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
      <h2 id="why">{decision?.emitted ? "A signal was sent" : "Why there is no new signal"}</h2>
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
  const presets = useQuery({ queryKey: ["presets"], queryFn: readPresets, staleTime: 60_000 });
  const terms = presets.data?.presets.find((one) => one.name === decision.preset);
  return (
    <>
      <p>
        <b>{verdict(decision, terms)}</b>
      </p>
      <p data-because={decision.because}>
        {decision.emitted ? `Sent because: ${because(decision.because)}.` : (HELD[decision.because] ?? `Held back by: ${because(decision.because)}.`)}
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
