import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { addTarget, changeTarget, deleteTarget, testTarget } from "../../api/endpoints";
import type { AlertTarget, TargetBody } from "../../api/generated";
import { useAccess } from "../../app/useAccess";
import { Dialog } from "../../ui/Dialog";
import { Time } from "../../ui/Time";
import { refreshAlerts } from "./AlertsPage";

export function Targets({ targets }: { targets: AlertTarget[] }) {
  return (
    <section className="panel" aria-labelledby="targets">
      <h2 id="targets">Targets</h2>
      {targets.length === 0 && <p className="muted">None yet: a chat, a mail address or a webhook that is told.</p>}
      <ul className="alert-list">
        {targets.map((target) => (
          <TargetRow key={target.id} target={target} />
        ))}
      </ul>
      <NewTarget />
    </section>
  );
}

function TargetRow({ target }: { target: AlertTarget }) {
  const { lacks } = useAccess();
  const [mayTest, mayChange] = [lacks("alerts"), lacks("targets")];
  const [asking, setAsking] = useState(false);
  const test = useMutation({ mutationFn: () => testTarget(target.id), onSettled: refreshAlerts });
  const turn = useMutation({ mutationFn: () => changeTarget(target.id, { enabled: !target.enabled }), onSettled: refreshAlerts });
  const remove = useMutation({ mutationFn: () => deleteTarget(target.id), onSettled: refreshAlerts });
  const failure = test.error ?? turn.error ?? remove.error;
  return (
    <li data-target={target.name}>
      <b>{target.name}</b> <span className="muted">{target.address}</span>{" "}
      {target.failures > 0 && (
        <span className="badge badge-bad">
          {target.failures} failed
          {target.paused_until && (
            <>
              , next after <Time ms={Date.parse(target.paused_until)} style="clock" />
            </>
          )}
        </span>
      )}
      <span className="buttons">
        <button disabled={mayTest !== null || test.isPending} title={mayTest ?? undefined} onClick={() => test.mutate()}>
          Send a test
        </button>
        <button aria-pressed={target.enabled} disabled={mayChange !== null || turn.isPending} title={mayChange ?? undefined} onClick={() => turn.mutate()}>
          {target.enabled ? "On" : "Off"}
        </button>
        <button className="danger" disabled={mayChange !== null} title={mayChange ?? undefined} onClick={() => setAsking(true)}>
          Delete
        </button>
      </span>
      {failure && (
        <p className="complaint" role="alert">
          {failure.message}
        </p>
      )}
      {asking && (
        <Dialog title={`Delete ${target.name}?`} onClose={() => setAsking(false)}>
          <p>Its address is forgotten, and what waits for it is not sent.</p>
          <div className="dialog-buttons">
            <button onClick={() => setAsking(false)}>Keep it</button>
            <button className="danger" disabled={remove.isPending} onClick={() => remove.mutate()}>
              Delete
            </button>
          </div>
        </Dialog>
      )}
    </li>
  );
}

const NOTHING = { name: "", kind: "webhook" as TargetBody["kind"], url: "" };

function NewTarget() {
  const lacks = useAccess().lacks("targets");
  const [draft, setDraft] = useState(NOTHING);
  const add = useMutation({
    mutationFn: addTarget,
    onSuccess: () => {
      setDraft(NOTHING);
      return refreshAlerts();
    },
  });
  return (
    <>
      <form
        className="fields"
        aria-label="New target"
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate(draft);
        }}
      >
        <label className="field">
          <span>Name</span>
          <input required maxLength={60} value={draft.name} onChange={(event) => setDraft({ ...draft, name: event.target.value })} />
        </label>
        <label className="field">
          <span>Kind</span>
          <select value={draft.kind} onChange={(event) => setDraft({ ...draft, kind: event.target.value as TargetBody["kind"] })}>
            <option value="webhook">signed webhook</option>
            <option value="apprise">Apprise URL</option>
          </select>
        </label>
        <label className="field">
          <span>Address (kept encrypted)</span>
          <input
            required
            autoComplete="off"
            placeholder={draft.kind === "webhook" ? "https://…" : "tgram://…"}
            value={draft.url}
            onChange={(event) => setDraft({ ...draft, url: event.target.value })}
          />
        </label>
        <button disabled={lacks !== null || add.isPending} title={lacks ?? undefined}>
          Add
        </button>
      </form>
      {add.error && (
        <p className="complaint" role="alert">
          {add.error.message}
        </p>
      )}
      {add.data?.secret && (
        <p className="notice" role="status">
          <span>
            The signing secret of {add.data.name}, shown this once: <code data-testid="secret">{add.data.secret}</code>
          </span>
          <button className="quiet" onClick={() => add.reset()}>
            I have it
          </button>
        </p>
      )}
    </>
  );
}
