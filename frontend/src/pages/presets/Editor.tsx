import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { savePreset } from "../../api/endpoints";
import { queryClient } from "../../api/queries";
import type { Preset } from "../../api/types";
import { useAccess } from "../../app/useAccess";
import { fixed } from "../../format/format";
import { WeightSliders } from "../../ui/WeightSliders";
import { isWhole, sum, type Weights } from "../../ui/weights";
import { Preview } from "./Preview";

const NAME = /^[A-Za-z0-9_-]{1,40}$/;

type Props = { preset: Preset; names: string[]; onSaved: (name: string) => void };

/** Sliders that keep the sum at 1; typed numbers may break it, and then it cannot be saved. */
export function Editor({ preset, names, onSaved }: Props) {
  const [weights, setWeights] = useState<Weights>(preset.weights);
  const [name, setName] = useState(preset.is_default ? freeName(preset.name, names) : preset.name);
  const [description, setDescription] = useState(preset.description);
  const lacks = useAccess().lacks("presets");
  const save = useMutation({
    mutationFn: savePreset,
    onSuccess: async (saved) => {
      await queryClient.invalidateQueries({ queryKey: ["presets"] });
      onSaved(saved.name);
    },
  });
  const problem = lacks ?? problemOf(weights, name);
  return (
    <form
      className="panel editor"
      aria-label="Weights"
      onSubmit={(event) => {
        event.preventDefault();
        if (!problem) save.mutate({ name, weights, description });
      }}
    >
      <div className="editor-form">
        <WeightSliders weights={weights} before={preset.weights} onChange={setWeights} />
        <div className="fields">
          <label className="field">
            <span>Name</span>
            <input value={name} onChange={(event) => setName(event.target.value)} maxLength={40} />
          </label>
          <label className="field">
            <span>Description</span>
            <input value={description} onChange={(event) => setDescription(event.target.value)} maxLength={200} />
          </label>
          <button className="primary" disabled={problem !== null || save.isPending} title={problem ?? undefined}>
            {names.includes(name) ? "Save a new version" : "Save as new"}
          </button>
          <button type="button" onClick={() => setName(freeName(preset.name, names))}>
            Duplicate
          </button>
          <button type="button" onClick={() => setWeights(preset.weights)}>
            Undo changes
          </button>
        </div>
        {(problem ?? save.error) && (
          <p className="complaint" role="alert">
            {problem ?? save.error?.message}
          </p>
        )}
      </div>
      <Preview weights={weights} />
    </form>
  );
}

function problemOf(weights: Weights, name: string): string | null {
  if (!isWhole(weights)) return `Cannot be saved: the weights must sum to 1, their sum is ${fixed(sum(weights), 3)}.`;
  return NAME.test(name) ? null : "The name must have 1 to 40 letters, digits, _ or -.";
}

function freeName(name: string, names: string[]): string {
  for (let n = 2; ; n++) {
    const candidate = `${name.slice(0, 36)}-${n}`;
    if (!names.includes(candidate)) return candidate;
  }
}
