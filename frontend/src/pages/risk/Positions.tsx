import { useMutation } from "@tanstack/react-query";
import { Link } from "wouter";

import { placeOrder } from "../../api/endpoints";
import type { PaperPosition } from "../../api/generated";
import { queryClient } from "../../api/queries";
import { useAccess } from "../../app/useAccess";
import { fixed, price, signed, whole } from "../../format/format";
import { Time } from "../../ui/Time";

/** What is open, and a button to close it by hand. */
export function Positions({ positions, waiting }: { positions: PaperPosition[]; waiting: number }) {
  const lacks = useAccess().lacks("risk");
  const close = useMutation({
    mutationFn: (symbol: string) => placeOrder({ symbol, side: "FLAT" }),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["risk"] }),
  });
  return (
    <section className="panel" aria-labelledby="positions">
      <h2 id="positions">Open positions</h2>
      {positions.length === 0 ? (
        <p className="muted">Nothing is held, so nothing can be lost.</p>
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label="Open positions, scrollable">
          <table data-testid="positions">
            <thead>
              <tr>
                <th scope="col">Symbol</th>
                <th scope="col">Side</th>
                <th scope="col" className="end">Quantity</th>
                <th scope="col" className="end">Entry</th>
                <th scope="col" className="end">Mark</th>
                <th scope="col" className="end">Stop</th>
                <th scope="col" className="end">Target</th>
                <th scope="col" className="end">Notional</th>
                <th scope="col" className="end">At the stop</th>
                <th scope="col" className="end">Unrealised</th>
                <th scope="col">Since</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {positions.map((one) => (
                <tr key={one.id} data-id={one.id}>
                  <th scope="row">
                    <Link href={`/symbol/${one.symbol}`}>{one.symbol}</Link>
                  </th>
                  <td className={one.side === "LONG" ? "lean-bullish" : "lean-bearish"}>
                    {one.side === "LONG" ? "▲ long" : "▼ short"}
                  </td>
                  <td className="end">{fixed(one.quantity, 4)}</td>
                  <td className="end">{price(one.entry_price)}</td>
                  <td className="end">{price(one.mark_price)}</td>
                  <td className="end">{price(one.stop_loss)}</td>
                  <td className="end">{price(one.take_profit)}</td>
                  <td className="end">{fixed(one.notional, 2)}</td>
                  <td className="end">{fixed(one.risk_amount, 2)}</td>
                  <td className={`end ${(one.unrealised ?? 0) < 0 ? "lean-bearish" : "lean-bullish"}`}>{signed(one.unrealised, 2)}</td>
                  <td>
                    <Time ms={one.entry_ts} style="short" />
                  </td>
                  <td className="end">
                    <button
                      disabled={close.isPending || lacks !== null}
                      aria-label={`Close ${one.symbol}`}
                      title={lacks ?? "Close it at the next candle’s open"}
                      onClick={() => close.mutate(one.symbol)}
                    >
                      Close
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {waiting > 0 && <p className="muted">{whole(waiting)} waiting for the next candle’s open.</p>}
      {close.error && (
        <p className="complaint" role="alert">
          {close.error.message}
        </p>
      )}
    </section>
  );
}
