import "./record.css";

import type { Reliability as Calibration } from "../../api/generated";
import { fixed, percent, whole } from "../../format/format";

const SIZE = 200;
const PAD = 28;
const at = (share: number) => PAD + share * (SIZE - PAD - 6);
const up = (share: number) => SIZE - PAD - share * (SIZE - PAD - 6);

/** What was said against what came: on the diagonal the probabilities are right. */
export function Reliability({ calibration }: { calibration: Calibration }) {
  const { bins } = calibration;
  const most = Math.max(1, ...bins.map((bin) => bin.count));
  return (
    <section className="panel" aria-labelledby="reliability">
      <h2 id="reliability">Reliability</h2>
      {calibration.status === "insufficient" || bins.length === 0 ? (
        <p className="muted">{whole(calibration.count)} outcomes carried a probability: too few to judge it by.</p>
      ) : (
        <div className="reliability">
          <svg viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={`Reliability over ${bins.length} bins`}>
            <path d={`M${at(0)} ${up(1)}V${up(0)}H${at(1)}`} className="reliability-axis" />
            <path d={`M${at(0)} ${up(0)}L${at(1)} ${up(1)}`} className="reliability-ideal" />
            {bins.map((bin) => (
              <circle key={bin.said} cx={at(bin.said)} cy={up(bin.came)} r={2 + 4 * Math.sqrt(bin.count / most)}>
                <title>
                  said {percent(bin.said, 1)}, came {percent(bin.came, 1)}, {whole(bin.count)} outcomes
                </title>
              </circle>
            ))}
            <text x={at(0.5)} y={SIZE - 8} textAnchor="middle">
              said
            </text>
            <text x={12} y={up(0.5)} textAnchor="middle" transform={`rotate(-90 12 ${up(0.5)})`}>
              came
            </text>
          </svg>
          <p className="muted">
            Brier score {fixed(calibration.brier, 4)}, of always saying the mean {fixed(calibration.brier_of_mean, 4)}; calibration error {percent(calibration.calibration_error, 1)}, of a
            perfect forecaster with as many outcomes {percent(calibration.error_of_perfect, 1)}.
          </p>
        </div>
      )}
    </section>
  );
}
