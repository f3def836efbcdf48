import "./scanner.css";

import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";

import { readPresets, readSymbols } from "../../api/endpoints";
import type { ScanItem, Timeframe } from "../../api/types";
import { useAccess } from "../../app/useAccess";
import { useAgent } from "../../app/useAgent";
import { fixed, percent, price } from "../../format/format";
import { TIMEFRAMES } from "../../format/timeframes";
import { WeightSliders } from "../../ui/WeightSliders";
import { isWhole, sum, type Weights } from "../../ui/weights";
import { AdviceMark, DirectionMark, RiskMark, ScoreBar, TimeframeStrip } from "../../ui/marks";
import { Empty, Failed, Loading } from "../../ui/states";
import { download, toCsv } from "./csv";
import { type Found, type Request, scanInParts } from "./scanInParts";

export default function ScannerPage() {
  const symbols = useQuery({ queryKey: ["symbols"], queryFn: readSymbols });
  const agent = useAgent();
  if (symbols.error && !symbols.data) return <Failed error={symbols.error} what="The market" retry={() => void symbols.refetch()} />;
  if (!symbols.data || !agent) return <Loading what="market" />;
  if (symbols.data.symbols.length === 0) return <Empty title="The market knows no symbols yet" />;
  return <Scanner known={symbols.data.symbols.map((one) => one.symbol)} watched={agent.subscribed_symbols} usual={agent.timeframes} />;
}

function Scanner({ known, watched, usual }: { known: string[]; watched: string[]; usual: Timeframe[] }) {
  const [progress, setProgress] = useState<number | null>(null);
  const scan = useMutation({ mutationFn: (request: Request) => scanInParts(request, setProgress), onSettled: () => setProgress(null) });
  return (
    <div className="page">
      <h1>Scanner</h1>
      <ScanForm known={known} watched={watched} usual={usual} busy={scan.isPending} onScan={(request) => scan.mutate(request)} />
      {progress !== null && (
        <p className="progress">
          <progress max={1} value={progress} aria-label="Scan" /> {percent(progress)}
        </p>
      )}
      {scan.error && <Failed error={scan.error} what="The scan" />}
      {scan.data ? <Results found={scan.data} timeframes={scan.variables.timeframes} /> : !scan.isPending && !scan.error && <Empty title="No scan yet"><p>A scan scores the symbols now, from stored candles; nothing is told or stored.</p></Empty>}
    </div>
  );
}

type FormProps = { known: string[]; watched: string[]; usual: Timeframe[]; busy: boolean; onScan: (request: Request) => void };

function ScanForm({ known, watched, usual, busy, onScan }: FormProps) {
  const presets = useQuery({ queryKey: ["presets"], queryFn: readPresets });
  const { lacks } = useAccess();
  const [text, setText] = useState(watched.join(" "));
  const [timeframes, setTimeframes] = useState<Timeframe[]>(usual);
  const [preset, setPreset] = useState("");
  const [minScore, setMinScore] = useState("");
  const [minConfidence, setMinConfidence] = useState("");
  const [weights, setWeights] = useState<Weights | null>(null);
  const inUse = presets.data?.presets.find((one) => one.is_active)?.weights ?? {};
  const own = preset === OWN;
  const symbols = [...new Set(text.toUpperCase().split(/[\s,;]+/).filter(Boolean))];
  const strangers = symbols.filter((symbol) => !known.includes(symbol.replaceAll("/", "")));
  const problem = lacks("scan") ?? problemOf(symbols, strangers, timeframes) ?? (own && weights ? weightsProblem(weights) : null);
  const submit = () => {
    const rules = { ...numberOf("min_score", minScore), ...numberOf("min_confidence", minConfidence) };
    onScan({ symbols, timeframes, ...(own ? { weights: weights ?? inUse } : preset ? { preset } : {}), rules });
  };
  return (
    <form
      className="panel scan-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!problem) submit();
      }}
    >
      <label className="field scan-symbols">
        <span>Symbols ({symbols.length})</span>
        <textarea rows={2} value={text} onChange={(event) => setText(event.target.value)} spellCheck={false} />
      </label>
      <div className="buttons">
        <button type="button" onClick={() => setText(watched.join(" "))}>
          The watchlist ({watched.length})
        </button>
        <button type="button" onClick={() => setText(known.join(" "))}>
          All of the market ({known.length})
        </button>
      </div>
      <fieldset className="checks">
        <legend>Timeframes</legend>
        {TIMEFRAMES.map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={timeframes.includes(name)}
              onChange={(event) => setTimeframes(TIMEFRAMES.filter((one) => (one === name ? event.target.checked : timeframes.includes(one))))}
            />
            {name}
          </label>
        ))}
      </fieldset>
      <div className="fields">
        <label className="field">
          <span>Preset</span>
          <select
            value={preset}
            onChange={(event) => {
              setPreset(event.target.value);
              setWeights(event.target.value === OWN ? inUse : null);
            }}
          >
            <option value="">the one in use</option>
            {presets.data?.presets.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
            <option value={OWN}>weights of my own …</option>
          </select>
        </label>
        <label className="field">
          <span title="0.7 finds 0.7 and above, and its mirror 0.3 and below">Score at least, either side</span>
          <input type="number" min={0.5} max={1} step={0.01} value={minScore} placeholder="any, 0.5 to 1" onChange={(event) => setMinScore(event.target.value)} />
        </label>
        <label className="field">
          <span>Confidence at least</span>
          <input type="number" min={0} max={1} step={0.01} value={minConfidence} placeholder="any, 0 to 1" onChange={(event) => setMinConfidence(event.target.value)} />
        </label>
        <button className="primary" disabled={busy || problem !== null} title={problem ?? undefined}>
          {busy ? "Scanning …" : "Scan now"}
        </button>
      </div>
      {own && weights && <WeightSliders weights={weights} before={inUse} onChange={setWeights} />}
      {problem && (
        <p className="complaint" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

function problemOf(symbols: string[], strangers: string[], timeframes: Timeframe[]): string | null {
  if (symbols.length === 0) return "Name at least one symbol.";
  if (strangers.length) return `Not known to this market: ${strangers.slice(0, 5).join(", ")}${strangers.length > 5 ? " …" : ""}`;
  return timeframes.length === 0 ? "Choose at least one timeframe." : null;
}

/** No preset has this name: names have no spaces. */
const OWN = "own weights";

const weightsProblem = (weights: Weights) => (isWhole(weights) ? null : `The weights must sum to 1, their sum is ${fixed(sum(weights), 3)}.`);

const numberOf = (name: string, text: string) => (text === "" ? {} : { [name]: Number(text) });

function Results({ found, timeframes }: { found: Found; timeframes: Timeframe[] }) {
  const { results, skipped } = found;
  return (
    <section className="panel" aria-labelledby="results">
      <div className="page-head">
        <h2 id="results">
          {results.length} of {found.scanned} have a score, {found.opportunities} to act on
        </h2>
        <span className="muted">
          {fixed(found.ms, 0)} ms, preset {found.preset}
        </span>
        <button disabled={results.length === 0} onClick={() => download("scan.csv", toCsv(results, timeframes))}>
          Save as CSV
        </button>
      </div>
      {results.length > 0 && <ResultTable results={results} timeframes={timeframes} />}
      {skipped.length > 0 && (
        <details>
          <summary>{skipped.length} series without a score</summary>
          <ul className="skipped">
            {skipped.slice(0, 200).map((none) => (
              <li key={`${none.symbol} ${none.timeframe}`}>
                {none.symbol} {none.timeframe}: {none.reason.replaceAll("_", " ")} <span className="muted">({none.detail})</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function ResultTable({ results, timeframes }: { results: ScanItem[]; timeframes: Timeframe[] }) {
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Scan results, scrollable">
      <table data-testid="scan-results">
        <thead>
          <tr>
            <th scope="col" className="end">#</th>
            <th scope="col">Symbol</th>
            <th scope="col" className="end">Price</th>
            <th scope="col">Score</th>
            <th scope="col">Direction</th>
            <th scope="col">Advice</th>
            <th scope="col" className="end">Confidence</th>
            <th scope="col" className="end">Consensus</th>
            <th scope="col">Timeframes</th>
            <th scope="col">Risk</th>
          </tr>
        </thead>
        <tbody>
          {results.map((item) => (
            <tr key={item.symbol} data-symbol={item.symbol}>
              <td className="end muted">{item.rank}</td>
              <td>
                <Link href={`/symbol/${encodeURIComponent(item.symbol)}`}>{item.symbol}</Link>
              </td>
              <td className="end">{price(item.price)}</td>
              <td>
                <ScoreBar value={item.final_score} />
              </td>
              <td>
                <DirectionMark direction={item.direction} />
              </td>
              <td>
                <AdviceMark advice={item.advice} />
              </td>
              <td className="end">{percent(item.confidence)}</td>
              <td className="end">{percent(item.consensus)}</td>
              <td>
                <TimeframeStrip names={timeframes} scores={item.timeframes} />
              </td>
              <td>
                <RiskMark level={item.risk_level} risk={item.risk} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
