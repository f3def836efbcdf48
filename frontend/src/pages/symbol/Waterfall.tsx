import { useQuery } from "@tanstack/react-query";

import { scoreSeries } from "../../api/endpoints";
import { ApiError } from "../../api/http";
import { pace } from "../../api/queries";
import type { Component, Score, Timeframe } from "../../api/types";
import { percent, score as scoreText, signed } from "../../format/format";
import { detectorIdea, detectorName } from "../../format/words";
import { LeanTrack } from "../../ui/marks";
import { Failed, Loading } from "../../ui/states";

const EVERY_MS = 5000;

/** From neutral to the score: what each detector adds, and its reason. */
export function Waterfall({ symbol, timeframe }: { symbol: string; timeframe: Timeframe }) {
  const scored = useQuery({ queryKey: ["score", symbol, timeframe], queryFn: () => scoreSeries({ symbol, timeframe }), refetchInterval: pace(EVERY_MS), retry: false });
  return (
    <section className="panel waterfall" aria-labelledby="waterfall">
      <h2 id="waterfall">
        Why the {timeframe} score is what it is {scored.data && <b className="num">{scoreText(scored.data.score)}</b>}
      </h2>
      {scored.error ? <NoScore error={scored.error} /> : scored.data ? <Parts scored={scored.data} /> : <Loading what="score" />}
    </section>
  );
}

function NoScore({ error }: { error: Error }) {
  if (!(error instanceof ApiError) || error.status !== 409) return <Failed error={error} what="The score" />;
  return (
    <p>
      No score: <b>{error.code.replaceAll("_", " ")}</b>. {error.message}
    </p>
  );
}

function Parts({ scored }: { scored: Score }) {
  const speaking = scored.components.filter((part) => part.confidence > 0).sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const silent = scored.components.filter((part) => part.confidence === 0);
  const reach = Math.max(0.02, ...speaking.map((part) => Math.abs(part.contribution)));
  return (
    <>
      <table className="parts" data-score={scored.score}>
        <thead>
          <tr>
            <th scope="col">Detector</th>
            <th scope="col">Adds to 0.5</th>
            <th scope="col" className="parts-reason">
              Because
            </th>
          </tr>
        </thead>
        <tbody>
          {speaking.map((part) => (
            <Part key={part.name} part={part} reach={reach} />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Score</th>
            <td className="num">{scoreText(scored.score)}</td>
            <td className="muted parts-reason">
              0.5 and the parts above; confidence {percent(scored.confidence)}, {scored.preset} version {scored.preset_version}
            </td>
          </tr>
        </tfoot>
      </table>
      {silent.length > 0 && (
        <details>
          <summary>{silent.length} detectors say nothing</summary>
          <dl className="silent">
            {silent.map((part) => (
              <div key={part.name}>
                <dt title={detectorIdea(part.name)}>{detectorName(part.name)}</dt>
                <dd className="muted">{part.reason}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </>
  );
}

function Part({ part, reach }: { part: Component; reach: number }) {
  return (
    <tr data-contribution={part.contribution} data-detector={part.name}>
      <th scope="row" title={detectorIdea(part.name)}>
        {detectorName(part.name)}
      </th>
      <td>
        <span className="score">
          <LeanTrack lean={part.contribution / reach} />
          <span className="num">{signed(part.contribution, 4)}</span>
        </span>
      </td>
      <td className="wrap parts-reason" title={`weight ${percent(part.weight)}, confidence ${percent(part.confidence)}`}>
        {part.reason}
      </td>
    </tr>
  );
}
