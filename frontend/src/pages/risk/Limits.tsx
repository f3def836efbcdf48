import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { saveLimits } from "../../api/endpoints";
import type { RiskLimits } from "../../api/generated";
import { queryClient } from "../../api/queries";
import { useAccess } from "../../app/useAccess";
import { changesOf, draftOf, LIMITS } from "./limits";

type Props = { limits: RiskLimits; version: number; broken: string[] };

/** The limits in force. Saving stores a new version; what the portfolio is beyond already is marked. */
export function Limits({ limits, version, broken }: Props) {
  const [draft, setDraft] = useState(() => draftOf(limits));
  const lacks = useAccess().lacks("limits");
  const save = useMutation({
    mutationFn: saveLimits,
    onSuccess: () => Promise.all(["risk", "assessment"].map((key) => queryClient.invalidateQueries({ queryKey: [key] }))),
  });
  const changes = changesOf(draft, limits);
  const problem = lacks ?? (changes === null ? "Each limit must be a number." : null);
  const untouched = changes !== null && Object.keys(changes).length === 0;
  return (
    <section className="panel" aria-labelledby="limits">
      <h2 id="limits">Limits</h2>
      <form
        aria-labelledby="limits"
        onSubmit={(event) => {
          event.preventDefault();
          if (changes && !problem) save.mutate(changes);
        }}
      >
        <div className="fields">
          {LIMITS.map(({ name, label, unit }) => (
            <label key={name} className="field" data-broken={broken.includes(name) || undefined}>
              <span>
                {label}
                {unit && `, ${unit}`}
                {broken.includes(name) && <b className="complaint"> – exceeded now</b>}
              </span>
              <input inputMode="decimal" name={name} value={draft[name]} readOnly={lacks !== null} onChange={(event) => setDraft({ ...draft, [name]: event.target.value })} />
            </label>
          ))}
        </div>
        <div className="buttons limits-buttons">
          <button className="primary" disabled={problem !== null || untouched || save.isPending} title={problem ?? (untouched ? "Nothing was changed" : undefined)}>
            Save
          </button>
          <button type="button" disabled={untouched} onClick={() => setDraft(draftOf(limits))}>
            Undo changes
          </button>
          <span className="muted">{version === 0 ? "the defaults" : `version ${version}`}; shares of the equity</span>
        </div>
      </form>
      {(save.error ?? (lacks === null && problem)) && (
        <p className="complaint" role="alert">
          {save.error?.message ?? problem}
        </p>
      )}
    </section>
  );
}
