import "./symbol.css";

import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect, useMemo, useState } from "react";
import { Link, useParams } from "wouter";

import { readCandles, readDecisions, readOutcomes, readSignals, readStructure, readSymbols } from "../../api/endpoints";
import { pace, queryClient } from "../../api/queries";
import type { OutcomeRow } from "../../api/generated";
import type { Decision, StoredSignal, Timeframe } from "../../api/types";
import { useAgent } from "../../app/useAgent";
import { Before } from "../../explain/Before";
import { price } from "../../format/format";
import { INTERVAL_MS } from "../../format/timeframes";
import { useLive, useSubscription } from "../../live/live";
import type { Mark } from "../../ui/CandleChart";
import { AdviceMark, ConfidenceBar, DirectionMark, RiskMark, ScoreBar, TimeframeStrip } from "../../ui/marks";
import { Empty, Failed, Loading } from "../../ui/states";
import { Time } from "../../ui/Time";
import { Plan } from "./Plan";
import { ScoreHistory } from "./ScoreHistory";
import { SignalTable } from "./SignalTable";
import { Waterfall } from "./Waterfall";
import { WhyNot } from "./WhyNot";

const CandleChart = lazy(() => import("../../ui/CandleChart"));
const BARS = 300;
const SIGNALS = 200;
const EVERY_MS = 3000;

export default function SymbolPage() {
  const { symbol = "" } = useParams<{ symbol: string }>();
  const known = useQuery({ queryKey: ["symbols"], queryFn: readSymbols });
  if (known.error && !known.data) return <Failed error={known.error} what="The market" retry={() => void known.refetch()} />;
  if (!known.data) return <Loading what={symbol} />;
  const facts = known.data.symbols.find((one) => one.symbol === symbol);
  if (!facts) {
    return (
      <Empty title={`${symbol} is not known to this market`}>
        <p>
          <Link href="/">Back to the opportunities</Link>
        </p>
      </Empty>
    );
  }
  return <SymbolDesk key={symbol} symbol={symbol} timeframes={facts.series.map((series) => series.timeframe)} />;
}

function SymbolDesk({ symbol, timeframes }: { symbol: string; timeframes: Timeframe[] }) {
  useSubscription([symbol]);
  const agent = useAgent();
  const scored = agent?.timeframes ?? [];
  const [chosen, setChosen] = useState<Timeframe | null>(null);
  const timeframe = chosen ?? scored.at(-1) ?? timeframes[0] ?? "1h";
  const signals = useSignals(symbol);
  const outcomes = useOutcomes(symbol);
  const decision = useQuery({ queryKey: ["decision", symbol], queryFn: () => readDecisions(symbol), refetchInterval: pace(EVERY_MS) }).data?.results[0];
  return (
    <div className="page symbol">
      <Head symbol={symbol} decision={decision} scored={scored} />
      <div className="symbol-main">
        <section className="panel symbol-chart" aria-label="Chart">
          <div className="symbol-chart-head">
            <div className="segments" role="group" aria-label="Timeframe">
              {timeframes.map((name) => (
                <button key={name} aria-pressed={name === timeframe} onClick={() => setChosen(name)}>
                  {name}
                </button>
              ))}
            </div>
            <p className="muted legend">
              ▲▼ signals to buy or sell (✓ reached target, ✗ stopped out), ● other signals; dashed: swings; dotted: levels. Chart by{" "}
              <a href="https://www.tradingview.com/" rel="noreferrer">
                TradingView
              </a>{" "}
              Lightweight Charts.
            </p>
          </div>
          <Chart symbol={symbol} timeframe={timeframe} signals={signals.data?.results} outcomes={outcomes} />
        </section>
        <ScoreHistory symbol={symbol} signals={signals.data?.results} />
      </div>
      <div className="symbol-side">
        <WhyNot symbol={symbol} decision={decision} latest={signals.data?.results[0]} />
        <Plan symbol={symbol} decision={decision} />
        <PastHits decision={decision} />
        <Waterfall symbol={symbol} timeframe={timeframe} />
      </div>
      <SignalTable signals={signals.data?.results} outcomes={outcomes} error={signals.error} />
    </div>
  );
}

/** Stored signals, newest first; read again as soon as one comes. */
function useSignals(symbol: string) {
  const newest = useLive((snapshot) => snapshot.live.latest.get(symbol)?.seq);
  useEffect(() => {
    void queryClient.invalidateQueries({ queryKey: ["signals", symbol] });
  }, [newest, symbol]);
  return useQuery({ queryKey: ["signals", symbol], queryFn: () => readSignals({ symbol, limit: SIGNALS }) });
}

/** What became of them, by the signal's id; empty where the server follows none. */
function useOutcomes(symbol: string): ReadonlyMap<string, OutcomeRow> {
  const { data } = useQuery({ queryKey: ["outcomes", symbol], queryFn: () => readOutcomes({ symbol, limit: SIGNALS }), refetchInterval: pace(5 * EVERY_MS), retry: false });
  return useMemo(() => new Map(data?.results.map((row) => [row.id, row])), [data]);
}

function Head({ symbol, decision, scored }: { symbol: string; decision: Decision | undefined; scored: Timeframe[] }) {
  return (
    <header className="symbol-head" data-as-of={decision?.as_of}>
      <h1>{symbol}</h1>
      <span className="symbol-price num">{price(decision?.price)}</span>
      <AdviceMark advice={decision?.advice ?? null} />
      <DirectionMark direction={decision?.direction ?? null} />
      <Fact name="Score">
        <ScoreBar value={decision?.score ?? null} />
      </Fact>
      <Fact name="Confidence">
        <ConfidenceBar value={decision?.confidence ?? null} />
      </Fact>
      <Fact name="Timeframes">
        <TimeframeStrip names={scored} scores={decision?.timeframes ?? {}} />
      </Fact>
      <Fact name="Risk">
        <RiskMark level={decision?.risk_level} />
      </Fact>
      {decision && (
        <span className="muted symbol-as-of">
          as of <Time ms={decision.as_of} style="short" />
        </span>
      )}
    </header>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <span className="symbol-fact">
      <span className="muted">{name}</span> {children}
    </span>
  );
}

function PastHits({ decision }: { decision: Decision | undefined }) {
  const direction = decision?.direction;
  if (direction === undefined || direction === null || direction === "NEUTRAL") return null;
  return (
    <section className="panel" aria-labelledby="before">
      <h2 id="before">Were such signals right before?</h2>
      <Before direction={direction} />
    </section>
  );
}

type ChartProps = { symbol: string; timeframe: Timeframe; signals: StoredSignal[] | undefined; outcomes: ReadonlyMap<string, OutcomeRow> };

function Chart({ symbol, timeframe, signals, outcomes }: ChartProps) {
  const candles = useQuery({ queryKey: ["candles", symbol, timeframe], queryFn: () => readCandles(symbol, timeframe, BARS), refetchInterval: pace(EVERY_MS) });
  const structure = useQuery({ queryKey: ["structure", symbol, timeframe], queryFn: () => readStructure(symbol, timeframe), refetchInterval: pace(5 * EVERY_MS), retry: false });
  const marks = useMemo(() => (signals ?? []).map((signal) => markOf(signal, outcomes.get(signal.id))), [signals, outcomes]);
  const levels = useMemo(() => structure.data?.levels ?? [], [structure.data]);
  const swings = useMemo(() => structure.data?.swings ?? [], [structure.data]);
  if (candles.error && !candles.data) return <Failed error={candles.error} what="The candles" retry={() => void candles.refetch()} />;
  if (!candles.data) return <Loading what="candles" />;
  if (candles.data.candles.length === 0) return <Empty title={`No closed ${timeframe} candle of ${symbol} yet`} />;
  const label = `${symbol}, ${candles.data.candles.length} candles of ${timeframe}, with ${marks.length} signals`;
  return (
    <Suspense fallback={<Loading what="chart" />}>
      <CandleChart label={label} candles={candles.data.candles} intervalMs={INTERVAL_MS[timeframe]} marks={marks} levels={levels} swings={swings} />
    </Suspense>
  );
}

const CAME: Partial<Record<OutcomeRow["outcome"], string>> = { target: "✓", stop: "✗" };

function markOf(signal: StoredSignal, outcome: OutcomeRow | undefined): Mark {
  const kind = { BUY: "up", SELL: "down", HOLD: "flat" }[signal.advice] as Mark["kind"];
  const came = (outcome && CAME[outcome.outcome]) ?? "";
  const lean = { BULLISH: "up", BEARISH: "down", NEUTRAL: undefined }[signal.direction] as Mark["lean"];
  return { id: signal.id, ts: signal.ts, kind, ...(lean ? { lean } : {}), text: kind === "flat" ? "" : `${signal.advice} ${came}`.trim() };
}
