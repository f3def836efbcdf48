import { useEffect, useState } from "react";

import { useLive, live } from "../live/live";
import type { Connection } from "../live/transport";

const KINDS: Record<Connection["phase"], string> = {
  connecting: "badge-wait",
  live: "badge-good",
  reconnecting: "badge-wait",
  stale: "badge-bad",
  offline: "badge-bad",
  refused: "badge-bad",
};

export function ConnectionBadge() {
  const connection = useLive((snapshot) => snapshot.connection);
  const off = useLive((snapshot) => snapshot.live.agent?.enabled === false);
  const { phase } = connection;
  const word = phase === "live" && off ? "live · agent off" : phase;
  return (
    <span className={`badge ${KINDS[phase]}`} data-badge="connection" data-phase={phase} role="status">
      <i className="pulse" aria-hidden="true" />
      {word}
      <Countdown connection={connection} />
      {phase === "refused" && (
        <button className="link" onClick={() => live.wake()}>
          connect
        </button>
      )}
    </span>
  );
}

/** Seconds until the next attempt; not read aloud each second. */
function Countdown({ connection }: { connection: Connection }) {
  const { retryAt } = connection;
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (retryAt === null) return;
    const timer = setInterval(() => setNow(performance.now()), 250);
    return () => clearInterval(timer);
  }, [retryAt]);
  if (retryAt === null) return null;
  return <span aria-hidden="true"> in {Math.max(0, Math.ceil((retryAt - now) / 1000))} s</span>;
}
