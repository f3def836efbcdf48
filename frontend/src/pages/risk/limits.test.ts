import { expect, test } from "vitest";

import { changesOf, draftOf, LIMITS, valueOf } from "./limits";

const limits = {
  max_risk_per_trade: 0.01, max_risk_per_day: 0.07, max_positions: 10, max_correlation: 0.8,
  max_single_asset: 0.29, max_drawdown: 0.2, max_var_95: 0.02, max_leverage: 2,
};

test("shares are typed in percent, without the digits of binary fractions", () => {
  expect(draftOf(limits)).toEqual({
    max_risk_per_trade: "1", max_risk_per_day: "7", max_positions: "10", max_correlation: "0.8",
    max_single_asset: "29", max_drawdown: "20", max_var_95: "2", max_leverage: "2",
  });
});

test("a draft that nobody touched changes nothing, whatever the values", () => {
  for (let n = 1; n < 1000; n++) {
    const values = Object.fromEntries(LIMITS.map(({ name }) => [name, n / 1000])) as typeof limits;
    expect(changesOf(draftOf(values), values)).toEqual({});
  }
});

test("only what was changed is sent, as the API takes it", () => {
  expect(changesOf({ ...draftOf(limits), max_risk_per_day: "5.5", max_positions: "3" }, limits)).toEqual({ max_risk_per_day: 0.055, max_positions: 3 });
});

test("what is no number is not sent", () => {
  for (const text of ["", " ", "ten", "1,5", "Infinity"]) expect(changesOf({ ...draftOf(limits), max_leverage: text }, limits)).toBeNull();
  expect(valueOf("1e-3", "%")).toBe(0.00001);
});
