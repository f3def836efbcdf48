import { useMutation } from "@tanstack/react-query";
import { useState, useSyncExternalStore } from "react";

import { logIn } from "../api/endpoints";
import { ApiError } from "../api/http";
import { queryClient } from "../api/queries";
import { session } from "../api/session";
import { live, useLive } from "../live/live";
import { Dialog } from "../ui/Dialog";

const LOGIN_REQUIRED = 4501;

/** Asks for a login when the server wants one. The page stays behind it as it is. */
export function LoginGate() {
  const { expired } = useSyncExternalStore(session.listen, session.getState);
  const refused = useLive((snapshot) => snapshot.connection.code === LOGIN_REQUIRED);
  return expired || refused ? <LoginDialog /> : null;
}

export function LoginDialog({ onClose }: { onClose?: () => void }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const login = useMutation({
    mutationFn: logIn,
    onSuccess: async (me) => {
      queryClient.setQueryData(["me"], me);
      session.renew();
      live.reconnect();
      onClose?.();
      await queryClient.invalidateQueries();
    },
  });
  return (
    <Dialog title={onClose ? "Log in" : "Log in to go on"} onClose={onClose ?? (() => undefined)} dismissable={onClose !== undefined}>
      {!onClose && <p>The server asks who you are. The page stays as it is.</p>}
      <form
        className="login"
        onSubmit={(event) => {
          event.preventDefault();
          login.mutate({ username, password });
        }}
      >
        <label className="field">
          <span>User name</span>
          <input autoComplete="username" autoFocus required value={username} onChange={(event) => setUsername(event.target.value)} />
        </label>
        <label className="field">
          <span>Password</span>
          <input type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
        </label>
        {login.error && (
          <p className="complaint" role="alert">
            {explain(login.error)}
          </p>
        )}
        <div className="dialog-buttons">
          {onClose && (
            <button type="button" onClick={onClose}>
              Cancel
            </button>
          )}
          <button className="primary" disabled={login.isPending}>
            Log in
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function explain(error: Error): string {
  const wait = error instanceof ApiError && error.status === 429 ? error.retryAfter : null;
  return wait === null ? error.message : `Too many tries. Come back in ${wait} s.`;
}
