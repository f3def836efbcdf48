import { useQuery } from "@tanstack/react-query";

import { planPosition, planStop } from "../../api/endpoints";
import type { Decision } from "../../api/types";
import { fixed, percent, price } from "../../format/format";
import { Failed, Loading } from "../../ui/states";

/** Entry, stop, target and size, as the risk rules have them. */
export function Plan({ symbol, decision }: { symbol: string; decision: Decision | undefined }) {
  return (
    <section className="panel" aria-labelledby="plan">
      <h2 id="plan">Plan</h2>
      {!decision || decision.price === null || decision.direction === null ? (
        <p className="muted">A plan needs a score.</p>
      ) : decision.direction === "NEUTRAL" ? (
        <p className="muted">{symbol} is neutral: there is no side to plan for.</p>
      ) : (
        <Planned symbol={symbol} direction={decision.direction} entry={decision.price} />
      )}
    </section>
  );
}

function Planned({ symbol, direction, entry }: { symbol: string; direction: "BULLISH" | "BEARISH"; entry: number }) {
  const plan = useQuery({
    queryKey: ["plan", symbol, direction, entry],
    queryFn: async () => {
      const stop = await planStop({ symbol, direction, entry_price: entry });
      return { stop, size: await planPosition({ symbol, entry_price: entry, stop_loss: stop.stop_loss }) };
    },
    placeholderData: (before) => before,
    retry: false,
  });
  if (plan.error) return <Failed error={plan.error} what="The plan" />;
  if (!plan.data) return <Loading what="plan" />;
  const { stop, size } = plan.data;
  return (
    <dl className="tiles">
      <Tile name="Entry" value={price(entry)} />
      <Tile name="Stop" value={price(stop.stop_loss)} />
      <Tile name="Target" value={price(stop.take_profit)} />
      <Tile name="Reward to risk" value={`${fixed(stop.r_multiple, 1)} : 1`} />
      {size.status === "rejected" ? (
        <Tile name="Size" value={`rejected: ${(size.limits ?? []).map((name) => name.replaceAll("_", " ")).join(", ")}`} />
      ) : (
        <>
          <Tile name="Quantity" value={fixed(size.quantity, 4)} />
          <Tile name="Notional" value={fixed(size.notional, 2)} />
          <Tile name="At risk" value={fixed(size.risk_amount, 2)} />
        </>
      )}
      <Tile name="Stop distance" value={percent(Math.abs(entry - stop.stop_loss) / entry, 2)} />
    </dl>
  );
}

function Tile({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
