import { describe, expect, test } from "vitest";

import type { AlertRule } from "../../api/generated";
import { bodyOf, draftOf, EMPTY, fits, problemOf, said } from "./rules";

const rule = (change: Partial<AlertRule> = {}): AlertRule => ({
  id: 1,
  name: "strong",
  enabled: false,
  watches: "scores",
  trigger: "enter",
  conditions: {
    hysteresis: 0.07,
    symbols: ["BTCUSDT"],
    score_above: 0.75,
    exit_above: 0.6,
    advices: ["BUY", "SELL"],
    detectors: [{ name: "smc", direction: "BULLISH", min_score: 0.8, timeframe: "1h" }],
  },
  cooldown_s: 5400,
  quiet: { start: "22:00", end: "07:00", timezone: "Asia/Tokyo" },
  digest_s: 600,
  title: "{symbol}",
  text: "",
  targets: [3],
  entered: [],
  ...change,
});

describe("a rule in the form", () => {
  test("saved as it was opened says the same, also what the form does not show", () => {
    const stored = rule();
    const body = bodyOf(draftOf(stored), "UTC", stored);
    expect({ ...body, id: stored.id, entered: stored.entered }).toEqual(stored);
  });

  test("leaves out what is empty", () => {
    const body = bodyOf({ ...EMPTY, name: " mine ", above: "0.7" }, "UTC");
    expect(body.conditions).toEqual({ score_above: 0.7 });
    expect([body.name, body.cooldown_s, body.quiet]).toEqual(["mine", 3600, null]);
  });

  test("drops an exit whose threshold is taken away, or that a trigger of every cannot have", () => {
    const stored = rule();
    expect(bodyOf({ ...draftOf(stored), above: "" }, "UTC", stored).conditions).not.toHaveProperty("exit_above");
    expect(bodyOf({ ...draftOf(stored), trigger: "every" }, "UTC", stored).conditions).not.toHaveProperty("exit_above");
  });

  test("reads symbols however they are separated", () => {
    expect(bodyOf({ ...EMPTY, symbols: "BTCUSDT, eth/usdt\nSOLUSDT" }, "UTC").conditions?.symbols).toEqual(["BTCUSDT", "eth/usdt", "SOLUSDT"]);
  });

  test("has quiet hours in the reader's zone, whole or not at all", () => {
    const draft = { ...EMPTY, name: "x", quietFrom: "22:00", quietTo: "07:00" };
    expect(bodyOf(draft, "Europe/Berlin").quiet).toEqual({ start: "22:00", end: "07:00", timezone: "Europe/Berlin" });
    expect(problemOf(draft)).toBeNull();
    expect(problemOf({ ...draft, quietTo: "" })).not.toBeNull();
    expect(problemOf(EMPTY)).not.toBeNull();
  });

  test("is not opened when the form could not show all it asks", () => {
    expect(fits(rule())).toBe(true);
    expect(fits(rule({ conditions: { hysteresis: 0, directions: ["BULLISH", "BEARISH"] } }))).toBe(false);
    expect(fits(rule({ conditions: { hysteresis: 0, advices: ["HOLD"] } }))).toBe(false);
  });
});

test("the sentence names every condition", () => {
  expect(said(rule())).toBe("score at least 0.75, BUY or SELL, smc at least 0.8 on 1h; BTCUSDT");
  expect(said({ conditions: { hysteresis: 0, score_above: 0.8, score_below: 0.2 } })).toBe("score at least 0.8 or at most 0.2; every symbol");
  const bearish = { name: "smc", direction: "BEARISH", min_score: 0.8, timeframe: null } as const;
  expect(said({ conditions: { hysteresis: 0, detectors: [bearish] } })).toBe("smc at most 0.2; every symbol");
  expect(said({ conditions: { hysteresis: 0 } })).toBe("anything; every symbol");
});
