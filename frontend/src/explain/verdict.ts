import type { Advice, Direction, Preset } from "../api/types";
import { percent, score as scoreText } from "../format/format";

export type Judged = { score: number | null; confidence: number | null; direction: Direction | null; advice: Advice | null };
type Terms = Pick<Preset, "act" | "min_confidence">;

/** What is to be done now, in one sentence; what a buy or sell still lacks where nothing is. */
export function verdict({ score, confidence, direction, advice }: Judged, terms: Terms | undefined): string {
  if (score === null || advice === null) return "There is no score, so there is no advice.";
  if (advice !== "HOLD") return `${advice === "BUY" ? "Buy" : "Sell"}: score and confidence are beyond what the preset asks.`;
  if (direction === null || direction === "NEUTRAL") return "Nothing to do: the evidence leans to neither side.";
  const lacks = terms ? lacking(score, confidence ?? 0, terms) : [];
  const leaning = `Nothing to do yet: it leans ${direction.toLowerCase()}`;
  return lacks.length ? `${leaning}, but a ${score > 0.5 ? "buy" : "sell"} asks for ${lacks.join(" and ")}.` : `${leaning}.`;
}

function lacking(score: number, confidence: number, { act, min_confidence: least }: Terms): string[] {
  const wanted = 0.5 + Math.sign(score - 0.5) * act;
  const far = Math.abs(score - 0.5) >= act;
  return [
    ...(far ? [] : [`a score of ${scoreText(wanted)}`]),
    ...(confidence >= least ? [] : [`a confidence of ${percent(least)}, not ${percent(confidence)}`]),
  ];
}
