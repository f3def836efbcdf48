import type { SignalRisk } from "../api/generated";
import type { Advice, Direction, RiskLevel } from "../api/types";
import { percent, score as scoreText } from "../format/format";

const ARROWS: Record<Direction, string> = { BULLISH: "▲", BEARISH: "▼", NEUTRAL: "◆" };

/** Up, down or neither: by shape, word and colour. */
export function DirectionMark({ direction, word = true }: { direction: Direction | null; word?: boolean }) {
  if (direction === null) return <span className="muted">–</span>;
  return (
    <span className={`direction lean-${direction.toLowerCase()}`} title={direction}>
      <span aria-hidden="true">{ARROWS[direction]}</span> <span className={word ? undefined : "sr"}>{direction.toLowerCase()}</span>
    </span>
  );
}

export function AdviceMark({ advice }: { advice: Advice | null }) {
  if (advice === null) return <span className="muted">–</span>;
  return <span className={`advice advice-${advice.toLowerCase()}`}>{advice}</span>;
}

/** LOW, MEDIUM or HIGH; what it rests on, where that is known, on hover. */
export function RiskMark({ level, risk }: { level: RiskLevel | null | undefined; risk?: SignalRisk }) {
  if (!level) return <span className="muted">–</span>;
  const dots = { LOW: 1, MEDIUM: 2, HIGH: 3 }[level];
  return (
    <span className={`risk risk-${level.toLowerCase()}`} title={`Risk ${level}${risk ? `: ${restsOn(risk)}` : ""}`}>
      <span className="risk-dots" aria-hidden="true">
        {[1, 2, 3].map((n) => (
          <i key={n} data-on={n <= dots || undefined} />
        ))}
      </span>
      {level.toLowerCase()}
    </span>
  );
}

function restsOn(risk: SignalRisk): string {
  return `volatility above ${percent(risk.volatility_percentile)} of its window, stop ${percent(risk.stop_distance, 1)} away, evidence ${percent(risk.disagreement)} divided`;
}

/** A bar from the middle, −1..1. Scaled, not sized: it changes often, and a scale is painted without a new layout. */
export function LeanTrack({ lean }: { lean: number }) {
  return (
    <span className="score-track" aria-hidden="true">
      <i className={`score-fill score-${lean >= 0 ? "up" : "down"}`} style={{ transform: `scaleX(${Math.min(1, Math.abs(lean)).toFixed(3)})` }} />
    </span>
  );
}

/** A score as a bar from the middle: to the end bullish, to the start bearish. */
export function ScoreBar({ value }: { value: number | null }) {
  if (value === null) return <span className="muted">–</span>;
  return (
    <span className="score">
      <LeanTrack lean={value * 2 - 1} />
      <span className="num">{scoreText(value)}</span>
    </span>
  );
}

export function ConfidenceBar({ value }: { value: number | null }) {
  if (value === null) return <span className="muted">–</span>;
  return (
    <span className="confidence">
      <span className="confidence-track" aria-hidden="true">
        <i style={{ transform: `scaleX(${Math.min(1, value).toFixed(3)})` }} />
      </span>
      <span className="num">{percent(value)}</span>
    </span>
  );
}

/** One cell a timeframe, coloured by its score. */
export function TimeframeStrip({ names, scores }: { names: readonly string[]; scores: Record<string, number> }) {
  const told = names.map((name) => `${name}: ${scores[name] === undefined ? "no score" : scoreText(scores[name])}`);
  return (
    <span className="strip" role="img" aria-label={told.join(", ")}>
      {names.map((name, i) => (
        <i key={name} className={`strip-cell lean-step-${scores[name] === undefined ? "none" : leanStep(scores[name])}`} title={told[i]}>
          {name}
        </i>
      ))}
    </span>
  );
}

/** −3..3: how far a score leans; ±0.05 is neutral, as in the presets' band. */
export function leanStep(score: number): number {
  const lean = score - 0.5;
  const size = Math.abs(lean);
  return Math.sign(lean) * (size < 0.05 ? 0 : size < 0.12 ? 1 : size < 0.25 ? 2 : 3);
}
