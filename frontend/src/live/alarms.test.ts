import { expect, test } from "vitest";

import { type Alarms, calls, NONE, since, storedAlarms } from "./alarms";
import { stored } from "./testing";

const on: Alarms = { ...NONE, notify: true };

test("nothing calls by default", () => {
  expect(storedAlarms()).toEqual(NONE);
  expect(calls(NONE, stored("AAA", 1))).toBe(false);
  expect(calls(on, stored("AAA", 1))).toBe(false);
});

test("a chosen advice or symbol calls, unless muted or without a way to call", () => {
  const byAdvice: Alarms = { ...on, advice: ["BUY"] };
  const bySymbol: Alarms = { ...on, symbols: ["AAA"] };
  expect([calls(byAdvice, stored("AAA", 1)), calls(bySymbol, stored("AAA", 1))]).toEqual([true, true]);
  expect([calls(byAdvice, { ...stored("AAA", 1), advice: "SELL" }), calls(bySymbol, stored("BBB", 1))]).toEqual([false, false]);
  expect(calls({ ...byAdvice, muted: true }, stored("AAA", 1))).toBe(false);
  expect(calls({ ...byAdvice, notify: false }, stored("AAA", 1))).toBe(false);
});

test("only what came since the last look is told, oldest first", () => {
  const feed = [3, 2, 1].map((seq) => stored("AAA", seq));
  expect(since(feed, "AAA-1").map((s) => s.seq)).toEqual([2, 3]);
  expect(since(feed, "AAA-3")).toEqual([]);
  expect(since(feed, null).map((s) => s.seq)).toEqual([1, 2, 3]);
});

test("what someone else wrote into the store counts as nothing", () => {
  localStorage.setItem("alarms", "{");
  expect(storedAlarms()).toEqual(NONE);
  localStorage.clear();
});
