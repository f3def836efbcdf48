import "./risk.css";

import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { checkCorrelation, planPosition, readRisk, type RiskStatus } from "../../api/planned";
import { pace } from "../../api/queries";
import { useAccess } from "../../app/useAccess";
import { useAgent } from "../../app/useAgent";
import { fixed, percent, whole } from "../../format/format";
import { leanStep } from "../../ui/marks";
import { Failed, Loading } from "../../ui/states";

const EVERY_MS = 5000;

export default function RiskPage() {
  const risk = useQuery({ queryKey: ["risk"], queryFn: readRisk, refetchInterval: pace(EVERY_MS), retry: false });
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
          <div className="columns">
            <Limits limits={risk.data.limits} />
            <SizeCalculator />
          </div>
          <Correlations />
        </>
      )}
    </div>
  );
}

function Status({ risk }: { risk: RiskStatus }) {
  const figures: [string, string][] = [
    ["Value at risk, 95 %", percent(risk.var95, 2)],
    ["Leverage", fixed(risk.leverage, 2)],
    ["Drawdown", percent(risk.drawdown, 2)],
    ["Exposure", percent(risk.exposure, 1)],
    ["Open positions", whole(risk.open_positions)],
  ];
  return (
    <dl className="tiles">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Limits({ limits }: { limits: RiskStatus["limits"] }) {
  return (
    <section className="panel" aria-labelledby="limits">
      <h2 id="limits">Limits</h2>
      <table>
        <tbody>
          {Object.entries(limits).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name.replaceAll("_", " ")}</th>
              <td className="end">{Number.isInteger(value) && value >= 1 ? whole(value) : percent(value, 1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function SizeCalculator() {
  const agent = useAgent();
  const lacks = useAccess().lacks("risk");
  const [symbol, setSymbol] = useState("");
  const [entry, setEntry] = useState("");
  const [stop, setStop] = useState("");
  const size = useMutation({ mutationFn: planPosition });
  const names = agent?.subscribed_symbols ?? [];
  return (
    <section className="panel" aria-labelledby="size">
      <h2 id="size">Position size</h2>
      <form
        className="fields"
        onSubmit={(event) => {
          event.preventDefault();
          size.mutate({ symbol: symbol || (names[0] ?? ""), entry_price: Number(entry), stop_loss: Number(stop) });
        }}
      >
        <label className="field">
          <span>Symbol</span>
          <select value={symbol} onChange={(event) => setSymbol(event.target.value)}>
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label className="field">
          <span>Entry</span>
          <input type="number" step="any" min={0} required value={entry} onChange={(event) => setEntry(event.target.value)} />
        </label>
        <label className="field">
          <span>Stop</span>
          <input type="number" step="any" min={0} required value={stop} onChange={(event) => setStop(event.target.value)} />
        </label>
        <button disabled={size.isPending || lacks !== null} title={lacks ?? undefined}>
          Calculate
        </button>
      </form>
      {size.error && (
        <p className="complaint" role="alert">
          {size.error.message}
        </p>
      )}
      {size.data &&
        (size.data.status === "rejected" ? (
          <p className="complaint" role="alert">
            Rejected, it breaks: {(size.data.limits ?? []).join(", ")}
          </p>
        ) : (
          <p>
            Quantity <b>{fixed(size.data.quantity, 6)}</b>, notional {fixed(size.data.notional, 2)}, at risk {fixed(size.data.risk_amount, 2)}.
          </p>
        ))}
    </section>
  );
}

const SHOWN = 12;

/** Pairwise correlations of the watchlist's first symbols, one request a row. */
function Correlations() {
  const symbols = useAgent()?.subscribed_symbols.slice(0, SHOWN) ?? [];
  const rows = useQuery({
    queryKey: ["correlations", symbols],
    queryFn: () => Promise.all(symbols.map((symbol) => checkCorrelation({ symbol, with: symbols.filter((other) => other !== symbol) }))),
    enabled: symbols.length > 1,
    staleTime: 60_000,
    retry: false,
  });
  return (
    <section className="panel" aria-labelledby="correlations">
      <h2 id="correlations">Correlations</h2>
      {rows.error ? (
        <Failed error={rows.error} what="The correlations" />
      ) : !rows.data ? (
        <Loading what="correlations" />
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label="Correlations, scrollable">
          <table className="heat">
            <thead>
              <tr>
                <td />
                {symbols.map((symbol) => (
                  <th key={symbol} scope="col">
                    {symbol}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {symbols.map((symbol, i) => (
                <tr key={symbol}>
                  <th scope="row">{symbol}</th>
                  {symbols.map((other) => {
                    const value = symbol === other ? 1 : (rows.data[i]?.correlations[other] ?? null);
                    return (
                      <td key={other} className={`num ${value === null ? "" : `lean-step-${leanStep(0.5 + value / 2)}`}`}>
                        {fixed(value, 2)}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
