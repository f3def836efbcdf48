import type { Latest } from "../api/types";
import type { ErrorMessage, ServerMessage } from "./messages";
import { applySnapshot, type Effect, EMPTY, type LiveState, receive } from "./state";
import { EVERYTHING, Subscriptions } from "./subscriptions";
import { type Connection, Transport, type TransportPorts } from "./transport";

/** A hidden tab draws no frames: its messages are applied at this pace. */
const HIDDEN_MS = 1000;
const SNAPSHOT_RETRY_MS = 2000;
/** The server takes 1,000 symbols a message. */
const CHUNK = 500;

export type ClientPorts = TransportPorts & {
  /** The newest stored signal of `symbols`, or of all. */
  readLatest: (symbols: string[] | null) => Promise<Latest>;
  /** Call back at the next frame. */
  frame: (callback: () => void) => void;
};

export type Trouble = { kind: "unknown_type"; text: string } | { kind: "error"; text: string; code: string };

export type Snapshot = { live: LiveState; connection: Connection; trouble: Trouble | null };

/** A message names at least one symbol; callers send none for an empty list. */
const some = (symbols: string[]) => symbols as [string, ...string[]];

/** The live feed as the page sees it: state in the order of the numbers, and how the connection is. */
export class LiveClient {
  private current: Snapshot;
  private readonly transport: Transport;
  private readonly subscriptions = new Subscriptions();
  private readonly listeners = new Set<() => void>();
  private waiting: ServerMessage[] = [];
  private flushing = false;
  private matchWaits = false;
  /** One match after the other: two at once would read the same snapshot twice. */
  private matched: Promise<void> = Promise.resolve();
  private readonly resuming = new Set<string>();
  /** Counts sockets: what an earlier one began must not end on a later one. */
  private generation = 0;

  constructor(private readonly ports: ClientPorts) {
    this.transport = new Transport(ports, {
      opened: () => this.onOpened(),
      message: (message) => this.onMessage(message),
      unknown: (text) => this.publish({ trouble: { kind: "unknown_type", text } }),
      changed: (connection) => this.publish({ connection }),
    });
    this.current = { live: EMPTY, connection: this.transport.connection, trouble: null };
  }

  readonly getSnapshot = (): Snapshot => this.current;

  readonly listen = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  start(): void {
    this.transport.start();
  }

  stop(): void {
    this.generation += 1;
    this.transport.stop();
  }

  wake(): void {
    this.transport.wake();
  }

  /** Open another socket: who we are has changed. */
  reconnect(): void {
    this.transport.stop();
    this.transport.start();
  }

  dismissTrouble(): void {
    this.publish({ trouble: null });
  }

  /** Subscribe to `symbols` (or `*`) until what is returned is called. Counted: two may want the same. */
  want(symbols: readonly string[]): () => void {
    const release = this.subscriptions.add(symbols);
    this.matchLater();
    return () => {
      release();
      this.matchLater();
    };
  }

  private onOpened(): void {
    this.generation += 1;
    this.subscriptions.forgetSent();
    this.resuming.clear();
    this.matchLater();
  }

  /** Components come and go in one go: ask the server once for all of them. */
  private matchLater(): void {
    if (this.matchWaits) return;
    this.matchWaits = true;
    this.matched = this.matched.then(() => {
      this.matchWaits = false;
      return this.match();
    });
  }

  /** Bring the server's idea of what we want up to ours. What is known already is asked for from where it ends. */
  private async match(): Promise<void> {
    if (!this.transport.isOpen) return;
    const unknown = this.subscriptions.effective().filter((s) => s !== EVERYTHING && !this.state.seq.has(s));
    const everythingIsNew = this.subscriptions.covers(EVERYTHING) && this.state.seq.size === 0;
    if (everythingIsNew || unknown.length) await this.readSnapshot(everythingIsNew ? null : unknown, false);
    const { begin, end } = this.subscriptions.difference();
    const sent = this.subscribe(begin) && (end.length === 0 || this.unsubscribe(end));
    if (!sent) this.subscriptions.forgetSent(); // the next socket asks anew
  }

  private subscribe(symbols: string[]): boolean {
    for (let start = 0; start < symbols.length; start += CHUNK) {
      const chunk = symbols.slice(start, start + CHUNK);
      const known = chunk.includes(EVERYTHING) ? [...this.state.seq.keys()] : chunk;
      const since: Record<string, number> = {};
      for (const symbol of known) {
        const seq = this.state.seq.get(symbol);
        if (seq !== undefined) since[symbol] = seq;
      }
      const message = { action: "subscribe" as const, symbols: some(chunk), since };
      if (!this.transport.send(this.state.epoch ? { ...message, epoch: this.state.epoch } : message)) return false;
    }
    return true;
  }

  private unsubscribe(symbols: string[]): boolean {
    return this.transport.send({ action: "unsubscribe", symbols: some(symbols) });
  }

  private onMessage(message: ServerMessage): void {
    if (message.type === "error" && message.code !== "history_lost") this.tell(message);
    this.waiting.push(message);
    if (this.flushing) return;
    this.flushing = true;
    if (document.hidden) setTimeout(() => this.flush(), HIDDEN_MS);
    else this.ports.frame(() => this.flush());
  }

  private tell(message: ErrorMessage): void {
    this.publish({ trouble: { kind: "error", text: message.message, code: message.code } });
  }

  private flush(): void {
    this.flushing = false;
    const messages = this.waiting;
    this.waiting = [];
    const { state, effects } = receive(this.state, messages);
    for (const symbol of this.resuming) {
      // Something in order arrived: the hole is closed, or being closed.
      if (state.seq.get(symbol) !== this.state.seq.get(symbol)) this.resuming.delete(symbol);
    }
    this.publish({ live: state });
    for (const effect of effects) this.perform(effect);
  }

  private perform(effect: Effect): void {
    if (effect.kind === "snapshot") {
      void this.readSnapshot(effect.symbols, true);
    } else if (this.subscriptions.covers(effect.symbol) && !this.resuming.has(effect.symbol)) {
      this.resuming.add(effect.symbol);
      this.subscribe([effect.symbol]);
    }
  }

  /** Read the newest stored signals until that succeeds; ``again``: then subscribe anew from there. */
  private async readSnapshot(symbols: string[] | null, again: boolean): Promise<void> {
    const { generation } = this;
    for (;;) {
      try {
        const latest = await this.ports.readLatest(symbols);
        if (generation !== this.generation) return;
        this.publish({ live: applySnapshot(this.state, latest, symbols) });
        if (again) this.subscribe(symbols ?? this.subscriptions.effective());
        return;
      } catch {
        // The API does not answer; the pages that need it say so. Without a snapshot the feed begins at its heads.
        if (!again) return;
        await new Promise((resolve) => setTimeout(resolve, SNAPSHOT_RETRY_MS));
        if (generation !== this.generation) return;
      }
    }
  }

  private get state(): LiveState {
    return this.current.live;
  }

  private publish(changes: Partial<Snapshot>): void {
    this.current = { ...this.current, ...changes };
    for (const listener of this.listeners) listener();
  }
}
