import type { ScanItem } from "../../api/types";

type Cell = string | number;

/** One line a symbol, full precision, as the API gave it. */
export function toCsv(results: readonly ScanItem[], timeframes: readonly string[]): string {
  const head = ["rank", "symbol", "price", "final_score", "direction", "confidence", "advice", "consensus", "risk_level", "atr_pct", "volatility_percentile", "stop_distance", "disagreement", ...timeframes, "as_of"];
  const lines = results.map((r): Cell[] => [
    r.rank, r.symbol, r.price, r.final_score, r.direction, r.confidence, r.advice, r.consensus, r.risk_level,
    r.risk.atr_pct, r.risk.volatility_percentile, r.risk.stop_distance ?? "", r.risk.disagreement ?? "", ...timeframes.map((t) => r.timeframes[t] ?? ""), new Date(r.as_of).toISOString(),
  ]); // prettier-ignore
  return [head, ...lines].map((cells) => cells.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Quote what a table program would take apart, or for a formula. */
function cell(value: Cell): string {
  if (typeof value === "number") return String(value);
  const tame = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(tame) ? `"${tame.replaceAll('"', '""')}"` : tame;
}

export function download(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
