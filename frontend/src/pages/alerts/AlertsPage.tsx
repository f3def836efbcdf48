import "./alerts.css";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { readRules, readTargets } from "../../api/endpoints";
import type { AlertRule } from "../../api/generated";
import { pace, queryClient } from "../../api/queries";
import { Failed, Loading } from "../../ui/states";
import { Deliveries } from "./Deliveries";
import { Found } from "./Found";
import { RuleForm } from "./RuleForm";
import { Rules } from "./Rules";
import { Targets } from "./Targets";

export const EVERY_MS = 3000;

/** Everything on this page hangs together: a test makes a delivery, a delivery tells of a target. */
export const refreshAlerts = () => queryClient.invalidateQueries({ queryKey: ["alerts"] });

export default function AlertsPage() {
  const rules = useQuery({ queryKey: ["alerts", "rules"], queryFn: readRules, refetchInterval: pace(EVERY_MS) });
  const targets = useQuery({ queryKey: ["alerts", "targets"], queryFn: readTargets, refetchInterval: pace(EVERY_MS) });
  const [edited, setEdited] = useState<AlertRule | null>(null);
  const failure = rules.error ?? targets.error;
  if (failure && !(rules.data && targets.data)) return <Failed error={failure} what="The alerts" retry={() => void refreshAlerts()} />;
  if (!rules.data || !targets.data) return <Loading what="alerts" />;
  return (
    <div className="page">
      <h1>Alerts</h1>
      <Rules rules={rules.data.rules} targets={targets.data.targets} onEdit={setEdited} />
      <div className="columns">
        <RuleForm key={edited?.id ?? "new"} rule={edited} targets={targets.data.targets} onDone={() => setEdited(null)} />
        <Targets targets={targets.data.targets} />
      </div>
      <div className="columns">
        <Found />
        <Deliveries />
      </div>
    </div>
  );
}
