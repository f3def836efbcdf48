import "./backtest.css";

import { useMutation, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";

import { cancelBacktest, readBacktest, readPresets, readSymbols, runBacktest } from "../../api/endpoints";
import type { BacktestResponse, Job, PostBacktestRunData } from "../../api/generated";
import type { Timeframe } from "../../api/types";
import { useAccess } from "../../app/useAccess";
import { useAgent } from "../../app/useAgent";
import { percent } from "../../format/format";
import { TIMEFRAMES } from "../../format/timeframes";
import { Empty, Failed, Loading } from "../../ui/states";
import { WalkForwards } from "./WalkForwards";

const Report = lazy(() => import("./Report"));
const POLL_MS = 700;
type Body = PostBacktestRunData["body"];
type Answer = BacktestResponse | Job;

export const isDone = (answer: Answer | undefined): answer is BacktestResponse => answer !== undefined && "metrics" in answer;

export default function BacktestPage() {
  const [id, setId] = useState<string | null>(null);
  const run = useMutation<Answer, Error, Body>({ mutationFn: runBacktest, onSuccess: (answer) => setId(answer.id) });
  const job = useQuery<Answer>({
    queryKey: ["backtest", id],
    queryFn: () => readBacktest(id ?? ""),
    enabled: id !== null && !isDone(run.data),
    refetchInterval: (query) => (query.state.error || isDone(query.state.data) ? false : POLL_MS),
    retry: false,
  });
  const answer = isDone(run.data) ? run.data : job.data;
  const failure = run.error ?? (isDone(run.data) ? null : job.error);
  const busy = run.isPending || (id !== null && !failure && !isDone(answer));
  return (
    <div className="page">
      <h1>Backtest</h1>
      <BacktestForm busy={busy} onRun={(body) => run.mutate(body)} />
      {failure ? (
        <Failed error={failure} what="The backtest" />
      ) : isDone(answer) ? (
        <Suspense fallback={<Loading what="report" />}>
          <Report result={answer} />
        </Suspense>
      ) : busy ? (
        <Progress job={answer} />
      ) : (
        <Empty title="No backtest yet">
          <p>It runs the agent’s own scores and rules over stored candles, with fees and slippage.</p>
        </Empty>
      )}
      <WalkForwards />
    </div>
  );
}

function Progress({ job }: { job: Job | undefined }) {
  const cancel = useMutation({ mutationFn: cancelBacktest });
  return (
    <p className="progress">
      <progress max={1} value={job?.progress ?? 0} aria-label="Backtest" /> {job ? `${job.status}, ${percent(job.progress)}` : "sent"}
      {job && (
        <button disabled={cancel.isPending} onClick={() => cancel.mutate(job.id)}>
          Cancel
        </button>
      )}
      {cancel.error && <span className="complaint">{cancel.error.message}</span>}
    </p>
  );
}

const DAY_MS = 86_400_000;
const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);

function BacktestForm({ busy, onRun }: { busy: boolean; onRun: (body: Body) => void }) {
  const symbols = useQuery({ queryKey: ["symbols"], queryFn: readSymbols });
  const agent = useAgent();
  if (symbols.error && !symbols.data) return <Failed error={symbols.error} what="The market" />;
  if (!symbols.data || !agent) return <Loading what="market" />;
  const first = Math.min(...symbols.data.symbols.flatMap((one) => one.series.map((series) => series.first_open ?? Infinity)));
  const end = symbols.data.now;
  if (end === null) return <Empty title="The market has no candles yet" />;
  const start = Number.isFinite(first) ? Math.max(first, end - 30 * DAY_MS) : end - 30 * DAY_MS;
  return <Fields names={symbols.data.symbols.map((one) => one.symbol)} usual={agent.timeframes} start={day(start)} end={day(end)} busy={busy} onRun={onRun} />;
}

type FieldsProps = { names: string[]; usual: Timeframe[]; start: string; end: string; busy: boolean; onRun: (body: Body) => void };

function Fields(props: FieldsProps) {
  const { names, usual, busy, onRun } = props;
  const presets = useQuery({ queryKey: ["presets"], queryFn: readPresets });
  const problem = useAccess().lacks("backtest");
  const [symbol, setSymbol] = useState(names[0] ?? "");
  const [timeframes, setTimeframes] = useState(usual.join(" "));
  const [preset, setPreset] = useState("");
  const [start, setStart] = useState(props.start);
  const [end, setEnd] = useState(props.end);
  const [capital, setCapital] = useState("10000");
  const [fee, setFee] = useState("0.05");
  const [slippage, setSlippage] = useState("0.1");
  const submit = () =>
    onRun({
      symbols: [symbol],
      timeframes: timeframes.split(" ") as Timeframe[],
      start_date: start,
      end_date: end,
      initial_capital: Number(capital),
      fee: Number(fee) / 100,
      slippage: Number(slippage) / 100,
      ...(preset ? { preset } : {}),
    });
  return (
    <form
      className="panel fields"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
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
        <span>Timeframes</span>
        <select value={timeframes} onChange={(event) => setTimeframes(event.target.value)}>
          <option value={usual.join(" ")}>as live: {usual.join(", ")}</option>
          {TIMEFRAMES.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>Preset</span>
        <select value={preset} onChange={(event) => setPreset(event.target.value)}>
          <option value="">the one in use</option>
          {presets.data?.presets.map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </select>
      </label>
      <Field name="From (UTC)" type="date" value={start} onChange={setStart} />
      <Field name="Until (UTC)" type="date" value={end} onChange={setEnd} />
      <Field name="Capital" type="number" value={capital} onChange={setCapital} />
      <Field name="Fee, %" type="number" value={fee} onChange={setFee} />
      <Field name="Slippage, %" type="number" value={slippage} onChange={setSlippage} />
      <button className="primary" disabled={busy || problem !== null} title={problem ?? undefined}>
        {busy ? "Running …" : "Run"}
      </button>
    </form>
  );
}

type FieldProps = { name: string; type: "date" | "number"; value: string; onChange: (value: string) => void };

function Field({ name, type, value, onChange }: FieldProps) {
  return (
    <label className="field">
      <span>{name}</span>
      <input type={type} step="any" required value={value} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}
