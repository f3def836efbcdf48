import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { checkCorrelation } from "../../api/endpoints";
import type { CorrelationMatrix } from "../../api/generated";
import { useAgent } from "../../app/useAgent";
import { fixed, percent } from "../../format/format";
import { Failed, Loading } from "../../ui/states";

const SHOWN = 12;

type Props = { held: CorrelationMatrix | undefined; limit: number };

/** Correlations of what is held, or of the watchlist’s first symbols; pairs above the limit are marked. */
export function Correlations({ held, limit }: Props) {
  const [of, setOf] = useState<"watched" | "held">("watched");
  const several = (held?.symbols.length ?? 0) > 1;
  return (
    <section className="panel" aria-labelledby="correlations">
      <h2 id="correlations">Correlations</h2>
      {several && (
        <label className="field confidence-choice">
          <span>Of what is</span>
          <select value={of} onChange={(event) => setOf(event.target.value as typeof of)}>
            <option value="watched">watched</option>
            <option value="held">held</option>
          </select>
        </label>
      )}
      {of === "held" && several && held ? (
        <>
          <Matrix symbols={held.symbols} matrix={held.matrix} limit={limit} />
          <p className="muted">
            From {held.window} {held.timeframe} returns, drawn towards their mean by {percent(held.shrinkage, 0)}; at least {held.minimum_overlap} in common.
          </p>
        </>
      ) : (
        <Watched limit={limit} />
      )}
    </section>
  );
}

/** One request a row, each for the symbols behind it. */
function Watched({ limit }: { limit: number }) {
  const symbols = useAgent()?.subscribed_symbols.slice(0, SHOWN) ?? [];
  const rows = useQuery({
    queryKey: ["correlations", symbols],
    queryFn: () => Promise.all(symbols.slice(0, -1).map((symbol, i) => checkCorrelation({ symbol, with: symbols.slice(i + 1) }))),
    enabled: symbols.length > 1,
    staleTime: 60_000,
    retry: false,
  });
  if (symbols.length < 2) return <p className="muted">The agent watches fewer than two symbols.</p>;
  if (rows.error) return <Failed error={rows.error} what="The correlations" />;
  if (!rows.data) return <Loading what="correlations" />;
  const known = (a: number, b: number) => rows.data[Math.min(a, b)]?.correlations[symbols[Math.max(a, b)] ?? ""] ?? null;
  const first = rows.data[0];
  return (
    <>
      <Matrix symbols={symbols} matrix={symbols.map((_, i) => symbols.map((_, j) => (i === j ? 1 : known(i, j))))} limit={limit} />
      {first && (
        <p className="muted">
          From {first.window} {first.timeframe} returns. Above {fixed(limit, 2)} two positions count as one bet.
        </p>
      )}
    </>
  );
}

/** −4..4: how close two symbols go together, or against each other. */
const step = (value: number): number => Math.sign(value) * Math.min(4, Math.floor(Math.abs(value) * 5));

type MatrixProps = { symbols: string[]; matrix: (number | null)[][]; limit: number };

function Matrix({ symbols, matrix, limit }: MatrixProps) {
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Correlations, scrollable">
      <table className="heat" data-testid="matrix">
        <thead>
          <tr>
            <td />
            {symbols.map((symbol) => (
              <th key={symbol} scope="col">
                {symbol}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {symbols.map((symbol, i) => (
            <tr key={symbol}>
              <th scope="row">{symbol}</th>
              {symbols.map((other, j) => {
                const value = matrix[i]?.[j] ?? null;
                const above = i !== j && value !== null && value > limit;
                return (
                  <td
                    key={other}
                    className={`num ${value === null || i === j ? "" : `heat-${step(value)}`}`}
                    data-self={i === j || undefined}
                    data-above={above || undefined}
                    title={value === null ? "too few returns in common" : above ? `${symbol} and ${other} are above the limit` : undefined}
                  >
                    {fixed(value, 2)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
