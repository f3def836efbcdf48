/** Names for what the API answers; the types themselves are generated (`make contracts`). */
import type { DecisionRow, LatestSignals, RunSummary, Score as ScoreAnswer, StoredSignal } from "./generated";

export type {
  AgentConfig,
  AgentStatus,
  CandleRow,
  Component,
  Health,
  Metrics,
  Preset,
  PresetVersionRow,
  ScanBody,
  ScanItem,
  ScannerResponse,
  Score,
  SignalDetail,
  SkippedTimeframe as Skipped,
  StoredSignal,
  TimeframeRecord,
} from "./generated";

export type Direction = StoredSignal["direction"];
export type Advice = StoredSignal["advice"];
export type RiskLevel = StoredSignal["risk_level"];
export type Timeframe = ScoreAnswer["timeframe"];
export type Decision = DecisionRow;
export type Latest = LatestSignals;
export type ScanRun = RunSummary;

/** What a signal says on the socket and in lists. */
export type Signal = Omit<StoredSignal, "consensus" | "risk" | "preset_version" | "created_at" | "probability">;
