/** The part of a walk-forward's report that the page shows. The API has it as free JSON, as `manage.py walk_forward` kept it. */
export type Walk = {
  out_of_sample: { trades: number; hit_rate: number | null; interval: [number, number] | null; mean_r: number | null; random_r: number | null; p: number | null };
  equity_series: { ts: number; equity: number }[];
  stability: number | null;
  windows: { train_start: number; test_start: number; test_end: number; trades: number; mean_r: number | null; found: { in_sample: { mean_r: number } } | null }[];
  settings: { symbols: string[]; timeframe: string };
};

/** Return the report; raises where a part is missing, rather than showing holes. */
export function reportOf(report: Record<string, unknown>): Walk {
  for (const part of ["out_of_sample", "equity_series", "windows", "settings"]) {
    if (!(part in report)) throw new Error(`the walk-forward’s report has no ${part}`);
  }
  return report as Walk;
}
