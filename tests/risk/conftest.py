"""A market of hourly bars written by hand, and a paper portfolio on it."""

import uuid

import pytest

from engine.timeframes import INTERVAL_MS
from market.feeds import current_market
from market.models import Candle, Instrument, Market, Series
from presets.services import active_version
from risk import measures
from risk.advancing import advance
from risk.following import portfolio_of, take_up
from risk.models import Portfolio
from signals.models import Signal
from tests.playing import START

HOUR = INTERVAL_MS["1h"]
LEANS = {"BUY": "BULLISH", "SELL": "BEARISH", "HOLD": "NEUTRAL"}


def at(number):
    """Return the open of a bar (ms)."""
    return START + number * HOUR


class Paper:
    """Symbols on 1h bars; bar ``number`` opens at START + number hours."""

    def __init__(self):
        self.market = current_market()
        self.series, self.seq = {}, {}

    def _of(self, symbol):
        if symbol not in self.series:
            instrument, _ = Instrument.objects.get_or_create(market=self.market, symbol=symbol)
            self.series[symbol], _ = Series.objects.get_or_create(
                instrument=instrument, timeframe="1h", defaults={"first_open": START}
            )
        return self.series[symbol]

    def instrument(self, symbol="AAAUSDT"):
        return self._of(symbol).instrument

    def bar(self, number, opened, high=None, low=None, close=None, symbol="AAAUSDT"):
        prices = [p for p in (opened, close) if p is not None]
        Candle.objects.create(
            series=self._of(symbol),
            open_time=at(number),
            open=opened,
            high=high if high is not None else max(prices),
            low=low if low is not None else min(prices),
            close=close if close is not None else opened,
            volume=1.0,
        )

    def path(self, closes, symbol="AAAUSDT", first=0):
        """Store a series of closes, each bar from the close before."""
        rows, before = [], closes[0]
        for number, close in enumerate(closes, start=first):
            high, low = max(before, close), min(before, close)
            prices = dict(zip(("open", "high", "low", "close"), map(float, (before, high, low, close)), strict=True))
            rows.append(Candle(series=self._of(symbol), open_time=at(number), volume=1.0, **prices))
            before = close
        Candle.objects.bulk_create(rows)

    def stored(self, behind, advice="BUY", symbol="AAAUSDT", atr=0.02, direction=None):
        """Store a signal made by bar ``behind``."""
        self.seq[symbol] = self.seq.get(symbol, 0) + 1
        return Signal.objects.create(
            id=uuid.uuid4(),
            instrument=self.instrument(symbol),
            seq=self.seq[symbol],
            as_of=at(behind + 1),
            score=0.7,
            confidence=0.5,
            consensus=1.0,
            direction=direction or LEANS[advice],
            advice=advice,
            risk_level="LOW",
            price=100.0,
            atr=atr,
            atr_rank=0.5,
            because="moved",
            preset_version=active_version(),
            min_confidence=0.2,
            scoring_version="test",
            configured=["1h"],
            timeframes={"1h": {"score": 0.7, "confidence": 0.5, "components": []}},
        )

    def signal(self, behind, advice="BUY", symbol="AAAUSDT", **fields):
        """Store a signal, and let the portfolio take it up as the scan does."""
        signal = self.stored(behind, advice, symbol, **fields)
        take_up(self.market, [signal], signal.as_of)
        return signal

    def close(self, number):
        """Let market time reach the close of a bar."""
        now = at(number + 1)
        Market.objects.filter(pk=self.market.pk).update(position=now)
        self.market.position = now
        return advance(self.market, now)

    @property
    def portfolio(self) -> Portfolio:
        return Portfolio.objects.get(market=self.market)


@pytest.fixture(autouse=True)
def nothing_kept():
    """Ids come again in the next test, and with them other candles."""
    measures._kept.clear()


@pytest.fixture
def paper(replay, db):
    """A portfolio that begins at START, with nothing in it."""
    made = Paper()
    made.close(-1)
    portfolio_of(made.market)
    return made
