/** A rule in the form, as a body of the API, and in a sentence. */
import type { AlertRule, ConditionsBody, RuleBody } from "../../api/generated";

/** What the form holds; empty text asks nothing. */
export type Draft = {
  name: string;
  symbols: string;
  above: string;
  below: string;
  advice: "" | "BUY" | "SELL" | "BUY SELL";
  direction: "" | "BULLISH" | "BEARISH";
  minConfidence: string;
  minConsensus: string;
  watches: "signals" | "scores";
  trigger: "enter" | "every";
  cooldownMinutes: string;
  digestMinutes: string;
  quietFrom: string;
  quietTo: string;
  targets: number[];
};

export const EMPTY: Draft = {
  name: "",
  symbols: "",
  above: "",
  below: "",
  advice: "",
  direction: "",
  minConfidence: "",
  minConsensus: "",
  watches: "signals",
  trigger: "enter",
  cooldownMinutes: "60",
  digestMinutes: "0",
  quietFrom: "",
  quietTo: "",
  targets: [],
};

/** What a rule has stored, to be sent again: its detectors were known when it was saved. */
export const conditionsOf = (rule: AlertRule | undefined) => ({ ...rule?.conditions }) as ConditionsBody;

const words = (text: string) => text.split(/[\s,]+/).filter(Boolean);
const number = (text: string) => (text.trim() === "" ? undefined : Number(text));

/** What keeps a draft from being sent, or null; the server checks the rest and says what it finds. */
export function problemOf(draft: Draft): string | null {
  if (!draft.name.trim()) return "The rule needs a name.";
  if ((draft.quietFrom === "") !== (draft.quietTo === "")) return "Quiet hours need a begin and an end.";
  return null;
}

/** The whole rule; what the form does not show stays as `stored` has it. */
export function bodyOf(draft: Draft, timezone: string, stored?: AlertRule): RuleBody {
  const conditions = conditionsOf(stored);
  const asked: ConditionsBody = {
    symbols: words(draft.symbols),
    score_above: number(draft.above),
    score_below: number(draft.below),
    directions: words(draft.direction) as NonNullable<ConditionsBody["directions"]>,
    advices: words(draft.advice) as NonNullable<ConditionsBody["advices"]>,
    min_confidence: number(draft.minConfidence),
    min_consensus: number(draft.minConsensus),
  };
  for (const [name, value] of Object.entries(asked) as [keyof ConditionsBody, never][]) {
    if (value === undefined || (Array.isArray(value) && (value as unknown[]).length === 0)) delete conditions[name];
    else conditions[name] = value;
  }
  if (conditions.score_above === undefined || draft.trigger === "every") delete conditions.exit_above;
  if (conditions.score_below === undefined || draft.trigger === "every") delete conditions.exit_below;
  return {
    name: draft.name.trim(),
    enabled: stored?.enabled ?? true,
    watches: draft.watches,
    trigger: draft.trigger,
    conditions,
    cooldown_s: Math.round((number(draft.cooldownMinutes) ?? 0) * 60),
    digest_s: Math.round((number(draft.digestMinutes) ?? 0) * 60),
    quiet: draft.quietFrom ? { start: draft.quietFrom, end: draft.quietTo, timezone: stored?.quiet?.timezone ?? timezone } : null,
    title: stored?.title ?? "",
    text: stored?.text ?? "",
    targets: draft.targets,
  };
}

export function draftOf(rule: AlertRule): Draft {
  const { conditions } = rule;
  const text = (value: number | undefined) => (value === undefined ? "" : String(value));
  return {
    name: rule.name,
    symbols: (conditions.symbols ?? []).join(" "),
    above: text(conditions.score_above),
    below: text(conditions.score_below),
    advice: ["BUY", "SELL"].filter((one) => conditions.advices?.includes(one as "BUY" | "SELL")).join(" ") as Draft["advice"],
    direction: (conditions.directions?.[0] ?? "") as Draft["direction"],
    minConfidence: text(conditions.min_confidence),
    minConsensus: text(conditions.min_consensus),
    watches: rule.watches,
    trigger: rule.trigger,
    cooldownMinutes: String(rule.cooldown_s / 60),
    digestMinutes: String(rule.digest_s / 60),
    quietFrom: rule.quiet?.start ?? "",
    quietTo: rule.quiet?.end ?? "",
    targets: rule.targets,
  };
}

/** Whether the form can show all that a rule asks; if not, it would change what it does not show. */
export function fits(rule: AlertRule): boolean {
  const { directions = [], advices = [] } = rule.conditions;
  return directions.length <= 1 && !directions.includes("NEUTRAL") && !advices.includes("HOLD");
}

/** The conditions in a sentence. */
export function said({ conditions }: Pick<AlertRule, "conditions">): string {
  const { symbols, score_above, score_below, directions, advices, min_confidence, min_consensus, detectors } = conditions;
  const bounds = [score_above !== undefined && `at least ${score_above}`, score_below !== undefined && `at most ${score_below}`].filter(Boolean);
  const parts = [
    bounds.length > 0 && `score ${bounds.join(" or ")}`,
    directions?.join(" or "),
    advices?.join(" or "),
    min_confidence !== undefined && `confidence from ${min_confidence}`,
    min_consensus !== undefined && `consensus from ${min_consensus}`,
    ...(detectors ?? []).map((one) => `${one.name} ${one.direction === "BULLISH" ? `at least ${one.min_score}` : `at most ${Number((1 - one.min_score).toFixed(6))}`}${one.timeframe ? ` on ${one.timeframe}` : ""}`),
  ].filter(Boolean);
  return `${parts.join(", ") || "anything"}; ${symbols ? symbols.join(", ") : "every symbol"}`;
}
