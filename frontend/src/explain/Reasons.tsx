import "./explain.css";

import type { Score } from "../api/types";
import { signed } from "../format/format";
import { detectorIdea, detectorName } from "../format/words";
import { LeanTrack } from "../ui/marks";

/** The parts that move a score most, with their reasons. */
export function Reasons({ scored, most }: { scored: Score; most: number }) {
  const parts = scored.components.filter((part) => part.confidence > 0).sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const reach = Math.max(0.02, ...parts.map((part) => Math.abs(part.contribution)));
  if (parts.length === 0) return <p className="muted">No detector says anything.</p>;
  return (
    <ul className="reasons">
      {parts.slice(0, most).map((part) => (
        <li key={part.name}>
          <b title={detectorIdea(part.name)}>{detectorName(part.name)}</b>
          <span className="score">
            <LeanTrack lean={part.contribution / reach} />
            <span className="num">{signed(part.contribution, 3)}</span>
          </span>
          <span className="muted reason" title={part.reason}>
            {part.reason}
          </span>
        </li>
      ))}
    </ul>
  );
}
