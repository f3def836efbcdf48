import { scan } from "../../api/endpoints";
import type { ScanBody, ScanItem, ScannerResponse } from "../../api/types";

export type Request = ScanBody;
export type Found = {
  results: ScanItem[];
  skipped: ScannerResponse["meta"]["skipped"];
  scanned: number;
  opportunities: number;
  ms: number;
  preset: string;
};

/** So many series a request: each takes well under a second, and the progress is worth showing. */
const SERIES_A_PART = 120;

/** Scan part by part, so that a long scan shows how far it is; ranks are those of the whole. */
export async function scanInParts(request: Request, onProgress: (done: number) => void): Promise<Found> {
  const size = Math.max(1, Math.floor(SERIES_A_PART / request.timeframes.length));
  const found: Found = { results: [], skipped: [], scanned: 0, opportunities: 0, ms: 0, preset: "" };
  onProgress(0);
  for (let at = 0; at < request.symbols.length; at += size) {
    const { results, meta } = await scan({ ...request, symbols: request.symbols.slice(at, at + size) });
    found.results.push(...results);
    found.skipped.push(...meta.skipped);
    found.scanned += meta.symbols_scanned;
    found.opportunities += meta.opportunities_found;
    found.ms += meta.scan_ms;
    found.preset = meta.preset;
    onProgress(Math.min(1, (at + size) / request.symbols.length));
  }
  return { ...found, results: ranked(found.results) };
}

/** The scanner's order: by distance from neutral, then by symbol. */
export function ranked(items: readonly ScanItem[]): ScanItem[] {
  const distance = (item: ScanItem) => Math.abs(item.final_score - 0.5);
  const sorted = items.toSorted((a, b) => distance(b) - distance(a) || (a.symbol < b.symbol ? -1 : 1));
  return sorted.map((item, i) => ({ ...item, rank: i + 1 }));
}
