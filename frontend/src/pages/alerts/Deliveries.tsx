import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { readDeliveries, replayDead, replayDelivery } from "../../api/endpoints";
import type { DeliveryRow } from "../../api/generated";
import { pace } from "../../api/queries";
import { useAccess } from "../../app/useAccess";
import { whole } from "../../format/format";
import { Failed, Loading } from "../../ui/states";
import { Time } from "../../ui/Time";
import { EVERY_MS, refreshAlerts } from "./AlertsPage";

type Status = DeliveryRow["status"];

const LOOKS: Record<Status, string> = { pending: "badge-wait", sent: "badge-good", dead: "badge-bad", cancelled: "" };
const STATUSES = Object.keys(LOOKS) as Status[];

/** The outbox: what is to be sent, was sent, or was given up. */
export function Deliveries() {
  const [status, setStatus] = useState<Status | undefined>(undefined);
  const deliveries = useQuery({
    queryKey: ["alerts", "deliveries", status],
    queryFn: () => readDeliveries(status === undefined ? { limit: 30 } : { limit: 30, status }),
    refetchInterval: pace(EVERY_MS),
  });
  const lacks = useAccess().lacks("alerts");
  const again = useMutation({ mutationFn: replayDead, onSettled: refreshAlerts });
  const counts = deliveries.data?.counts ?? {};
  return (
    <section className="panel" aria-labelledby="deliveries">
      <h2 id="deliveries">Messages</h2>
      <div className="buttons alert-states">
        <span className="segments" role="group" aria-label="State">
          <button aria-pressed={status === undefined} onClick={() => setStatus(undefined)}>
            All
          </button>
          {STATUSES.map((one) => (
            <button key={one} aria-pressed={status === one} onClick={() => setStatus(one)}>
              {one} <span className="num">{whole(counts[one])}</span>
            </button>
          ))}
        </span>
        {(counts["dead"] ?? 0) > 0 && (
          <button disabled={lacks !== null || again.isPending} title={lacks ?? undefined} onClick={() => again.mutate()}>
            Send all dead ones again
          </button>
        )}
      </div>
      {deliveries.error && !deliveries.data ? (
        <Failed error={deliveries.error} what="The messages" />
      ) : !deliveries.data ? (
        <Loading what="messages" />
      ) : deliveries.data.results.length === 0 ? (
        <p className="muted">{status ? `None is ${status}.` : "None yet: what a rule finds is sent to its targets, and each sending is listed here."}</p>
      ) : (
        <Table rows={deliveries.data.results} />
      )}
    </section>
  );
}

function Table({ rows }: { rows: DeliveryRow[] }) {
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Messages, scrollable">
      <table data-testid="deliveries">
        <thead>
          <tr>
            <th scope="col">Made</th>
            <th scope="col">Message</th>
            <th scope="col">To</th>
            <th scope="col">State</th>
            <th scope="col" className="end">
              Attempts
            </th>
            <th scope="col">What went wrong</th>
            <th scope="col">
              <span className="sr">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.id} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row }: { row: DeliveryRow }) {
  const lacks = useAccess().lacks("alerts");
  const again = useMutation({ mutationFn: () => replayDelivery(row.id), onSettled: refreshAlerts });
  const over = row.status === "dead" || row.status === "sent";
  return (
    <tr data-id={row.id}>
      <td>
        <Time ms={row.created} style="short" />
      </td>
      <td>{row.title}</td>
      <td>{row.target_name}</td>
      <td>
        <span className={`badge ${LOOKS[row.status]}`}>{row.status}</span>
      </td>
      <td className="end">{whole(row.attempts)}</td>
      <td className="wrap">{again.error?.message ?? row.error}</td>
      <td>
        {over && row.target !== null && (
          <button disabled={lacks !== null || again.isPending} title={lacks ?? undefined} onClick={() => again.mutate()}>
            Send again
          </button>
        )}
      </td>
    </tr>
  );
}
