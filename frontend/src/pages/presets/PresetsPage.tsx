import "./presets.css";

import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { activatePreset, deletePreset, readPresets } from "../../api/endpoints";
import { queryClient } from "../../api/queries";
import type { Preset } from "../../api/types";
import { useAccess } from "../../app/useAccess";
import { Dialog } from "../../ui/Dialog";
import { Empty, Failed, Loading } from "../../ui/states";
import { Compare } from "./Compare";
import { Editor } from "./Editor";
import { History } from "./History";

export default function PresetsPage() {
  const presets = useQuery({ queryKey: ["presets"], queryFn: readPresets });
  const [chosen, setChosen] = useState<string | null>(null);
  if (presets.error && !presets.data) return <Failed error={presets.error} what="The presets" retry={() => void presets.refetch()} />;
  if (!presets.data) return <Loading what="presets" />;
  const all = presets.data.presets;
  const preset = all.find((one) => one.name === chosen) ?? all.find((one) => one.is_active) ?? all[0];
  if (!preset) return <Empty title="There are no presets" />;
  return (
    <div className="page presets">
      <h1>Presets</h1>
      <List presets={all} chosen={preset.name} onChoose={setChosen} />
      <div className="presets-main">
        <Actions preset={preset} onGone={() => setChosen(null)} />
        <Editor key={`${preset.name} ${preset.version}`} preset={preset} names={all.map((one) => one.name)} onSaved={setChosen} />
        <Compare presets={all} first={preset.name} />
        <History name={preset.name} />
      </div>
    </div>
  );
}

type ListProps = { presets: Preset[]; chosen: string; onChoose: (name: string) => void };

function List({ presets, chosen, onChoose }: ListProps) {
  return (
    <ul className="preset-list" aria-label="Presets">
      {presets.map((preset) => (
        <li key={preset.name}>
          <button aria-pressed={preset.name === chosen} onClick={() => onChoose(preset.name)} data-preset={preset.name}>
            <b>{preset.name}</b> <span className="muted">version {preset.version}</span>
            {preset.is_active && <span className="badge badge-good">in use</span>}
            {preset.is_default && <span className="badge">default</span>}
            {preset.description && <span className="muted preset-description">{preset.description}</span>}
          </button>
        </li>
      ))}
    </ul>
  );
}

const refresh = () => Promise.all([queryClient.invalidateQueries({ queryKey: ["presets"] }), queryClient.invalidateQueries({ queryKey: ["status"] })]);

function Actions({ preset, onGone }: { preset: Preset; onGone: () => void }) {
  const [asking, setAsking] = useState(false);
  const lacks = useAccess().lacks("presets");
  const activate = useMutation({ mutationFn: activatePreset, onSettled: refresh });
  const remove = useMutation({
    mutationFn: deletePreset,
    onSuccess: onGone,
    onSettled: () => {
      setAsking(false);
      return refresh();
    },
  });
  const failure = activate.error ?? remove.error;
  const undeletable = lacks ?? (preset.is_default ? "A default stays as it is: save a copy under another name" : null);
  return (
    <div className="preset-actions">
      <h2>{preset.name}</h2>
      <div className="buttons">
        <button disabled={preset.is_active || activate.isPending || lacks !== null} title={lacks ?? undefined} onClick={() => activate.mutate(preset.name)}>
          {preset.is_active ? "In use" : "Use from the next scan"}
        </button>
        <button disabled={undeletable !== null} title={undeletable ?? undefined} onClick={() => setAsking(true)}>
          Delete
        </button>
      </div>
      {failure && (
        <p className="complaint" role="alert">
          {failure.message}
        </p>
      )}
      {asking && (
        <Dialog title={`Delete ${preset.name}?`} onClose={() => setAsking(false)}>
          <p>It is hidden. Its versions stay for the signals that used them.</p>
          <div className="dialog-buttons">
            <button onClick={() => setAsking(false)}>Keep it</button>
            <button className="danger" disabled={remove.isPending} onClick={() => remove.mutate(preset.name)}>
              Delete
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}
