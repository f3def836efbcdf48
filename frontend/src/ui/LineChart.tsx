import "./charts.css";
import "uplot/dist/uPlot.min.css";

import { useEffect, useRef } from "react";
import uPlot from "uplot";

import { dayOrTime, shortTime, utc } from "../format/format";
import { type Colours, useColours } from "./colours";

export type LineOf = { name: string; values: (number | null)[]; colour: keyof Colours; fill?: boolean; steps?: boolean };
type Props = { label: string; times: number[]; lines: LineOf[]; format: (value: number | null) => string; height?: number; range?: [number, number]; base?: number };

/** Values over time. The legend follows the pointer, with the time in the reader's zone and in UTC. */
export default function LineChart({ label, times, lines, format, height = 180, range, base }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const colours = useColours();
  useEffect(() => {
    const { current } = holder;
    if (!current) return;
    const options = optionsOf(lines, colours, format, range, base);
    const data = [times.map((ms) => ms / 1000), ...lines.map((line) => line.values)] as uPlot.AlignedData;
    const chart = new uPlot({ ...options, width: current.clientWidth || 300, height }, data, current);
    const observer = new ResizeObserver(() => chart.setSize({ width: current.clientWidth, height }));
    observer.observe(current);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [times, lines, colours, format, height, range, base]);
  return <div ref={holder} className="line-chart" role="img" aria-label={label} />;
}

function optionsOf(lines: LineOf[], colours: Colours, format: Props["format"], range?: [number, number], base?: number): Omit<uPlot.Options, "width" | "height"> {
  const axis = { stroke: colours.muted, grid: { stroke: colours.line, width: 1 }, ticks: { show: false }, font: `11px ${getComputedStyle(document.body).fontFamily}` };
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  return {
    scales: range ? { y: { range } } : {},
    cursor: { y: false },
    axes: [{ ...axis, space: 80, values: (_, ticks) => ticks.map((value) => dayOrTime(value * 1000)) }, { ...axis, size: 62, values: (_, ticks) => ticks.map((value) => format(value)) }],
    series: [
      { label: "Time", value: (_, value: number | null) => (value === null ? "–" : `${shortTime(value * 1000)} (${utc(value * 1000)})`) },
      ...lines.map((line) => ({
        label: line.name,
        stroke: colours[line.colour],
        width: 1.5,
        ...(line.fill ? { fill: `${colours[line.colour]}22` } : {}),
        ...(line.steps && stepped ? { paths: stepped } : {}),
        points: { show: false },
        value: (_: uPlot, value: number | null) => format(value),
      })),
    ],
    hooks: {
      // Where no pointer is, the legend tells the last values.
      ready: [showLast],
      setCursor: [(chart) => (chart.cursor.idx === null || (chart.cursor.left ?? -1) < 0) && showLast(chart)],
      ...(base === undefined ? {} : { draw: [(chart) => drawBase(chart, base, colours["line-strong"])] }),
    },
  };
}

function showLast(chart: uPlot): void {
  chart.setLegend({ idx: chart.data[0].length - 1 }, false);
}

function drawBase(chart: uPlot, base: number, colour: string): void {
  const y = chart.valToPos(base, "y", true);
  chart.ctx.strokeStyle = colour;
  chart.ctx.beginPath();
  chart.ctx.moveTo(chart.bbox.left, y);
  chart.ctx.lineTo(chart.bbox.left + chart.bbox.width, y);
  chart.ctx.stroke();
}
