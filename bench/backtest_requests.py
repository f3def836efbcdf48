"""``python -m bench.backtest_requests``: how long ``POST /api/backtest/run`` takes on 6,000 hourly bars; prints JSON.

A database of its own with made-up candles. Each request goes through the whole of Django, is stored and answered in
full. The first one, which imports numba and loads the kernels, is told apart.
"""

import json
import sys
import time

from bench.databases import on_sqlite

BARS, HOUR, START, REQUESTS = 6_000, 3_600_000, 1_704_067_200_000, 60


def fill() -> None:
    """Store the candles of one symbol in the market in use."""
    from bench.market import prices
    from market.feeds import current_market
    from market.models import Candle, Instrument, Series

    market = current_market()
    market.position = START + BARS * HOUR
    market.save()
    instrument = Instrument.objects.create(market=market, symbol="AAAUSDT")
    series = Series.objects.create(instrument=instrument, timeframe="1h", first_open=START)
    Candle.objects.bulk_create(
        Candle(
            series=series, open_time=START + k * HOUR, open=bar[0], high=bar[1], low=bar[2], close=bar[3],
            volume=bar[4], taker_buy_volume=bar[5],
        )
        for k, bar in enumerate(prices(1, BARS)[0].T)
    )  # fmt: skip


def asked() -> list[tuple[float, float]]:
    """Return wall and processor seconds of each request, the first one's first."""
    from django.test import Client

    client, taken = Client(), []
    body = {"symbol": "AAAUSDT", "start_date": START, "end_date": START + BARS * HOUR, "initial_capital": 10_000}
    text = json.dumps(body | {"fee": 0.0005, "slippage": 0.001})
    for _ in range(1 + REQUESTS):
        wall, processor = time.perf_counter(), time.process_time()
        answer = client.post("/api/backtest/run", text, content_type="application/json", HTTP_HOST="localhost")
        taken.append((time.perf_counter() - wall, time.process_time() - processor))
        told = answer.json()
        if answer.status_code != 200 or len(told["equity_series"]) != BARS or not told["trades"]:
            raise SystemExit(f"not a backtest of {BARS} bars: {answer.content[:300]!r}")
    return taken


def main() -> None:
    with on_sqlite():
        fill()
        json.dump(asked(), sys.stdout)


if __name__ == "__main__":
    main()
