import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Latest } from "../api/types";
import { CAP_MS } from "./backoff";
import { LiveClient } from "./client";
import { EPOCH, OTHER_EPOCH, signal, status, stored } from "./testing";
import { PING_AFTER_MS, PONG_WITHIN_MS, type SocketLike, SOUND_AFTER_MS } from "./transport";

/** A server's side of one socket. */
class FakeSocket implements SocketLike {
  readyState: 0 | 1 | 2 | 3 = 0;
  onopen: SocketLike["onopen"] = null;
  onmessage: SocketLike["onmessage"] = null;
  onclose: SocketLike["onclose"] = null;
  readonly sent: Record<string, unknown>[] = [];

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close(): void {
    this.readyState = 3;
  }
  accept(): void {
    this.readyState = 1;
    this.onopen?.(new Event("open"));
    this.say(status());
  }
  say(message: unknown): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) } as MessageEvent<string>);
  }
  end(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code } as CloseEvent);
  }
}

let sockets: FakeSocket[];
let online: boolean;
let random: number;
let latest: Latest;
let reads: (string[] | null)[];
let apiWorks: boolean;
let client: LiveClient;

beforeEach(() => {
  vi.useFakeTimers();
  [sockets, online, random, reads, apiWorks] = [[], true, 1, [], true];
  latest = { epoch: EPOCH, results: [stored("AAA", 4), stored("BBB", 7)] };
  client = new LiveClient({
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    online: () => online,
    random: () => random,
    readLatest: (symbols) => {
      reads.push(symbols);
      return apiWorks ? Promise.resolve(latest) : Promise.reject(new Error("down"));
    },
    frame: (callback) => setTimeout(callback, 16),
  });
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const socket = () => sockets.at(-1) as FakeSocket;
const phase = () => client.getSnapshot().connection.phase;
const live = () => client.getSnapshot().live;
const asked = (action: string) => socket().sent.filter((message) => message["action"] === action);

async function connected(symbols = ["*"]): Promise<() => void> {
  const release = client.want(symbols);
  client.start();
  socket().accept();
  await pass(20);
  return release;
}

describe("subscribing", () => {
  test("asks for everything from where the snapshot ends", async () => {
    await connected();
    expect(asked("subscribe")).toEqual([{ action: "subscribe", symbols: ["*"], since: { AAA: 4, BBB: 7 }, epoch: EPOCH }]);
    expect(reads).toEqual([null]);
  });

  test("is counted: the last one who leaves ends it", async () => {
    const first = await connected(["AAA"]);
    const second = client.want(["AAA"]);
    await pass(0);
    first();
    first();
    await pass(0);
    expect(asked("unsubscribe")).toEqual([]);
    second();
    await pass(0);
    expect(asked("unsubscribe")).toEqual([{ action: "unsubscribe", symbols: ["AAA"] }]);
    expect(asked("subscribe")).toHaveLength(1);
  });

  test("works without the API: the feed begins at its heads", async () => {
    apiWorks = false;
    await connected();
    expect(asked("subscribe")).toEqual([{ action: "subscribe", symbols: ["*"], since: {} }]);
  });
});

describe("coming back", () => {
  test("asks for what was missed, in the same epoch", async () => {
    await connected();
    socket().say(signal("AAA", 5));
    await pass(20);
    socket().end(1006);
    await pass(CAP_MS);
    expect(sockets).toHaveLength(2);
    socket().accept();
    await pass(20);
    expect(asked("subscribe")).toEqual([{ action: "subscribe", symbols: ["*"], since: { AAA: 5, BBB: 7 }, epoch: EPOCH }]);
    expect(reads).toEqual([null]); // nothing else is read again
    expect(phase()).toBe("live");
  });

  test.each([1000, 1001, 1006, 1011, 1012, 4008, 4012])("follows a close with %d", async (code) => {
    await connected();
    socket().end(code);
    expect(phase()).toBe("reconnecting");
    await pass(CAP_MS);
    expect(sockets).toHaveLength(2);
  });

  test.each([4501, 4508, 4509])("does not follow a close with %d until someone asks", async (code) => {
    await connected();
    socket().end(code);
    await pass(10 * CAP_MS);
    expect([phase(), sockets.length]).toEqual(["refused", 1]);
    client.wake();
    expect(sockets).toHaveLength(2);
  });

  test("never stops trying, and never waits beyond the cap", async () => {
    await connected();
    socket().end(1006);
    for (let attempt = 0; attempt < 100; attempt++) {
      const before = sockets.length;
      await pass(CAP_MS);
      expect(sockets.length).toBe(before + 1);
      socket().end(1006);
    }
  });

  test("waits longer each time, and little again after a sound connection", async () => {
    await connected();
    const waits: number[] = [];
    const fall = () => {
      socket().end(1006);
      waits.push((client.getSnapshot().connection.retryAt ?? 0) - performance.now());
    };
    fall();
    for (let i = 0; i < 3; i++) {
      await pass(CAP_MS);
      fall();
    }
    await pass(CAP_MS);
    socket().accept();
    await pass(SOUND_AFTER_MS + 100);
    fall();
    expect(waits.map(Math.round)).toEqual([500, 1000, 2000, 4000, 500]);
  });

  test("without a network says offline and tries all the same: the server may be this machine", async () => {
    await connected();
    online = false;
    socket().end(1006);
    expect(phase()).toBe("offline");
    await pass(CAP_MS);
    expect(sockets).toHaveLength(2);
  });
});

describe("silence", () => {
  test("is stale, then another socket is opened", async () => {
    await connected();
    await pass(PING_AFTER_MS);
    expect(phase()).toBe("stale");
    expect(asked("ping")).toHaveLength(1);
    await pass(PONG_WITHIN_MS);
    expect(phase()).toBe("reconnecting");
  });

  test("is over when a pong comes", async () => {
    await connected();
    await pass(PING_AFTER_MS);
    socket().say({ type: "pong", ts: 1 });
    await pass(PONG_WITHIN_MS);
    expect([phase(), sockets.length]).toEqual(["live", 1]);
  });

  test("of a tab that slept is found out at once when it wakes", async () => {
    await connected();
    client.wake();
    expect(asked("ping")).toHaveLength(1);
    await pass(PONG_WITHIN_MS);
    expect(phase()).toBe("reconnecting");
  });

  test("a dead socket that closes late changes nothing", async () => {
    await connected();
    const dead = socket();
    await pass(PING_AFTER_MS + PONG_WITHIN_MS + CAP_MS);
    socket().accept();
    await pass(20);
    dead.end(1006);
    dead.say(signal("AAA", 5));
    await pass(20);
    expect(phase()).toBe("live");
    expect(live().seq.get("AAA")).toBe(4);
  });
});

describe("what is not in order", () => {
  test("a gap is asked for again once, however many follow it", async () => {
    await connected();
    for (const seq of [6, 7, 8]) {
      socket().say(signal("AAA", seq));
      await pass(20);
    }
    expect(asked("subscribe").slice(1)).toEqual([{ action: "subscribe", symbols: ["AAA"], since: { AAA: 4 }, epoch: EPOCH }]);
    for (const seq of [5, 6, 7, 8]) socket().say(signal("AAA", seq));
    await pass(20);
    expect(live().feed.map((s) => s.seq)).toEqual([8, 7, 6, 5]);
  });

  test("lost history: the newest is read, and followed from its number", async () => {
    await connected();
    latest = { epoch: EPOCH, results: [stored("AAA", 500)] };
    socket().say({ type: "error", code: "history_lost", symbol: "AAA", oldest_seq: 120, head_seq: 500, message: "" });
    await pass(40);
    expect(reads.at(-1)).toEqual(["AAA"]);
    expect(asked("subscribe").at(-1)).toEqual({ action: "subscribe", symbols: ["AAA"], since: { AAA: 500 }, epoch: EPOCH });
    expect(live().latest.get("AAA")?.seq).toBe(500);
  });

  test("another epoch: everything is read anew and followed from there", async () => {
    await connected();
    latest = { epoch: OTHER_EPOCH, results: [stored("AAA", 1)] };
    socket().say(status(OTHER_EPOCH));
    await pass(40);
    expect(asked("subscribe").at(-1)).toEqual({ action: "subscribe", symbols: ["*"], since: { AAA: 1 }, epoch: OTHER_EPOCH });
    expect(Object.fromEntries(live().seq)).toEqual({ AAA: 1 });
  });

  test("a snapshot that fails is tried until it succeeds", async () => {
    await connected();
    apiWorks = false;
    socket().say(status(OTHER_EPOCH));
    await pass(5000);
    apiWorks = true;
    latest = { epoch: OTHER_EPOCH, results: [stored("AAA", 3)] };
    await pass(5000);
    expect(live().seq.get("AAA")).toBe(3);
  });
});

test.each([
  ["{", "not JSON"],
  [{ type: "fireworks" }, "fireworks"],
  [{}, "no type"],
  ["null", "no type"],
])("a message that is not known, %j, is named and changes nothing else", async (message, named) => {
  await connected();
  const before = live();
  socket().say(message);
  await pass(20);
  expect(client.getSnapshot().trouble).toEqual({ kind: "unknown_type", text: named });
  expect(live().seq).toEqual(before.seq);
  expect(phase()).toBe("live");
});

test("many messages within a frame are told once", async () => {
  await connected();
  let told = 0;
  client.listen(() => (told += 1));
  for (let seq = 5; seq < 505; seq++) socket().say(signal("AAA", seq));
  await pass(20);
  expect(told).toBe(1);
  expect(live().seq.get("AAA")).toBe(504);
});
