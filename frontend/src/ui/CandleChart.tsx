import "./charts.css";

import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  type IChartApi,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  LineSeries,
  LineStyle,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { useEffect, useRef, useState } from "react";

import type { CandleRow } from "../api/types";
import { dayOrTime, price, shortTime, utc } from "../format/format";
import { type Colours, useColours } from "./colours";

/** `lean`: the colour of a flat one. */
export type Mark = { id: string; ts: number; kind: "up" | "down" | "flat"; text: string; lean?: "up" | "down" };
export type Line = { name: string; price: number };
export type Point = { ts: number; price: number };

type Props = { label: string; candles: CandleRow[]; intervalMs: number; marks: Mark[]; levels: Line[]; swings: Point[] };
type Parts = { chart: IChartApi; candles: ISeriesApi<"Candlestick">; swings: ISeriesApi<"Line">; marks: ISeriesMarkersPluginApi<Time> };

const seconds = (ms: number) => (ms / 1000) as UTCTimestamp;

/** Candles with marks, levels and the swings that join highs and lows. Times in the reader's zone. */
export default function CandleChart({ label, candles, intervalMs, marks, levels, swings }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const [parts, setParts] = useState<Parts | null>(null);
  const colours = useColours();

  useEffect(() => {
    if (!holder.current) return;
    const made = build(holder.current);
    setParts(made);
    return () => {
      setParts(null);
      made.chart.remove();
    };
  }, []);

  useEffect(() => {
    if (parts) paint(parts, colours);
  }, [parts, colours]);

  useEffect(() => {
    parts?.candles.setData(candles.map(({ open_time, open, high, low, close }) => ({ time: seconds(open_time), open, high, low, close })));
    const last = candles.at(-1)?.close ?? 1;
    const digits = last >= 1000 ? 2 : last >= 1 ? 4 : 8;
    parts?.candles.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
  }, [parts, candles]);

  const first = candles[0]?.open_time;
  useEffect(() => {
    if (!parts || first === undefined) return;
    const bar = (ts: number) => Math.floor((ts - 1) / intervalMs) * intervalMs; // the bar that closed at ts
    const shown = marks.filter((mark) => bar(mark.ts) >= first).sort((a, b) => a.ts - b.ts);
    parts.marks.setMarkers(shown.map((mark) => ({ ...shapeOf(mark, colours), id: mark.id, time: seconds(bar(mark.ts)) })));
    // What the chart holds now, for those who cannot see a canvas: tests among them.
    if (holder.current) holder.current.dataset["marks"] = parts.marks.markers().map((mark) => mark.id).join(" ");
  }, [parts, marks, intervalMs, first, colours]);

  useEffect(() => {
    if (!parts) return;
    const lines = levels.map((level) =>
      parts.candles.createPriceLine({ price: level.price, title: level.name, color: colours["line-strong"], axisLabelVisible: true, axisLabelColor: colours.line, axisLabelTextColor: colours.text, lineWidth: 1, lineStyle: LineStyle.Dotted }),
    );
    return () => lines.forEach((line) => parts.candles.removePriceLine(line));
  }, [parts, levels, colours]);

  useEffect(() => {
    const inside = swings.filter((swing) => first !== undefined && swing.ts >= first);
    parts?.swings.setData(inside.map((swing) => ({ time: seconds(swing.ts), value: swing.price })));
  }, [parts, swings, first]);

  return <div ref={holder} className="chart" role="img" aria-label={label} />;
}

function build(holder: HTMLElement): Parts {
  const chart = createChart(holder, {
    autoSize: true,
    // Its logo comes with a style element, which the page's policy forbids; the page names the library in words.
    layout: { attributionLogo: false, fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11 },
    localization: { priceFormatter: price, timeFormatter: (time: Time) => `${shortTime(Number(time) * 1000)} (${utc(Number(time) * 1000)})` },
    timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 4, tickMarkFormatter: (time: Time) => dayOrTime(Number(time) * 1000) },
    rightPriceScale: { borderVisible: false },
  });
  const candles = chart.addSeries(CandlestickSeries, { borderVisible: false });
  const swings = chart.addSeries(LineSeries, { lineWidth: 1, lineStyle: LineStyle.Dashed, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false });
  return { chart, candles, swings, marks: createSeriesMarkers(candles, []) };
}

function paint(parts: Parts, colours: Colours): void {
  parts.chart.applyOptions({
    layout: { background: { color: colours.panel }, textColor: colours.muted },
    grid: { vertLines: { color: colours.line }, horzLines: { color: colours.line } },
    timeScale: { borderColor: colours.line },
  });
  parts.candles.applyOptions({ upColor: colours.up, downColor: colours.down, wickUpColor: colours.up, wickDownColor: colours.down });
  parts.swings.applyOptions({ color: colours.accent });
}

function shapeOf(mark: Mark, colours: Colours): Omit<SeriesMarker<Time>, "time"> & { position: "belowBar" | "aboveBar" } {
  if (mark.kind === "up") return { position: "belowBar", shape: "arrowUp", color: colours.up, text: mark.text };
  if (mark.kind === "down") return { position: "aboveBar", shape: "arrowDown", color: colours.down, text: mark.text };
  return { position: "aboveBar", shape: "circle", color: mark.lean ? colours[mark.lean] : colours.muted, text: mark.text, size: 0.6 };
}
