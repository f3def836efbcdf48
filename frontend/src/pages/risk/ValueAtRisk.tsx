import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { readVar } from "../../api/endpoints";
import { pace } from "../../api/queries";
import { fixed, percent, whole } from "../../format/format";
import { Failed, Loading } from "../../ui/states";
import { Time } from "../../ui/Time";

const EVERY_MS = 10_000;
const CONFIDENCES = [0.9, 0.95, 0.975, 0.99];

/** What may be lost within one bar, by each method, with its window. */
export function ValueAtRisk({ equity }: { equity: number }) {
  const [confidence, setConfidence] = useState(0.95);
  const found = useQuery({
    queryKey: ["var", confidence],
    queryFn: () => readVar({ confidence }),
    refetchInterval: pace(EVERY_MS),
    placeholderData: (before) => before,
    retry: false,
  });
  return (
    <section className="panel" aria-labelledby="var">
      <h2 id="var">Value at risk</h2>
      <label className="field confidence-choice">
        <span>Confidence</span>
        <select value={confidence} onChange={(event) => setConfidence(Number(event.target.value))}>
          {CONFIDENCES.map((one) => (
            <option key={one} value={one}>
              {percent(one, one === 0.975 ? 1 : 0)}
            </option>
          ))}
        </select>
      </label>
      {found.error && !found.data ? (
        <Failed error={found.error} what="The value at risk" retry={() => void found.refetch()} />
      ) : !found.data ? (
        <Loading what="value at risk" />
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label="Value at risk, scrollable">
          <table data-testid="var">
            <caption>
              One {found.data.timeframe} bar ahead, from candles up to <Time ms={found.data.as_of} style="short" />
            </caption>
            <thead>
              <tr>
                <th scope="col">Method</th>
                <th scope="col" className="end">Value at risk</th>
                <th scope="col" className="end">Shortfall</th>
                <th scope="col" className="end">Amount</th>
                <th scope="col" className="end">Returns</th>
              </tr>
            </thead>
            <tbody>
              {Object.entries(found.data.methods).map(([method, one]) => (
                <tr key={method}>
                  <th scope="row">{method}</th>
                  {one.reason === null ? (
                    <>
                      <td className="end">{percent(one.var, 2)}</td>
                      <td className="end">{percent(one.cvar, 2)}</td>
                      <td className="end">{fixed(one.var === null ? null : one.var * equity, 2)}</td>
                      <td className="end">{whole(one.window)}</td>
                    </>
                  ) : (
                    <td className="wrap muted" colSpan={4}>
                      {one.reason}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
