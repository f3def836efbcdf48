import { memo } from "react";

const WIDTH = 88;
const HEIGHT = 20;

/** The way of a price, drawn from lowest to highest; coloured by its end against its start. */
export const Sparkline = memo(function Sparkline({ values, label }: { values: readonly number[] | undefined; label: string }) {
  const first = values?.[0];
  const last = values?.at(-1);
  if (!values || first === undefined || last === undefined || values.length < 2) return <span className="spark" />;
  const low = Math.min(...values);
  const range = Math.max(...values) - low || 1;
  const points = values.map(
    (value, i) => `${((i / (values.length - 1)) * WIDTH).toFixed(1)},${(HEIGHT - 1 - ((value - low) / range) * (HEIGHT - 2)).toFixed(1)}`,
  );
  return (
    <svg className={`spark ${last >= first ? "lean-bullish" : "lean-bearish"}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <polyline points={points.join(" ")} fill="none" stroke="currentColor" strokeWidth="1.25" vectorEffect="non-scaling-stroke" />
    </svg>
  );
});
