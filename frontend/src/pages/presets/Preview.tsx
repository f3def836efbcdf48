import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { scan } from "../../api/endpoints";
import type { ScanItem } from "../../api/types";
import { useAgent } from "../../app/useAgent";
import { signed } from "../../format/format";
import { AdviceMark, ScoreBar } from "../../ui/marks";
import { isWhole, type Weights } from "../../ui/weights";
import { useAccess } from "../../app/useAccess";

const SETTLE_MS = 350;
const SHOWN = 12;

/** What the market as it is now would score with these weights, against the preset in use. */
export function Preview({ weights }: { weights: Weights }) {
  const agent = useAgent();
  const asked = useSettled(weights);
  const lacks = useAccess().lacks("scan");
  const symbols = agent?.subscribed_symbols.slice(0, 100) ?? [];
  const timeframes = agent?.timeframes ?? [];
  const ready = symbols.length > 0 && lacks === null;
  const now = useQuery({ queryKey: ["preview", symbols, timeframes], queryFn: () => scan({ symbols, timeframes }), enabled: ready, staleTime: 5000 });
  const then = useQuery({
    queryKey: ["preview", symbols, timeframes, asked],
    queryFn: () => scan({ symbols, timeframes, weights: asked }),
    enabled: ready && isWhole(asked),
    placeholderData: (before) => before,
  });
  if (lacks) return <p className="muted">No preview: {lacks}</p>;
  if (then.error) return <p className="complaint">No preview: {then.error.message}</p>;
  if (!then.data) return <p className="muted">The preview needs a market and weights that sum to 1.</p>;
  const before = new Map(now.data?.results.map((item) => [item.symbol, item]));
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Preview, scrollable">
      <table data-testid="preview">
        <caption>The market now with these weights, and the change against the preset in use</caption>
        <thead>
          <tr>
            <th scope="col">Symbol</th>
            <th scope="col">Score</th>
            <th scope="col" className="end">Change</th>
            <th scope="col">Advice</th>
          </tr>
        </thead>
        <tbody>
          {then.data.results.slice(0, SHOWN).map((item) => (
            <PreviewRow key={item.symbol} item={item} before={before.get(item.symbol)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function PreviewRow({ item, before }: { item: ScanItem; before: ScanItem | undefined }) {
  return (
    <tr>
      <td>{item.symbol}</td>
      <td>
        <ScoreBar value={item.final_score} />
      </td>
      <td className="end">{before ? signed(item.final_score - before.final_score, 3) : "–"}</td>
      <td>
        <AdviceMark advice={item.advice} />
        {before && before.advice !== item.advice && <span className="muted"> was {before.advice}</span>}
      </td>
    </tr>
  );
}

/** The weights once they rest: a slider in motion asks the server nothing. */
function useSettled(weights: Weights): Weights {
  const [settled, setSettled] = useState(weights);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(weights), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [weights]);
  return settled;
}
