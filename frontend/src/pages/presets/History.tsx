import { useQuery } from "@tanstack/react-query";

import { readPresetHistory } from "../../api/endpoints";
import type { PresetVersionRow } from "../../api/types";
import { fixed } from "../../format/format";
import { detectorName } from "../../format/words";
import { Failed, Loading } from "../../ui/states";
import { Time } from "../../ui/Time";

/** Every version, with what it changed. */
export function History({ name }: { name: string }) {
  const history = useQuery({ queryKey: ["presets", name, "history"], queryFn: () => readPresetHistory(name) });
  return (
    <section className="panel" aria-labelledby="versions">
      <h2 id="versions">Versions of {name}</h2>
      {history.error ? (
        <Failed error={history.error} what="The history" />
      ) : !history.data ? (
        <Loading what="versions" />
      ) : (
        <ol className="versions">
          {history.data.versions.map((version, i, all) => (
            <li key={version.version}>
              <b>{version.version}</b> <Time ms={Date.parse(version.created_at)} /> <span className="muted">{version.created_by ? `by ${version.created_by}` : "by the installation or an unnamed person"}</span>
              <Changes version={version} before={all[i + 1]} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function Changes({ version, before }: { version: PresetVersionRow; before: PresetVersionRow | undefined }) {
  if (!before) return <p className="muted">first version</p>;
  const names = [...new Set([...Object.keys(before.weights), ...Object.keys(version.weights)])];
  const changed = names.filter((name) => Math.abs((version.weights[name] ?? 0) - (before.weights[name] ?? 0)) > 1e-9);
  if (changed.length === 0) return <p className="muted">the same weights</p>;
  return (
    <ul className="changes">
      {changed.map((name) => (
        <li key={name}>
          {detectorName(name)} <del>{fixed(before.weights[name] ?? 0, 3)}</del> <ins>{fixed(version.weights[name] ?? 0, 3)}</ins>
        </li>
      ))}
    </ul>
  );
}
