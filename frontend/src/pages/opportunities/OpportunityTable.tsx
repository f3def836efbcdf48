import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";

import { OpportunityRow } from "./OpportunityRow";
import type { Row, Sort, SortKey } from "./rows";

type Props = {
  rows: Row[];
  timeframes: string[];
  now: number | null;
  sort: Sort;
  onSort: (sort: Sort) => void;
  onHold: (hold: boolean) => void;
  /** The row that was chosen, or is shown in full anyway. */
  active: string | null;
  onChoose: (symbol: string) => void;
  closes: Record<string, number[]> | undefined;
};

const HEADS: { key: SortKey | null; name: string; className: string }[] = [
  { key: "rank", name: "#", className: "col-rank" },
  { key: "symbol", name: "Symbol", className: "col-symbol" },
  { key: "price", name: "Price", className: "col-price" },
  { key: null, name: "Last bars", className: "col-spark" },
  { key: "score", name: "Score", className: "col-score" },
  { key: null, name: "Direction", className: "col-direction" },
  { key: null, name: "Advice", className: "col-advice" },
  { key: "confidence", name: "Confidence", className: "col-confidence" },
  { key: null, name: "Timeframes", className: "col-strip" },
  { key: null, name: "Risk", className: "col-risk" },
  { key: "age", name: "Signal age", className: "col-age" },
];

/** So many rows may glide to their place; more would be a blur, and dear to draw. */
const GLIDING = 50;

const NARROW = "(max-width: 759px)";

/** The ranked table: only rows in sight are drawn; they glide to their place, and wait while pointed at. */
export function OpportunityTable({ rows, timeframes, now, sort, onSort, onHold, active, onChoose, closes }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [, navigate] = useLocation();
  const height = useRowHeight();
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: (index) => rows[index]?.symbol ?? index,
    overscan: 3,
  });
  useEffect(() => virtual.measure(), [height, virtual]);
  const activeIndex = rows.findIndex((row) => row.symbol === active);

  const move = (index: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (!row) return;
    onChoose(row.symbol);
    virtual.scrollToIndex(rows.indexOf(row));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? height) / height) - 1);
    const goal = { ArrowDown: activeIndex + 1, ArrowUp: activeIndex - 1, Home: 0, End: rows.length - 1, PageDown: activeIndex + page, PageUp: activeIndex - page }[event.key];
    if (goal !== undefined) {
      event.preventDefault();
      move(goal);
    } else if (event.key === "Enter" && active !== null) {
      navigate(`/symbol/${encodeURIComponent(active)}`);
    }
  };

  return (
    <div
      ref={scroller}
      className="grid"
      data-glide={rows.length <= GLIDING || undefined}
      role="grid"
      aria-label="Opportunities, ranked"
      aria-rowcount={rows.length + 1}
      aria-activedescendant={activeIndex >= 0 ? `row-${rows[activeIndex]?.symbol}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onPointerEnter={(event) => event.pointerType === "mouse" && onHold(true)}
      onPointerLeave={() => onHold(false)}
    >
      <div className="grid-row grid-head" role="row" aria-rowindex={1}>
        {HEADS.map(({ key, name, className }) => (
          <Head key={name} sortKey={key} name={name} className={className} sort={sort} onSort={onSort} />
        ))}
      </div>
      <div className="grid-body" role="rowgroup" style={{ blockSize: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return (
            row && (
              <OpportunityRow
                key={row.symbol}
                row={row}
                rank={item.index + 1}
                top={item.start}
                active={row.symbol === active}
                timeframes={timeframes}
                now={now}
                closes={closes?.[row.symbol]}
                onChoose={onChoose}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

type HeadProps = { sortKey: SortKey | null; name: string; className: string; sort: Sort; onSort: (sort: Sort) => void };

function Head({ sortKey, name, className, sort, onSort }: HeadProps) {
  if (sortKey === null) {
    return (
      <span role="columnheader" className={className}>
        {name}
      </span>
    );
  }
  const here = sort.key === sortKey;
  const next = { key: sortKey, descending: here ? !sort.descending : sortKey !== "symbol" };
  return (
    <span role="columnheader" className={className} aria-sort={here ? (sort.descending ? "descending" : "ascending") : "none"}>
      <button className="head-sort" onClick={() => onSort(next)} tabIndex={-1} title={sortKey === "rank" ? "By distance from neutral" : `Sort by ${name}`}>
        {name}
        <span aria-hidden="true">{here ? (sort.descending ? " ↓" : " ↑") : ""}</span>
      </button>
    </span>
  );
}

/** Rows are one line on a desk and two on a phone. */
function useRowHeight(): number {
  const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const query = matchMedia(NARROW);
    const onChange = () => setNarrow(query.matches);
    query.addEventListener("change", onChange);
    return () => query.removeEventListener("change", onChange);
  }, []);
  return narrow ? 60 : 36;
}
