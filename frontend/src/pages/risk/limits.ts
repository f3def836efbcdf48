/** The limits as a person reads and types them: shares in percent, the rest as plain numbers. */
import type { RiskLimits } from "../../api/generated";

type Unit = "%" | "" | "×";
export type LimitName = keyof RiskLimits;
export type Draft = Record<LimitName, string>;

export const LIMITS: { name: LimitName; label: string; unit: Unit }[] = [
  { name: "max_risk_per_trade", label: "Risk per trade", unit: "%" },
  { name: "max_risk_per_day", label: "Risk per day", unit: "%" },
  { name: "max_positions", label: "Positions", unit: "" },
  { name: "max_correlation", label: "Correlation", unit: "" },
  { name: "max_single_asset", label: "Single asset", unit: "%" },
  { name: "max_drawdown", label: "Drawdown", unit: "%" },
  { name: "max_var_95", label: "Value at risk, 95 %", unit: "%" },
  { name: "max_leverage", label: "Leverage", unit: "×" },
];

const scale = (unit: Unit): number => (unit === "%" ? 100 : 1);

/** Twelve digits: 0.07 × 100 is 7.000000000000001 otherwise. */
const clean = (value: number): number => Number(value.toPrecision(12));

export function draftOf(limits: RiskLimits): Draft {
  return Object.fromEntries(LIMITS.map(({ name, unit }) => [name, String(clean(limits[name] * scale(unit)))])) as Draft;
}

/** What was typed, as the API takes it; null where it is no number. */
export function valueOf(text: string, unit: Unit): number | null {
  const value = text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(value) ? clean(value / scale(unit)) : null;
}

/** Only what differs from the limits in force; null where something typed is no number. */
export function changesOf(draft: Draft, limits: RiskLimits): Partial<RiskLimits> | null {
  const changes: Partial<RiskLimits> = {};
  for (const { name, unit } of LIMITS) {
    const value = valueOf(draft[name], unit);
    if (value === null) return null;
    if (value !== clean(limits[name])) changes[name] = value;
  }
  return changes;
}
