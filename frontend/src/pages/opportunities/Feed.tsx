import { memo, useMemo } from "react";
import { Link } from "wouter";

import type { Signal } from "../../api/types";
import { score } from "../../format/format";
import { useLiveEvery } from "../../live/live";
import type { Snapshot } from "../../live/client";
import { because } from "../../format/words";
import { AdviceMark, DirectionMark } from "../../ui/marks";
import { Time } from "../../ui/Time";

const SHOWN = 60;
const EVERY_MS = 600;
const feedOf = (snapshot: Snapshot) => snapshot.live.feed;
const latestOf = (snapshot: Snapshot) => snapshot.live.latest;

/** Signals as they come, newest first; below them the last ones from before the page was opened. */
export function Feed() {
  const feed = useLiveEvery(EVERY_MS, feedOf);
  const latest = useLiveEvery(EVERY_MS, latestOf);
  const before = useMemo(() => {
    const here = new Set(feed.map((signal) => signal.id));
    return [...latest.values()].filter((signal) => !here.has(signal.id)).sort((a, b) => b.ts - a.ts).slice(0, SHOWN);
  }, [feed, latest]);
  return (
    <aside className="feed" aria-labelledby="feed">
      <h2 id="feed">Signals as they come</h2>
      <div className="feed-list" tabIndex={0} role="group" aria-label="Signals, scrollable">
        {feed.length === 0 && <p className="muted feed-empty">None since this page was opened. A signal comes when advice or direction changes, or a score moves far.</p>}
        <ol data-testid="feed">
          {feed.slice(0, SHOWN).map((signal) => (
            <Item key={signal.id} signal={signal} />
          ))}
        </ol>
        {before.length > 0 && (
          <>
            <h3>Before this page was opened</h3>
            <ol>
              {before.map((signal) => (
                <Item key={signal.id} signal={signal} />
              ))}
            </ol>
          </>
        )}
      </div>
    </aside>
  );
}

const Item = memo(function Item({ signal }: { signal: Signal }) {
  return (
    <li data-symbol={signal.symbol} data-seq={signal.seq} data-id={signal.id}>
      <Link href={`/symbol/${encodeURIComponent(signal.symbol)}`} className="feed-symbol">
        {signal.symbol}
      </Link>
      <AdviceMark advice={signal.advice} />
      <span className="num feed-score">
        <DirectionMark direction={signal.direction} word={false} /> {score(signal.score)}
      </span>
      <span className="muted feed-because">{because(signal.because)}</span>
      <span className="muted num feed-time">
        <Time ms={signal.ts} style="short" />
      </span>
    </li>
  );
});
