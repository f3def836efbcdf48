import { useSyncExternalStore } from "react";

import { session } from "../api/session";
import { live, useLive } from "../live/live";
import { useStatus } from "../api/queries";
import { useServerTime } from "./useServerTime";
import { ApiError } from "../api/http";
import { span } from "../format/format";

const SKEW_MS = 120_000;

/** One line each for what a reader must know: API down, unknown messages, a clock that is off. */
export function Notices() {
  const trouble = useLive((snapshot) => snapshot.trouble);
  const { clockSkew } = useSyncExternalStore(session.listen, session.getState);
  const { error, dataUpdatedAt } = useStatus();
  useServerTime();
  return (
    <div className="notices" role="status">
      {error && <ApiNotice error={error} since={dataUpdatedAt} />}
      {trouble?.kind === "unknown_type" && (
        <p className="notice" data-notice="unknown-message">
          <span>
            The server sent a message that this page does not know (<code>{trouble.text}</code>). It is left out; loading
            the page again may help.
          </span>
          <button className="quiet" onClick={() => live.dismissTrouble()}>
            Dismiss
          </button>
        </p>
      )}
      {trouble?.kind === "error" && (
        <p className="notice" data-notice="feed-error">
          <span>
            The feed refused a request ({trouble.code}): {trouble.text}
          </span>
          <button className="quiet" onClick={() => live.dismissTrouble()}>
            Dismiss
          </button>
        </p>
      )}
      {clockSkew !== null && Math.abs(clockSkew) > SKEW_MS && (
        <p className="notice" data-notice="clock">
          This machine’s clock is {span(Math.abs(clockSkew))} {clockSkew > 0 ? "ahead of" : "behind"} the server’s. Ages are
          measured on the market’s clock and stay right.
        </p>
      )}
    </div>
  );
}

function ApiNotice({ error, since }: { error: Error; since: number }) {
  const busy = error instanceof ApiError && error.status === 429;
  if (error instanceof ApiError && error.status === 401) return null; // the login asks
  const what = busy ? "The server asks for fewer requests" : `The API does not work: ${error.message}`;
  return (
    <p className="notice notice-bad" data-notice={busy ? "busy" : "api"}>
      {what}. {since ? "What is shown may be old; " : ""}it is tried again by itself.
    </p>
  );
}
