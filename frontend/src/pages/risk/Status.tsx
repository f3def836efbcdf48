import { useMutation } from "@tanstack/react-query";

import { resetDaily } from "../../api/endpoints";
import type { RiskStatus } from "../../api/generated";
import { queryClient } from "../../api/queries";
import { useAccess } from "../../app/useAccess";
import { fixed, percent, signed, whole } from "../../format/format";
import { Time } from "../../ui/Time";

/** The portfolio in one look. */
export function Status({ risk }: { risk: RiskStatus }) {
  const lacks = useAccess().lacks("risk");
  const reset = useMutation({ mutationFn: resetDaily, onSuccess: (status) => queryClient.setQueryData(["risk"], status) });
  const figures: [string, string, string?][] = [
    ["Equity", fixed(risk.equity, 2)],
    ["Realised", signed(risk.realised, 2)],
    ["Unrealised", signed(risk.unrealised, 2)],
    ["Drawdown", percent(risk.drawdown, 2)],
    ["Lost today", fixed(risk.lost_today + 0, 2)], // + 0: never "-0.00"
    ["Value at risk, 95 %", percent(risk.var95, 2), risk.var95_reason ?? "of the equity, one bar ahead"],
    ["Expected shortfall", percent(risk.cvar95, 2), risk.var95_reason ?? "what is lost on average beyond the value at risk"],
    ["Leverage", `${fixed(risk.leverage, 2)} ×`],
    ["Net exposure", percent(risk.exposure, 1)],
    ["At the stops", fixed(risk.open_risk, 2), "what all stops together would cost"],
    ["Open positions", whole(risk.open_positions)],
  ];
  return (
    <>
      <dl className="tiles" data-testid="risk-status">
        {figures.map(([name, value, hint]) => (
          <div key={name} title={hint}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p className="muted risk-note">
        A paper portfolio on {risk.source} candles{risk.follows ? ", following the signals" : ", not following signals"}; as of <Time ms={risk.as_of} style="short" />. Losses of the day count since <Time ms={risk.counted_from} style="short" />.{" "}
        <button disabled={reset.isPending || lacks !== null} title={lacks ?? "Let the day’s loss counter start again"} onClick={() => reset.mutate()}>
          Count from now
        </button>
        {reset.error && (
          <span className="complaint" role="alert">
            {" "}
            {reset.error.message}
          </span>
        )}
      </p>
    </>
  );
}
