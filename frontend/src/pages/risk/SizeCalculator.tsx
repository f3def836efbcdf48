import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { planPosition, planStop } from "../../api/endpoints";
import type { PositionSize, StopLoss } from "../../api/generated";
import { useAgent } from "../../app/useAgent";
import { fixed, percent, price } from "../../format/format";

type Direction = "LONG" | "SHORT";

/** A price as a person would type it: more digits than eight no exchange takes. */
const typed = (price: number): string => String(Number(price.toPrecision(8)));

/** How much of a symbol the limits allow; the stop is proposed from ATR and structure. */
export function SizeCalculator() {
  const names = useAgent()?.subscribed_symbols ?? [];
  const [chosen, setSymbol] = useState("");
  const [direction, setDirection] = useState<Direction>("LONG");
  const [entry, setEntry] = useState("");
  const [stop, setStop] = useState("");
  const [equity, setEquity] = useState("");
  const symbol = chosen || (names[0] ?? "");
  const size = useMutation({ mutationFn: planPosition });
  const propose = useMutation({
    mutationFn: planStop,
    onSuccess: (found) => {
      setEntry(typed(found.entry_price));
      setStop(typed(found.stop_loss));
    },
  });
  const calculate = (event: FormEvent) => {
    event.preventDefault();
    const given = { symbol, direction, entry_price: Number(entry), stop_loss: Number(stop) };
    size.mutate(equity === "" ? given : { ...given, equity: Number(equity) });
  };
  const error = size.error ?? propose.error;
  return (
    <section className="panel" aria-labelledby="size">
      <h2 id="size">Position size</h2>
      <form className="fields" aria-labelledby="size" onSubmit={calculate}>
        <label className="field">
          <span>Symbol</span>
          <select value={symbol} onChange={(event) => setSymbol(event.target.value)}>
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label className="field">
          <span>Side</span>
          <select value={direction} onChange={(event) => setDirection(event.target.value as Direction)}>
            <option value="LONG">long</option>
            <option value="SHORT">short</option>
          </select>
        </label>
        <label className="field">
          <span>Entry</span>
          <input type="number" step="any" min={0} required value={entry} onChange={(event) => setEntry(event.target.value)} />
        </label>
        <label className="field">
          <span>Stop</span>
          <input type="number" step="any" min={0} required value={stop} onChange={(event) => setStop(event.target.value)} />
        </label>
        <label className="field">
          <span>Equity</span>
          <input type="number" step="any" placeholder="the portfolio’s" value={equity} onChange={(event) => setEquity(event.target.value)} />
        </label>
        <button type="button" disabled={propose.isPending || symbol === ""} onClick={() => propose.mutate({ symbol, direction })}>
          Propose a stop
        </button>
        <button className="primary" disabled={size.isPending || symbol === ""}>
          Calculate
        </button>
      </form>
      {error && (
        <p className="complaint" role="alert">
          {error.message}
        </p>
      )}
      {propose.data && <Proposed stop={propose.data} />}
      {size.data && <Sized size={size.data} />}
    </section>
  );
}

function Proposed({ stop }: { stop: StopLoss }) {
  return (
    <p className="muted">
      Stop {price(stop.stop_loss)} from {stop.stop_from === "atr" ? `ATR, ${percent(stop.atr_pct / 100, 2)}` : `the swing at ${price(stop.structure_level)}`}; targets {stop.targets.map((target) => price(target)).join(", ")}.
    </p>
  );
}

function Sized({ size }: { size: PositionSize }) {
  return (
    <div data-testid="size" data-status={size.status}>
      <dl className="tiles">
        <Tile name="Quantity" value={fixed(size.quantity, 6)} />
        <Tile name="Notional" value={fixed(size.notional, 2)} />
        <Tile name="At risk" value={`${fixed(size.risk_amount, 2)} (${percent(size.risk_share, 2)})`} />
        <Tile name="Target" value={price(size.take_profit)} />
      </dl>
      {size.breaches.map((one) => (
        <p key={one.limit} className="complaint" role="alert">
          {size.status === "rejected" ? "Rejected" : "Sized down"} by {one.limit.replaceAll("_", " ")}: {one.detail}
        </p>
      ))}
      {size.unchecked.map((one) => (
        <p key={one} className="muted">
          Not checked: {one}
        </p>
      ))}
    </div>
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
