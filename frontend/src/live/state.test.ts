import { describe, expect, test } from "vitest";

import type { ServerMessage } from "./messages";
import { applySnapshot, EMPTY, FEED_LENGTH, type LiveState, receive } from "./state";
import { EPOCH, OTHER_EPOCH, signal, status, stored } from "./testing";

const at = (seq: Record<string, number>): LiveState =>
  applySnapshot({ ...EMPTY, epoch: EPOCH }, { epoch: EPOCH, results: Object.entries(seq).map(([s, n]) => stored(s, n)) }, null);

const numbers = (state: LiveState) => state.feed.map((s) => `${s.symbol}${s.seq}`);

describe("signals", () => {
  test("in order are kept, newest first", () => {
    const { state, effects } = receive(at({ AAA: 4 }), [signal("AAA", 5), signal("AAA", 6)]);
    expect(numbers(state)).toEqual(["AAA6", "AAA5"]);
    expect(state.latest.get("AAA")?.seq).toBe(6);
    expect(effects).toEqual([]);
  });

  test("that come twice count once", () => {
    const { state, effects } = receive(at({ AAA: 4 }), [signal("AAA", 5), signal("AAA", 5), signal("AAA", 4)]);
    expect(numbers(state)).toEqual(["AAA5"]);
    expect(effects).toEqual([]);
  });

  test("behind a gap are asked for again from where the hole begins, once", () => {
    const { state, effects } = receive(at({ AAA: 4 }), [signal("AAA", 6), signal("AAA", 7)]);
    expect(state.seq.get("AAA")).toBe(4);
    expect(numbers(state)).toEqual([]);
    expect(effects).toEqual([{ kind: "resume", symbol: "AAA" }]);
  });

  test("out of order end up in order, none missing and none twice, once the hole is sent again", () => {
    const first = receive(at({ AAA: 0 }), [signal("AAA", 2), signal("AAA", 1), signal("AAA", 3)]);
    const second = receive(first.state, [1, 2, 3].map((n) => signal("AAA", n)));
    expect(numbers(second.state)).toEqual(["AAA3", "AAA2", "AAA1"]);
  });

  test("of a symbol never heard of begin with number 1", () => {
    expect(numbers(receive(at({}), [signal("NEW", 1)]).state)).toEqual(["NEW1"]);
    expect(receive(at({}), [signal("NEW", 3)]).effects).toEqual([{ kind: "resume", symbol: "NEW" }]);
  });

  test("are bounded in number", () => {
    const many = Array.from({ length: FEED_LENGTH + 50 }, (_, i) => signal("AAA", i + 1));
    const { state } = receive(at({ AAA: 0 }), many);
    expect(state.feed).toHaveLength(FEED_LENGTH);
    expect(state.feed[0]?.seq).toBe(FEED_LENGTH + 50);
  });

  test("do not change a state that was given out", () => {
    const before = at({ AAA: 4 });
    receive(before, [signal("AAA", 5)]);
    expect(before.seq.get("AAA")).toBe(4);
    expect(before.feed).toEqual([]);
  });
});

describe("any order of delivery", () => {
  test("with repeats and losses never shows a hole or a repeat", () => {
    let seed = 7;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let round = 0; round < 200; round++) {
      const noisy = Array.from({ length: 40 }, () => signal("AAA", 1 + Math.floor(random() * 12)));
      const seqs = receive(at({ AAA: 0 }), noisy).state.feed.map((s) => s.seq).toReversed();
      expect(seqs).toEqual(seqs.map((_, i) => i + 1));
    }
  });
});

describe("another epoch", () => {
  test("forgets the old numbers and asks for a snapshot of all", () => {
    const { state, effects } = receive(at({ AAA: 4 }), [signal("AAA", 5), status(OTHER_EPOCH)]);
    expect(state.epoch).toBe(OTHER_EPOCH);
    expect([state.seq.size, state.latest.size, state.feed.length]).toEqual([0, 0, 0]);
    expect(effects).toEqual([{ kind: "snapshot", symbols: null }]);
  });

  test("is not seen in the first status, or in one like the last", () => {
    expect(receive(EMPTY, [status()]).effects).toEqual([]);
    expect(receive(at({ AAA: 4 }), [status()]).effects).toEqual([]);
  });

  test("of a snapshot replaces what was known", () => {
    const state = applySnapshot(at({ AAA: 40, BBB: 3 }), { epoch: OTHER_EPOCH, results: [stored("AAA", 2)] }, null);
    expect([...state.seq]).toEqual([["AAA", 2]]);
    expect(state.epoch).toBe(OTHER_EPOCH);
  });
});

describe("a snapshot", () => {
  test("older than what came meanwhile changes nothing", () => {
    const live = receive(at({ AAA: 4 }), [signal("AAA", 5)]).state;
    const after = applySnapshot(live, { epoch: EPOCH, results: [stored("AAA", 4)] }, ["AAA"]);
    expect(after.seq.get("AAA")).toBe(5);
    expect(after.latest.get("AAA")?.seq).toBe(5);
  });

  test("without a signal of an asked symbol means that its first is still to come", () => {
    const state = applySnapshot(EMPTY, { epoch: EPOCH, results: [] }, ["AAA"]);
    expect(state.seq.get("AAA")).toBe(0);
  });
});

test("lost history is read from the store, and the live ones are taken behind the head", () => {
  const lost: ServerMessage = { type: "error", code: "history_lost", symbol: "AAA", oldest_seq: 120, head_seq: 500, message: "" };
  const { state, effects } = receive(at({ AAA: 4 }), [lost, signal("AAA", 501)]);
  expect(effects).toEqual([{ kind: "snapshot", symbols: ["AAA"] }]);
  expect(state.seq.get("AAA")).toBe(501);
});

test("heads of symbols that are not known yet are taken, and their newest signals read", () => {
  const confirmed: ServerMessage = { type: "subscription_confirmed", symbols: ["*"], seq: { AAA: 9, BBB: 7, CCC: 0 } };
  const { state, effects } = receive(at({ AAA: 4 }), [confirmed]);
  expect(Object.fromEntries(state.seq)).toEqual({ AAA: 4, BBB: 7, CCC: 0 });
  expect(effects).toEqual([{ kind: "snapshot", symbols: ["BBB"] }]);
});
