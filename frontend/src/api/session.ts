/** Whether the server still knows us, and whether our clock agrees with its. */

export type SessionState = {
  /** A request was answered 401: the page asks for a login and stays as it is. */
  expired: boolean;
  /** How far this machine's clock is ahead of the server's, in ms; null: not known yet. */
  clockSkew: number | null;
};

class Session {
  private state: SessionState = { expired: false, clockSkew: null };
  private readonly listeners = new Set<() => void>();

  readonly getState = (): SessionState => this.state;

  readonly listen = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  expire(): void {
    if (!this.state.expired) this.change({ expired: true });
  }

  renew(): void {
    this.change({ expired: false });
  }

  /** Take the server's time, in ms: only a skew of minutes means something. */
  noteTime(server: number): void {
    const skew = Date.now() - server;
    if (this.state.clockSkew === null || Math.abs(skew - this.state.clockSkew) > 60_000) this.change({ clockSkew: skew });
  }

  private change(changes: Partial<SessionState>): void {
    this.state = { ...this.state, ...changes };
    for (const listener of this.listeners) listener();
  }
}

export const session = new Session();
