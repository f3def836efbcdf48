import "./system.css";

import { useQuery } from "@tanstack/react-query";

import { readHealth, readMetrics, readRuns } from "../../api/endpoints";
import { pace } from "../../api/queries";
import type { Metrics, ScanRun } from "../../api/types";
import { fixed, span, whole } from "../../format/format";
import { useLive } from "../../live/live";
import { Failed, Loading } from "../../ui/states";
import { Time } from "../../ui/Time";
import { Tiles } from "../../ui/Tiles";
import { Feeds } from "./Feeds";

const EVERY_MS = 3000;

export default function SystemPage() {
  const metrics = useQuery({ queryKey: ["metrics"], queryFn: readMetrics, refetchInterval: pace(EVERY_MS) });
  const health = useQuery({ queryKey: ["health"], queryFn: readHealth, refetchInterval: pace(EVERY_MS), retry: false });
  return (
    <div className="page">
      <h1>System</h1>
      {health.data && <Checks checks={health.data.checks} />}
      {metrics.error && !metrics.data ? (
        <Failed error={metrics.error} what="The figures" retry={() => void metrics.refetch()} />
      ) : metrics.data ? (
        <Figures metrics={metrics.data} />
      ) : (
        <Loading what="figures" />
      )}
      <div className="columns">
        <Runs />
        <Feeds />
      </div>
      <p className="muted">
        More: <a href="/api/docs">API documentation</a>, <a href="/api/">the browsable API</a>, <a href="/admin/">admin</a>, <a href="/metrics">Prometheus figures</a>.
      </p>
    </div>
  );
}

const GOOD: Record<string, string> = { ok: "badge-good", off: "", degraded: "badge-wait", down: "badge-bad" };

function Checks({ checks }: { checks: Record<string, string> }) {
  return (
    <ul className="checks-list" aria-label="Checks">
      {Object.entries(checks).map(([name, state]) => (
        <li key={name} className={`badge ${GOOD[state] ?? ""}`} title={state === "off" ? "not part of this installation" : undefined}>
          {name.replaceAll("_", " ")}: {state}
        </li>
      ))}
    </ul>
  );
}

function Figures({ metrics }: { metrics: Metrics }) {
  const { agent, websocket, market, system } = metrics;
  const attempts = useLive((snapshot) => snapshot.connection.attempts);
  const figures: [string, string][] = [
    ["Scans", whole(agent.scans_total)],
    ["Scans a minute", whole(agent.scans_per_min)],
    ["Last scan took", `${fixed(agent.last_scan_latency_ms, 1)} ms`],
    ["Signals stored", whole(system.signals_total)],
    ["Symbols to act on", whole(system.active_signals)],
    ["Connections", whole(websocket.connections)],
    ["Subscriptions", whole(websocket.subscriptions)],
    ["Messages sent", whole(websocket.messages_sent)],
    ["Series", whole(market.series)],
    ["Holes", whole(market.holes)],
    ["Up for", span(system.uptime_seconds * 1000)],
    ["This page’s retries", whole(attempts)],
  ];
  return <Tiles figures={figures} testid="figures" />;
}

function Runs() {
  const runs = useQuery({ queryKey: ["runs"], queryFn: () => readRuns(15), refetchInterval: pace(EVERY_MS) });
  return (
    <section className="panel" aria-labelledby="runs">
      <h2 id="runs">Scans</h2>
      {runs.error && !runs.data ? (
        <Failed error={runs.error} what="The scans" />
      ) : !runs.data ? (
        <Loading what="scans" />
      ) : runs.data.results.length === 0 ? (
        <p className="muted">None yet: the agent scans when a candle closes.</p>
      ) : (
        <RunTable runs={runs.data.results} />
      )}
    </section>
  );
}

function RunTable({ runs }: { runs: ScanRun[] }) {
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Scans, scrollable">
      <table data-testid="runs">
        <thead>
          <tr>
            <th scope="col">Market time</th>
            <th scope="col" className="end">ms</th>
            <th scope="col" className="end">Symbols</th>
            <th scope="col" className="end">Signals</th>
            <th scope="col">Held back</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id} data-id={run.id}>
              <td>
                <Time ms={run.due_at} style="short" />
              </td>
              <td className="end">{fixed(run.duration_ms, 1)}</td>
              <td className="end">{whole(run.symbols)}</td>
              <td className="end">{whole(run.signals)}</td>
              <td className="wrap">{Object.entries(run.held).map(([why, count]) => `${why.replaceAll("_", " ")} ${count}`).join(", ")}</td>
              <td>{run.status}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
