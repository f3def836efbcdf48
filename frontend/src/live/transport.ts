import { backoff } from "./backoff";
import { type ClientMessage, parse, type ServerMessage } from "./messages";

/** Silence after which the server is asked whether it is there; it speaks at least every 30 s by itself. */
export const PING_AFTER_MS = 20_000;
export const PONG_WITHIN_MS = 5_000;
/** A socket that lasted this long was sound: the next loss begins with a short wait again. */
export const SOUND_AFTER_MS = 5_000;

export type Phase = "connecting" | "live" | "reconnecting" | "stale" | "offline" | "refused";

export type Connection = {
  phase: Phase;
  /** When the next attempt is made, in ms of `performance.now()`. */
  retryAt: number | null;
  /** Attempts since the connection was last sound. */
  attempts: number;
  /** Why the last socket was closed. */
  code: number | null;
};

export type SocketLike = Pick<WebSocket, "send" | "close" | "readyState"> & {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent<string>) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
};

export type TransportPorts = {
  open: () => SocketLike;
  online: () => boolean;
  random: () => number;
};

export type TransportEvents = {
  opened: () => void;
  message: (message: ServerMessage) => void;
  unknown: (type: string) => void;
  changed: (connection: Connection) => void;
};

const OPEN = 1;

/** One socket that comes back: back-off with full jitter and no last try, a watchdog for silence, wake-up. */
export class Transport {
  connection: Connection = { phase: "connecting", retryAt: null, attempts: 0, code: null };
  private socket: SocketLike | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private openedAt = 0;
  private stopped = true;

  constructor(
    private readonly ports: TransportPorts,
    private readonly events: TransportEvents,
  ) {}

  start(): void {
    this.stopped = false;
    this.change({ code: null });
    if (this.socket === null) this.connect();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    this.drop();
  }

  /** Send a message; return false if there is no open socket. */
  send(message: ClientMessage): boolean {
    if (this.socket === null || !this.isOpen) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  get isOpen(): boolean {
    return this.socket?.readyState === OPEN;
  }

  /** The tab is seen again, the network came or went, or someone asks: look now instead of waiting. */
  wake(): void {
    if (this.stopped) return;
    if (this.socket === null) this.connect();
    else if (this.isOpen) this.ask();
  }

  private connect(): void {
    clearTimeout(this.retry);
    this.change({ phase: this.connection.attempts ? this.awayPhase() : "connecting", retryAt: null });
    const socket = this.ports.open();
    this.socket = socket;
    socket.onopen = () => this.onOpen(socket);
    socket.onmessage = (event) => this.onMessage(socket, event.data);
    socket.onclose = (event) => this.onClose(socket, event.code);
  }

  private onOpen(socket: SocketLike): void {
    if (socket !== this.socket) return;
    this.openedAt = performance.now();
    this.watch();
    this.events.opened();
  }

  private onMessage(socket: SocketLike, text: string): void {
    if (socket !== this.socket) return;
    this.watch();
    if (this.connection.phase !== "live") this.change({ phase: "live", retryAt: null, code: null });
    if (this.connection.attempts && performance.now() - this.openedAt > SOUND_AFTER_MS) this.change({ attempts: 0 });
    const parsed = parse(text);
    if ("message" in parsed) this.events.message(parsed.message);
    else this.events.unknown(parsed.unknown);
  }

  private onClose(socket: SocketLike, code: number): void {
    if (socket !== this.socket) return;
    this.socket = null;
    clearTimeout(this.watchdog);
    // 4500 to 4999 mean "do not come back": only a new login or a person may try again.
    if (code >= 4500 && code <= 4999) this.change({ phase: "refused", retryAt: null, code });
    else this.comeBack(code);
  }

  private comeBack(code: number): void {
    const sound = this.openedAt > 0 && performance.now() - this.openedAt > SOUND_AFTER_MS;
    const attempts = sound ? 0 : this.connection.attempts;
    this.openedAt = 0;
    const wait = backoff(attempts, this.ports.random);
    this.retry = setTimeout(() => this.connect(), wait);
    this.change({ phase: this.awayPhase(), retryAt: performance.now() + wait, attempts: attempts + 1, code });
  }

  /** Without a network it is tried all the same: a server on this machine needs none. */
  private awayPhase(): Phase {
    return this.ports.online() ? "reconnecting" : "offline";
  }

  private watch(): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      this.change({ phase: "stale" });
      this.ask();
    }, PING_AFTER_MS);
  }

  /** Ping; without an answer in time another socket is opened. */
  private ask(): void {
    clearTimeout(this.watchdog);
    this.send({ action: "ping" });
    this.watchdog = setTimeout(() => {
      this.drop();
      this.comeBack(1006);
    }, PONG_WITHIN_MS);
  }

  /** Let go of the socket: a dead one may take minutes to tell that it closed. */
  private drop(): void {
    clearTimeout(this.watchdog);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private change(changes: Partial<Connection>): void {
    this.connection = { ...this.connection, ...changes };
    this.events.changed(this.connection);
  }
}
