import { clock, dateTime, shortTime, utc } from "../format/format";

type Props = { ms: number | null | undefined; style?: "full" | "short" | "clock" };

/** A moment in the reader's zone; UTC on hover. */
export function Time({ ms, style = "full" }: Props) {
  const text = { full: dateTime, short: shortTime, clock }[style](ms);
  if (ms === null || ms === undefined) return <span>{text}</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={utc(ms)}>
      {text}
    </time>
  );
}
