import "./weights.css";

import { fixed } from "../format/format";
import { detectorIdea, detectorName } from "../format/words";
import { isWhole, moved, scaled, sum, type Weights } from "./weights";

type Props = { weights: Weights; /** Those that differ from these are marked. */ before: Weights; onChange: (weights: Weights) => void };

/** Sliders that keep the sum at 1; typed numbers may break it, and what they break is shown. */
export function WeightSliders({ weights, before, onChange }: Props) {
  return (
    <div className="weights-box">
      <div className="weights">
        {Object.keys(weights).map((detector) => (
          <Slider
            key={detector}
            name={detector}
            value={weights[detector] ?? 0}
            before={before[detector] ?? 0}
            onSlide={(value) => onChange(moved(weights, detector, value))}
            onType={(value) => onChange({ ...weights, [detector]: value })}
          />
        ))}
      </div>
      <p className="weights-sum" data-whole={isWhole(weights) || undefined}>
        Sum <b className="num">{fixed(sum(weights), 3)}</b>
        {!isWhole(weights) && (
          <button type="button" onClick={() => onChange(scaled(weights))}>
            Scale to 1
          </button>
        )}
      </p>
    </div>
  );
}

type SliderProps = { name: string; value: number; before: number; onSlide: (value: number) => void; onType: (value: number) => void };

function Slider({ name, value, before, onSlide, onType }: SliderProps) {
  const shown = detectorName(name);
  return (
    <div className="weight" data-changed={Math.abs(value - before) > 1e-9 || undefined}>
      <label htmlFor={`weight-${name}`} title={detectorIdea(name)}>
        {shown}
      </label>
      <input id={`weight-${name}`} type="range" min={0} max={1} step={0.01} value={value} onChange={(event) => onSlide(Number(event.target.value))} />
      <input
        type="number"
        aria-label={`${shown}, exactly`}
        min={0}
        max={1}
        step={0.001}
        value={value}
        onChange={(event) => onType(Math.min(1, Math.max(0, Number(event.target.value) || 0)))}
      />
    </div>
  );
}
