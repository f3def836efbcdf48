"""``python -m bench.risk_status``: how long ``GET /api/risk/status`` takes with 100 positions; prints JSON.

A database of its own, 100 symbols of 501 hourly candles. Each request goes through the whole of Django. Cold: the first
look behind a new candle, which reads the candles; warm: every other.
"""

import json
import sys
import time

from bench.databases import on_sqlite

POSITIONS, BARS, HOUR, START = 100, 501, 3_600_000, 1_704_067_200_000
COLD, WARM = 20, 200


def fill() -> None:
    """Store symbols, candles and an open position in each."""
    from bench.market import prices
    from market.feeds import current_market
    from market.models import Candle, Instrument, Series
    from risk.following import portfolio_of
    from risk.models import Position

    market, bars = current_market(), BARS + COLD
    market.position = START + BARS * HOUR
    market.save()
    portfolio = portfolio_of(market)
    for i, values in enumerate(prices(POSITIONS, bars)):
        instrument, _ = Instrument.objects.get_or_create(market=market, symbol=f"B{i:03d}USDT")
        series = Series.objects.create(instrument=instrument, timeframe="1h", first_open=START)
        Candle.objects.bulk_create(
            Candle(
                series=series, open_time=START + k * HOUR, open=bar[0], high=bar[1], low=bar[2], close=bar[3], volume=1
            )
            for k, bar in enumerate(values.T)
        )
        price = float(values[3, BARS - 1])
        Position.objects.create(
            portfolio=portfolio, instrument=instrument, series=series, side=1 if i % 2 else -1, quantity=50.0 / price,
            entry=price, entered_at=market.position - HOUR, stop=price * (0.98 if i % 2 else 1.02), mark=price,
            funded_until=market.position, fees=0.0,
        )  # fmt: skip


def asked() -> dict[str, list[tuple[float, float]]]:
    """Return wall and processor seconds of each request, cold and warm."""
    from django.test import Client

    from market.models import Market

    client = Client()
    taken: dict[str, list[tuple[float, float]]] = {"cold": [], "warm": []}

    def ask(kind: str) -> None:
        wall, processor = time.perf_counter(), time.process_time()
        answer = client.get("/api/risk/status", HTTP_HOST="localhost")
        taken[kind].append((time.perf_counter() - wall, time.process_time() - processor))
        body = answer.json()
        if body["open_positions"] != POSITIONS or not body["var95"]:
            raise SystemExit(f"not the status of {POSITIONS} positions: {answer.content[:300]!r}")

    ask("warm")  # compiles and imports
    taken["warm"].clear()
    for _ in range(COLD):
        Market.objects.update(position=Market.objects.get().position + HOUR)
        ask("cold")
        for _ in range(WARM // COLD):
            ask("warm")
    return taken


def main() -> None:
    with on_sqlite():
        fill()
        json.dump(asked(), sys.stdout)


if __name__ == "__main__":
    main()
