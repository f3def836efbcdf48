import { describe, expect, test } from "vitest";

import { isWhole, moved, scaled, sum, type Weights } from "./weights";

const random = (seed: number) => () => (seed = (seed * 16807) % 2147483647) / 2147483647;

function someWeights(next: () => number): Weights {
  const names = Array.from({ length: 2 + Math.floor(next() * 12) }, (_, i) => `d${i}`);
  return scaled(Object.fromEntries(names.map((name) => [name, next()])));
}

describe("moving one weight", () => {
  test("keeps the sum at 1, every weight within 0..1, and sets what was asked", () => {
    const next = random(3);
    for (let round = 0; round < 2000; round++) {
      const weights = someWeights(next);
      const value = Math.round(next() * 1000) / 1000;
      const after = moved(weights, "d0", value);
      expect(isWhole(after)).toBe(true);
      expect(after["d0"]).toBeCloseTo(value, 9);
      expect(Object.values(after).every((w) => w >= -1e-9 && w <= 1 + 1e-9)).toBe(true);
    }
  });

  test("leaves the others in proportion", () => {
    expect(moved({ a: 0.2, b: 0.6, c: 0.2 }, "a", 0.6)).toEqual({ a: 0.6, b: 0.3, c: 0.1 });
  });

  test("to all and back to nothing still leaves a sum of 1", () => {
    const all = moved({ a: 0.5, b: 0.5 }, "a", 1);
    expect(all).toEqual({ a: 1, b: 0 });
    expect(moved(all, "a", 0)).toEqual({ a: 0, b: 1 });
  });
});

test("a sum of 0.9 is not whole, and scaling makes it so", () => {
  const weights = { a: 0.5, b: 0.4 };
  expect(isWhole(weights)).toBe(false);
  expect(sum(scaled(weights))).toBeCloseTo(1, 12);
});
