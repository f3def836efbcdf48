/** Weights of detectors: shares that add up to 1. */
export type Weights = Record<string, number>;

/** The API accepts a sum of 1 within this. */
export const TOLERANCE = 1e-6;

export const sum = (weights: Weights): number => Object.values(weights).reduce((a, b) => a + b, 0);

export const isWhole = (weights: Weights): boolean => Math.abs(sum(weights) - 1) <= TOLERANCE;

const round = (value: number) => Math.round(value * 1000) / 1000;

/**
 * Return `weights` with `name` at `value` and the others scaled so that the sum stays 1: each keeps its share of the
 * rest. Thousandths; what rounding leaves over goes to the largest of the others.
 */
export function moved(weights: Weights, name: string, value: number): Weights {
  const wanted = round(Math.min(1, Math.max(0, value)));
  const others = Object.keys(weights).filter((other) => other !== name);
  if (others.length === 0) return { [name]: 1 };
  const rest = others.reduce((total, other) => total + (weights[other] ?? 0), 0);
  const result: Weights = { ...weights, [name]: wanted };
  for (const other of others) {
    const share = rest > 0 ? (weights[other] ?? 0) / rest : 1 / others.length;
    result[other] = round((1 - wanted) * share);
  }
  const largest = others.reduce((a, b) => ((result[a] ?? 0) >= (result[b] ?? 0) ? a : b));
  result[largest] = round((result[largest] ?? 0) + 1 - sum(result));
  return result;
}

/** Return `weights` scaled to the sum 1; all equal if they are all 0. */
export function scaled(weights: Weights): Weights {
  const names = Object.keys(weights);
  const total = sum(weights);
  const first = names[0];
  if (first === undefined) return {};
  const shares = Object.fromEntries(names.map((name) => [name, total > 0 ? (weights[name] ?? 0) / total : 1 / names.length]));
  return moved(shares, first, shares[first] ?? 0);
}
