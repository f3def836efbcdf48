import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { addRule, changeRule } from "../../api/endpoints";
import type { AlertRule, AlertTarget } from "../../api/generated";
import { useAccess } from "../../app/useAccess";
import { refreshAlerts } from "./AlertsPage";
import { bodyOf, draftOf, EMPTY, problemOf, type Draft } from "./rules";

type Props = { rule: AlertRule | null; targets: AlertTarget[]; onDone: () => void };

/** A new rule, or one that is changed. The server checks it as a whole and names the field. */
export function RuleForm({ rule, targets, onDone }: Props) {
  const [draft, setDraft] = useState<Draft>(rule ? draftOf(rule) : EMPTY);
  const lacks = useAccess().lacks("alerts");
  const save = useMutation({
    mutationFn: () => {
      const body = bodyOf(draft, Intl.DateTimeFormat().resolvedOptions().timeZone, rule ?? undefined);
      return rule ? changeRule(rule.id, body) : addRule(body);
    },
    onSuccess: () => {
      setDraft(EMPTY);
      onDone();
      return refreshAlerts();
    },
  });
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const problem = lacks ?? problemOf(draft);
  return (
    <section className="panel" aria-labelledby="rule-form">
      <h2 id="rule-form">{rule ? `Change ${rule.name}` : "New rule"}</h2>
      <form
        className="fields"
        onSubmit={(event) => {
          event.preventDefault();
          if (!problem) save.mutate();
        }}
      >
        <Text label="Name" value={draft.name} onChange={(name) => set({ name })} maxLength={60} />
        <Text label="Symbols (none: all)" value={draft.symbols} onChange={(symbols) => set({ symbols })} />
        <Share label="Score at least" value={draft.above} onChange={(above) => set({ above })} />
        <Share label="or at most" value={draft.below} onChange={(below) => set({ below })} />
        <Choice label="Advice" value={draft.advice} options={{ "": "any", BUY: "BUY", SELL: "SELL", "BUY SELL": "BUY or SELL" }} onChange={(advice) => set({ advice })} />
        <Choice label="Direction" value={draft.direction} options={{ "": "any", BULLISH: "bullish", BEARISH: "bearish" }} onChange={(direction) => set({ direction })} />
        <Share label="Confidence from" value={draft.minConfidence} onChange={(minConfidence) => set({ minConfidence })} />
        <Share label="Consensus from" value={draft.minConsensus} onChange={(minConsensus) => set({ minConsensus })} />
        <Choice label="Looks at" value={draft.watches} options={{ signals: "signals", scores: "every close" }} onChange={(watches) => set({ watches })} />
        <Choice label="Told" value={draft.trigger} options={{ enter: "once, as it begins", every: "each time" }} onChange={(trigger) => set({ trigger })} />
        <Minutes label="Cooldown, minutes" value={draft.cooldownMinutes} onChange={(cooldownMinutes) => set({ cooldownMinutes })} />
        <Minutes label="Digest, minutes (0: none)" value={draft.digestMinutes} onChange={(digestMinutes) => set({ digestMinutes })} />
        <Clock label="Quiet from" value={draft.quietFrom} onChange={(quietFrom) => set({ quietFrom })} />
        <Clock label="Quiet until" value={draft.quietTo} onChange={(quietTo) => set({ quietTo })} />
        <fieldset className="alert-targets">
          <legend>Told to</legend>
          {targets.length === 0 && <span className="muted">There is no target yet: what it finds is listed below.</span>}
          {targets.map((target) => (
            <label key={target.id}>
              <input
                type="checkbox"
                checked={draft.targets.includes(target.id)}
                onChange={(event) => set({ targets: event.target.checked ? [...draft.targets, target.id] : draft.targets.filter((id) => id !== target.id) })}
              />{" "}
              {target.name}
            </label>
          ))}
        </fieldset>
        <div className="buttons">
          <button className="primary" disabled={problem !== null || save.isPending} title={problem ?? undefined}>
            {rule ? "Save" : "Add"}
          </button>
          {rule && (
            <button type="button" onClick={onDone}>
              Cancel
            </button>
          )}
        </div>
      </form>
      {save.error && (
        <p className="complaint" role="alert">
          {save.error.message}
        </p>
      )}
    </section>
  );
}

type FieldProps = { label: string; value: string; onChange: (value: string) => void };

function Text({ label, value, onChange, maxLength }: FieldProps & { maxLength?: number }) {
  return (
    <label className="field">
      <span>{label}</span>
      <input value={value} maxLength={maxLength} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}

function Share({ label, value, onChange }: FieldProps) {
  return (
    <label className="field">
      <span>{label}</span>
      <input type="number" min={0} max={1} step="any" value={value} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}

function Minutes({ label, value, onChange }: FieldProps) {
  return (
    <label className="field">
      <span>{label}</span>
      <input type="number" min={0} step="any" value={value} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}

function Clock({ label, value, onChange }: FieldProps) {
  return (
    <label className="field">
      <span>{label}</span>
      <input type="time" value={value} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}

type ChoiceProps<T extends string> = { label: string; value: T; options: Record<T, string>; onChange: (value: T) => void };

function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  return (
    <label className="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value as T)}>
        {(Object.entries(options) as [T, string][]).map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
