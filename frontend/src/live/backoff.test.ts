import { expect, test } from "vitest";

import { backoff, BASE_MS, CAP_MS } from "./backoff";

test("a wait is uniform between nothing and a bound that doubles up to the cap", () => {
  for (let attempt = 0; attempt < 200; attempt++) {
    const bound = Math.min(CAP_MS, BASE_MS * 2 ** attempt);
    expect(backoff(attempt, () => 0)).toBe(0);
    expect(backoff(attempt, () => 0.5)).toBe(bound / 2);
    expect(backoff(attempt, () => 1)).toBe(bound);
  }
});

test("there is no attempt after which the wait is no number", () => {
  expect(backoff(1_000_000, () => 1)).toBe(CAP_MS);
});
