import { useQuery } from "@tanstack/react-query";

import { readAudit } from "../api/endpoints";
import { Time } from "../ui/Time";
import { useAccess } from "./useAccess";

/** Who switched the agent last, and when, for those who may read the audit trail. */
export function LastSwitch() {
  const hidden = useAccess().lacks("audit") !== null;
  const audit = useQuery({ queryKey: ["audit", "agent.toggle"], queryFn: () => readAudit("agent.toggle", 1), enabled: !hidden, staleTime: 0 });
  const last = audit.data?.results[0];
  if (hidden || audit.error) return null;
  if (!last) return <p className="muted">{audit.data ? "It was not switched before." : "…"}</p>;
  return (
    <p className="muted" data-testid="last-switch">
      Last switched by {last.actor}, <Time ms={last.ts} />.
    </p>
  );
}
