import { useMutation } from "@tanstack/react-query";

import { liftProtection } from "../../api/endpoints";
import type { RiskProtection } from "../../api/generated";
import { queryClient } from "../../api/queries";
import { useAccess } from "../../app/useAccess";
import { Time } from "../../ui/Time";

/** What keeps the portfolio from opening positions, until when and why. */
export function Protections({ protections }: { protections: RiskProtection[] }) {
  const lacks = useAccess().lacks("risk");
  const lift = useMutation({ mutationFn: liftProtection, onSettled: () => queryClient.invalidateQueries({ queryKey: ["risk"] }) });
  return (
    <section className="panel" aria-labelledby="protections">
      <h2 id="protections">Protections</h2>
      {protections.length === 0 ? (
        <p className="muted">None in force: new positions may be opened.</p>
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label="Protections, scrollable">
          <table>
            <thead>
              <tr>
                <th scope="col">Of</th>
                <th scope="col">Kind</th>
                <th scope="col">Until</th>
                <th scope="col">Reason</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {protections.map((one) => (
                <tr key={one.id} data-id={one.id}>
                  <th scope="row">{one.symbol ?? "everything"}</th>
                  <td>{one.kind.replaceAll("_", " ")}</td>
                  <td>
                    <Time ms={one.until} style="short" />
                  </td>
                  <td className="wrap">{one.reason}</td>
                  <td className="end">
                    <button
                      disabled={lift.isPending || lacks !== null}
                      aria-label={`Lift the ${one.kind.replaceAll("_", " ")} of ${one.symbol ?? "everything"}`}
                      title={lacks ?? "Positions may be opened again at once"}
                      onClick={() => lift.mutate(one.id)}
                    >
                      Lift
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {lift.error && (
        <p className="complaint" role="alert">
          {lift.error.message}
        </p>
      )}
    </section>
  );
}
