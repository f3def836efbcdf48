import type { AgentStatus, Latest, Signal } from "../api/types";
import type { ConfirmedMessage, ErrorMessage, ServerMessage, SignalMessage, StatusMessage } from "./messages";

export const FEED_LENGTH = 500;

/** What the socket has told, in the order of the numbers: no hole, no repeat. */
export type LiveState = {
  epoch: string | null;
  /** Last number received of each symbol. */
  seq: ReadonlyMap<string, number>;
  latest: ReadonlyMap<string, Signal>;
  /** Signals received on this page, newest first. */
  feed: readonly Signal[];
  agent: AgentStatus | null;
  /** When `agent` was told, in ms of this machine's clock. */
  agentAt: number;
  connections: number | null;
};

/** What must be done besides: ask the server to send a symbol again from `since`, or read snapshots (null: of all). */
export type Effect = { kind: "resume"; symbol: string } | { kind: "snapshot"; symbols: string[] | null };

export type Step = { state: LiveState; effects: Effect[] };

export const EMPTY: LiveState = {
  epoch: null,
  seq: new Map(),
  latest: new Map(),
  feed: [],
  agent: null,
  agentAt: 0,
  connections: null,
};

/** Apply messages in order. Maps are copied once, however many messages there are. */
export function receive(state: LiveState, messages: readonly ServerMessage[]): Step {
  const draft = new Draft(state);
  for (const message of messages) {
    if (message.type === "signal") draft.signal(message);
    else if (message.type === "status") draft.status(message);
    else if (message.type === "subscription_confirmed") draft.confirmed(message);
    else if (message.type === "error") draft.error(message);
  }
  return { state: draft.done(), effects: draft.effects };
}

/** Apply the newest stored signals of `symbols` (null: of all); what is older than what is known changes nothing. */
export function applySnapshot(state: LiveState, snapshot: Latest, symbols: readonly string[] | null): LiveState {
  const foreign = state.epoch !== null && state.epoch !== snapshot.epoch;
  const seq = new Map(foreign ? [] : state.seq);
  const latest = new Map(foreign ? [] : state.latest);
  // A symbol without a signal is known too: its first has number 1.
  for (const symbol of symbols ?? []) if (!seq.has(symbol)) seq.set(symbol, 0);
  for (const signal of snapshot.results) {
    if (signal.seq < (seq.get(signal.symbol) ?? 0)) continue;
    seq.set(signal.symbol, signal.seq);
    latest.set(signal.symbol, signal);
  }
  return { ...state, epoch: snapshot.epoch, seq, latest, feed: foreign ? [] : state.feed };
}

class Draft {
  readonly effects: Effect[] = [];
  private readonly seq: Map<string, number>;
  private readonly latest: Map<string, Signal>;
  private readonly fresh: Signal[] = [];
  private readonly resumed = new Set<string>();
  private feed: readonly Signal[];
  private next: LiveState;

  constructor(state: LiveState) {
    this.next = state;
    this.feed = state.feed;
    this.seq = new Map(state.seq);
    this.latest = new Map(state.latest);
  }

  signal(message: SignalMessage): void {
    const known = this.seq.get(message.symbol) ?? 0;
    if (message.seq <= known) return; // a repeat, or behind what a snapshot brought
    if (message.seq > known + 1) {
      this.resume(message.symbol);
      return;
    }
    this.seq.set(message.symbol, message.seq);
    this.latest.set(message.symbol, message);
    this.fresh.push(message);
  }

  status(message: StatusMessage): void {
    const begunAnew = this.next.epoch !== null && this.next.epoch !== message.epoch;
    if (begunAnew) {
      this.seq.clear();
      this.latest.clear();
      this.fresh.length = 0;
      this.feed = [];
      this.effects.push({ kind: "snapshot", symbols: null });
    }
    const told = { agent: message.agent, agentAt: Date.now(), connections: message.ws.connections };
    this.next = { ...this.next, ...told, epoch: message.epoch };
  }

  /** The heads at the start of a subscription. Where nothing was known, live ones follow behind them. */
  confirmed(message: ConfirmedMessage): void {
    const unseen: string[] = [];
    for (const [symbol, head] of Object.entries(message.seq)) {
      if (this.seq.has(symbol)) continue;
      this.seq.set(symbol, head);
      if (head > 0) unseen.push(symbol);
    }
    if (unseen.length) this.effects.push({ kind: "snapshot", symbols: unseen });
  }

  error(message: ErrorMessage): void {
    if (message.code !== "history_lost" || message.symbol === undefined) return;
    // The live ones follow behind the head. What lies before is read from the store.
    this.seq.set(message.symbol, message.head_seq ?? 0);
    this.effects.push({ kind: "snapshot", symbols: [message.symbol] });
  }

  done(): LiveState {
    const feed = this.fresh.length
      ? [...this.fresh.toReversed(), ...this.feed].slice(0, FEED_LENGTH)
      : this.feed;
    return { ...this.next, seq: this.seq, latest: this.latest, feed };
  }

  private resume(symbol: string): void {
    if (this.resumed.has(symbol)) return;
    this.resumed.add(symbol);
    this.effects.push({ kind: "resume", symbol });
  }
}
