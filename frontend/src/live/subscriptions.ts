export const EVERYTHING = "*";

/** Counts who wants what. `*` covers every symbol, so beside it nothing else is asked for. */
export class Subscriptions {
  private readonly wanted = new Map<string, number>();
  private sent: ReadonlySet<string> = new Set();

  /** Count `symbols` once more; call what is returned to count them back, once. */
  add(symbols: readonly string[]): () => void {
    for (const symbol of symbols) this.wanted.set(symbol, (this.wanted.get(symbol) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      for (const symbol of symbols) {
        const left = (this.wanted.get(symbol) ?? 1) - 1;
        if (left) this.wanted.set(symbol, left);
        else this.wanted.delete(symbol);
      }
    };
  }

  /** Return what the server should send. */
  effective(): string[] {
    return this.wanted.has(EVERYTHING) ? [EVERYTHING] : [...this.wanted.keys()].sort();
  }

  /** Return what to ask for and what to end since the last call, and note it as sent. */
  difference(): { begin: string[]; end: string[] } {
    const now = new Set(this.effective());
    const begin = [...now].filter((symbol) => !this.sent.has(symbol));
    const end = [...this.sent].filter((symbol) => !now.has(symbol));
    this.sent = now;
    return { begin, end };
  }

  covers(symbol: string): boolean {
    return this.wanted.has(EVERYTHING) || this.wanted.has(symbol);
  }

  /** A new socket knows of nothing. */
  forgetSent(): void {
    this.sent = new Set();
  }
}
