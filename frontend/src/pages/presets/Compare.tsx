import { useState } from "react";

import type { Preset } from "../../api/types";
import { fixed, signed } from "../../format/format";
import { detectorName } from "../../format/words";

/** Two presets side by side. */
export function Compare({ presets, first }: { presets: Preset[]; first: string }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const one = presets.find((preset) => preset.name === first);
  const other = presets.find((preset) => preset.name === chosen) ?? presets.find((preset) => preset.name !== first);
  if (!one || !other) return null;
  const detectors = [...new Set([...Object.keys(one.weights), ...Object.keys(other.weights)])];
  return (
    <section className="panel" aria-labelledby="compare">
      <h2 id="compare">Compare</h2>
      <div className="table-scroll" tabIndex={0} role="group" aria-label="Comparison, scrollable">
        <table>
          <thead>
            <tr>
              <th scope="col">Weight of</th>
              <th scope="col" className="end">
                {one.name}
              </th>
              <th scope="col" className="end">
                <select aria-label="Compare with" value={other.name} onChange={(event) => setChosen(event.target.value)}>
                  {presets
                    .filter((preset) => preset.name !== first)
                    .map((preset) => (
                      <option key={preset.name}>{preset.name}</option>
                    ))}
                </select>
              </th>
              <th scope="col" className="end">
                Difference
              </th>
            </tr>
          </thead>
          <tbody>
            {detectors.map((name) => (
              <Line key={name} name={detectorName(name)} one={one.weights[name] ?? 0} other={other.weights[name] ?? 0} />
            ))}
            <Line name="distance from neutral for buy or sell" one={one.act} other={other.act} />
            <Line name="least confidence for buy or sell" one={one.min_confidence} other={other.min_confidence} />
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Line({ name, one, other }: { name: string; one: number; other: number }) {
  const difference = other - one;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td className="end">{fixed(one, 3)}</td>
      <td className="end">{fixed(other, 3)}</td>
      <td className={`end ${difference === 0 ? "muted" : "differs"}`}>{signed(difference, 3)}</td>
    </tr>
  );
}
