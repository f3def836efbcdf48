import { useEffect, useRef } from "react";

import type { Advice, Direction } from "../../api/types";
import type { Filter } from "./rows";

type Props = { filter: Filter; onChange: (filter: Filter) => void; shown: number; total: number; held: boolean };

const DIRECTIONS: [Direction | null, string][] = [
  [null, "All"],
  ["BULLISH", "Bullish"],
  ["BEARISH", "Bearish"],
  ["NEUTRAL", "Neutral"],
];
const ADVICE: [Advice | "", string][] = [
  ["", "Any advice"],
  ["BUY", "Buy"],
  ["SELL", "Sell"],
  ["HOLD", "Hold"],
];

export function FilterBar({ filter, onChange, shown, total, held }: Props) {
  const search = useSlash();
  return (
    <div className="filters" role="search">
      <label className="search">
        <span className="sr">Search symbols</span>
        <input
          ref={search}
          type="search"
          placeholder="Search symbols"
          value={filter.text}
          onChange={(event) => onChange({ ...filter, text: event.target.value })}
          onKeyDown={(event) => event.key === "Escape" && onChange({ ...filter, text: "" })}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <div className="segments" role="group" aria-label="Direction">
        {DIRECTIONS.map(([direction, name]) => (
          <button key={name} aria-pressed={filter.direction === direction} onClick={() => onChange({ ...filter, direction })}>
            {name}
          </button>
        ))}
      </div>
      <select aria-label="Advice" value={filter.advice ?? ""} onChange={(event) => onChange({ ...filter, advice: (event.target.value || null) as Advice | null })}>
        {ADVICE.map(([value, name]) => (
          <option key={name} value={value}>
            {name}
          </option>
        ))}
      </select>
      <span className="muted filters-count">
        {shown} of {total}
        {held && " · order held"}
      </span>
    </div>
  );
}

/** `/` puts the cursor into the search, from anywhere but a field. */
function useSlash() {
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const inField = event.target instanceof Element && event.target.closest("input, select, textarea, dialog");
      if (event.key !== "/" || inField) return;
      event.preventDefault();
      ref.current?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return ref;
}
