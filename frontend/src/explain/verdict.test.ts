import { expect, test } from "vitest";

import { verdict } from "./verdict";

const terms = { act: 0.26, min_confidence: 0.25 };

test("advice is said as it is", () => {
  expect(verdict({ score: 0.8, confidence: 0.5, direction: "BULLISH", advice: "BUY" }, terms)).toMatch(/^Buy:/);
  expect(verdict({ score: 0.2, confidence: 0.5, direction: "BEARISH", advice: "SELL" }, terms)).toMatch(/^Sell:/);
});

test("a lean says what it lacks, each of both, on its own side", () => {
  const low = verdict({ score: 0.3, confidence: 0.1, direction: "BEARISH", advice: "HOLD" }, terms);
  expect(low).toBe("Nothing to do yet: it leans bearish, but a sell asks for a score of 0.240 and a confidence of 25%, not 10%.");
  const unsure = verdict({ score: 0.8, confidence: 0.2, direction: "BULLISH", advice: "HOLD" }, terms);
  expect(unsure).toBe("Nothing to do yet: it leans bullish, but a buy asks for a confidence of 25%, not 20%.");
});

test("without a score, a side or a preset nothing is made up", () => {
  expect(verdict({ score: null, confidence: null, direction: null, advice: null }, terms)).toMatch(/no score/);
  expect(verdict({ score: 0.5, confidence: 0.1, direction: "NEUTRAL", advice: "HOLD" }, terms)).toMatch(/neither side/);
  expect(verdict({ score: 0.6, confidence: 0.1, direction: "BULLISH", advice: "HOLD" }, undefined)).toBe("Nothing to do yet: it leans bullish.");
});
