/** Numbers in the reader's locale. What is missing is an en dash, never a made-up zero. */
export const NONE = "–";

const formats = new Map<string, Intl.NumberFormat>();

function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(undefined, options);
    formats.set(key, format);
  }
  return format;
}

type Maybe = number | null | undefined;

export function fixed(value: Maybe, digits: number): string {
  if (value === null || value === undefined) return NONE;
  return numberFormat({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** A score or confidence, 0..1. */
export const score = (value: Maybe): string => fixed(value, 3);

export const whole = (value: Maybe): string => fixed(value, 0);

export function signed(value: Maybe, digits: number): string {
  if (value === null || value === undefined) return NONE;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "exceptZero" } as const;
  return numberFormat(options).format(value);
}

export function percent(value: Maybe, digits = 0): string {
  if (value === null || value === undefined) return NONE;
  return numberFormat({ style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** A price: cents from 1 on, six significant digits below. */
export function price(value: Maybe): string {
  if (value === null || value === undefined) return NONE;
  if (Math.abs(value) >= 1) return fixed(value, Math.abs(value) >= 1000 ? 2 : 4);
  return numberFormat({ minimumSignificantDigits: 4, maximumSignificantDigits: 6 }).format(value);
}

const SPANS: [number, string][] = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
  [1000, "second"],
];

/** A span of time in its largest unit: 5 min, 3 h. */
export function span(ms: Maybe): string {
  if (ms === null || ms === undefined) return NONE;
  const [size, unit] = SPANS.find(([least]) => ms >= least) ?? [1000, "second"];
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 } as const;
  return numberFormat(options).format(Math.max(0, Math.floor(ms / size)));
}

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const LOCAL_SHORT = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const LOCAL_CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const dateTime = (ms: Maybe): string => (ms === null || ms === undefined ? NONE : LOCAL.format(ms));
export const shortTime = (ms: Maybe): string => (ms === null || ms === undefined ? NONE : LOCAL_SHORT.format(ms));
export const clock = (ms: Maybe): string => (ms === null || ms === undefined ? NONE : LOCAL_CLOCK.format(ms));

const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const HOUR = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** What an axis says of a moment: the day at midnight, the time of day else. */
export function dayOrTime(ms: number): string {
  const at = new Date(ms);
  return (at.getHours() === 0 && at.getMinutes() === 0 ? DAY : HOUR).format(at);
}

/** The same moment in UTC, for the hover. */
export function utc(ms: Maybe): string {
  return ms === null || ms === undefined ? NONE : `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
