import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { logOut } from "../api/endpoints";
import { queryClient } from "../api/queries";
import { live } from "../live/live";
import { LoginDialog } from "./Login";
import { useMe } from "./useAccess";

/** Who I am, and in or out. */
export function Account() {
  const { data: me } = useMe();
  const [asking, setAsking] = useState(false);
  const leave = useMutation({
    mutationFn: logOut,
    onSuccess: () => {
      live.reconnect();
      return queryClient.invalidateQueries();
    },
  });
  if (!me) return null;
  if (me.user !== null) {
    return (
      <span className="account">
        <span title={`May: ${me.permissions.join(", ") || "nothing"}`}>
          {me.user} <span className="muted">{me.role ?? "no role"}</span>
        </span>
        <button disabled={leave.isPending} onClick={() => leave.mutate()}>
          Log out
        </button>
      </span>
    );
  }
  return (
    <>
      <button className="account" onClick={() => setAsking(true)} title={me.open_control ? "Control is open to everyone on this machine; log in to be named" : "Log in"}>
        Log in
      </button>
      {asking && <LoginDialog onClose={() => setAsking(false)} />}
    </>
  );
}
