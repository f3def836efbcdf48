import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { explainSignal } from "../../api/endpoints";
import type { OutcomeRow } from "../../api/generated";
import type { StoredSignal } from "../../api/types";
import { percent, price, score, signed } from "../../format/format";
import { because, outcomeWord } from "../../format/words";
import { AdviceMark, DirectionMark, RiskMark } from "../../ui/marks";
import { Failed, Loading } from "../../ui/states";
import { Time } from "../../ui/Time";

const SHOWN = 25;

type Outcomes = ReadonlyMap<string, OutcomeRow>;

export function SignalTable({ signals, outcomes, error }: { signals: StoredSignal[] | undefined; outcomes: Outcomes; error: Error | null }) {
  const [all, setAll] = useState(false);
  return (
    <section className="panel symbol-signals" aria-labelledby="signals">
      <h2 id="signals">Stored signals</h2>
      {error && !signals ? (
        <Failed error={error} what="The signals" />
      ) : !signals ? (
        <Loading what="signals" />
      ) : signals.length === 0 ? (
        <p className="muted">None yet. The first score of a symbol is always told.</p>
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label="Stored signals, scrollable">
          <table>
            <thead>
              <tr>
                <th scope="col" className="end">No.</th>
                <th scope="col">Time</th>
                <th scope="col">Advice</th>
                <th scope="col">Direction</th>
                <th scope="col" className="end">Score</th>
                <th scope="col" className="end">Confidence</th>
                <th scope="col" className="end">Price</th>
                <th scope="col">Risk</th>
                <th scope="col">Outcome</th>
                <th scope="col" className="end" title="Share of hits among past outcomes of this score, as known when it was sent">
                  Hit chance
                </th>
                <th scope="col">Because</th>
                <th scope="col">Preset</th>
                <th scope="col" title="The score computed anew from the stored candles must have the same bits">Recomputed</th>
              </tr>
            </thead>
            <tbody>
              {signals.slice(0, all ? undefined : SHOWN).map((signal) => (
                <SignalRow key={signal.id} signal={signal} outcome={outcomes.get(signal.id)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {signals && signals.length > SHOWN && !all && <button onClick={() => setAll(true)}>Show all {signals.length}</button>}
    </section>
  );
}

function SignalRow({ signal, outcome }: { signal: StoredSignal; outcome: OutcomeRow | undefined }) {
  return (
    <tr data-id={signal.id}>
      <td className="end">{signal.seq}</td>
      <td>
        <Time ms={signal.ts} style="short" />
      </td>
      <td>
        <AdviceMark advice={signal.advice} />
      </td>
      <td>
        <DirectionMark direction={signal.direction} />
      </td>
      <td className="end">{score(signal.score)}</td>
      <td className="end">{percent(signal.confidence)}</td>
      <td className="end">{price(signal.price)}</td>
      <td>
        <RiskMark level={signal.risk_level} risk={signal.risk} />
      </td>
      <td>
        <Became outcome={outcome} />
      </td>
      <td className="end">{percent(signal.probability)}</td>
      <td>{because(signal.because)}</td>
      <td>
        {signal.preset} {signal.preset_version}
      </td>
      <td>
        <Derived id={signal.id} />
      </td>
    </tr>
  );
}

function Became({ outcome }: { outcome: OutcomeRow | undefined }) {
  if (!outcome) return <span className="muted">–</span>;
  const result = outcome.r === null ? "" : ` ${signed(outcome.r, 2)} R`;
  const lean = outcome.r === null || outcome.outcome === "open" ? "muted" : outcome.r > 0 ? "lean-bullish" : "lean-bearish";
  return <span className={lean}>{`${outcomeWord(outcome.outcome)}${result}`}</span>;
}

/** The signal computed anew from its stored candles, on demand. */
function Derived({ id }: { id: string }) {
  const [asked, setAsked] = useState(false);
  const explained = useQuery({ queryKey: ["explain", id], queryFn: () => explainSignal(id), enabled: asked, staleTime: Infinity });
  if (!asked) {
    return (
      <button className="link" onClick={() => setAsked(true)}>
        check
      </button>
    );
  }
  if (explained.error) return <span className="complaint">{explained.error.message}</span>;
  if (!explained.data) return <span className="muted">computing …</span>;
  const { identical, reason } = explained.data;
  if (identical) return <span className="lean-bullish">the same bits</span>;
  return <span className="muted">{reason ? reason.replaceAll("_", " ") : "cannot be told"}</span>;
}
