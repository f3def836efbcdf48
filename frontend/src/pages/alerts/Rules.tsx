import { useMutation } from "@tanstack/react-query";

import { changeRule, deleteRule } from "../../api/endpoints";
import type { AlertRule, AlertTarget } from "../../api/generated";
import { useAccess } from "../../app/useAccess";
import { refreshAlerts } from "./AlertsPage";
import { bodyOf, conditionsOf, draftOf, fits, said } from "./rules";

type Props = { rules: AlertRule[]; targets: AlertTarget[]; onEdit: (rule: AlertRule) => void };

export function Rules({ rules, targets, onEdit }: Props) {
  return (
    <section className="panel" aria-labelledby="rules">
      <h2 id="rules">Rules</h2>
      {rules.length === 0 ? (
        <p className="muted">None yet. A rule says which scores or signals you want to be told of: add a target and a rule below.</p>
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label="Rules, scrollable">
          <table data-testid="rules">
            <thead>
              <tr>
                <th scope="col">Rule</th>
                <th scope="col">Told when</th>
                <th scope="col">To</th>
                <th scope="col">Holds now for</th>
                <th scope="col">
                  <span className="sr">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rules.map((rule) => (
                <RuleRow key={rule.id} rule={rule} targets={targets} onEdit={onEdit} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function RuleRow({ rule, targets, onEdit }: { rule: AlertRule; targets: AlertTarget[]; onEdit: (rule: AlertRule) => void }) {
  const lacks = useAccess().lacks("alerts");
  const turn = useMutation({
    mutationFn: () => changeRule(rule.id, { ...bodyOf(draftOf(rule), "UTC", rule), conditions: conditionsOf(rule), enabled: !rule.enabled }),
    onSettled: refreshAlerts,
  });
  const remove = useMutation({ mutationFn: () => deleteRule(rule.id), onSettled: refreshAlerts });
  const names = rule.targets.map((id) => targets.find((one) => one.id === id)?.name ?? "?");
  const failure = turn.error ?? remove.error;
  return (
    <tr data-rule={rule.name}>
      <th scope="row">{rule.name}</th>
      <td className="wrap">
        {said(rule)} {rule.watches === "scores" && <span className="badge">every close</span>} {rule.trigger === "every" && <span className="badge">each time</span>}
        {failure && (
          <span className="complaint" role="alert">
            {failure.message}
          </span>
        )}
      </td>
      <td>{names.join(", ") || <span className="muted">nobody</span>}</td>
      <td className="wrap">{rule.entered.join(", ") || "–"}</td>
      <td>
        <span className="buttons">
          <button aria-pressed={rule.enabled} disabled={lacks !== null || turn.isPending} title={lacks ?? undefined} onClick={() => turn.mutate()}>
            {rule.enabled ? "On" : "Off"}
          </button>
          <button disabled={lacks !== null || !fits(rule)} title={lacks ?? (fits(rule) ? undefined : "Asks more than the form can show: change it over the API.")} onClick={() => onEdit(rule)}>
            Edit
          </button>
          <button className="danger" disabled={lacks !== null || remove.isPending} title={lacks ?? undefined} onClick={() => remove.mutate()}>
            Delete
          </button>
        </span>
      </td>
    </tr>
  );
}
