import "./risk.css";

import { useQuery } from "@tanstack/react-query";

import { readAssessment, readRisk } from "../../api/endpoints";
import { pace } from "../../api/queries";
import { Failed, Loading } from "../../ui/states";
import { Correlations } from "./Correlations";
import { Equity } from "./Equity";
import { Exposure } from "./Exposure";
import { Limits } from "./Limits";
import { Positions } from "./Positions";
import { Protections } from "./Protections";
import { SizeCalculator } from "./SizeCalculator";
import { Status } from "./Status";
import { ValueAtRisk } from "./ValueAtRisk";

const EVERY_MS = 5000;

/** The paper portfolio: what it holds, what it may lose, and the limits it keeps to. */
export default function RiskPage() {
  const risk = useQuery({ queryKey: ["risk"], queryFn: readRisk, refetchInterval: pace(EVERY_MS), retry: false });
  const assessment = useQuery({ queryKey: ["assessment"], queryFn: readAssessment, refetchInterval: pace(2 * EVERY_MS), retry: false });
  return (
    <div className="page">
      <h1>Risk</h1>
      {risk.error && !risk.data ? (
        <Failed error={risk.error} what="The paper portfolio" retry={() => void risk.refetch()} />
      ) : !risk.data ? (
        <Loading what="risk" />
      ) : (
        <>
          <Status risk={risk.data} />
          <Protections protections={risk.data.protections} />
          <Positions positions={risk.data.positions} waiting={risk.data.waiting_orders} />
          <div className="columns">
            <Equity risk={risk.data} />
            <ValueAtRisk equity={risk.data.equity} />
          </div>
          <div className="columns">
            <Limits key={risk.data.limits_version} limits={risk.data.limits} version={risk.data.limits_version} broken={assessment.data?.broken ?? []} />
            <SizeCalculator />
          </div>
          {assessment.data && <Exposure assessment={assessment.data} />}
          <Correlations held={assessment.data?.correlation} limit={risk.data.limits.max_correlation} />
        </>
      )}
    </div>
  );
}
