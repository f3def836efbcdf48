"""A market of one symbol whose candles and signals a test writes by hand."""

import uuid

import pytest

from engine.timeframes import INTERVAL_MS
from market.feeds import current_market
from market.models import Candle, Instrument, Series
from presets.services import active_version
from signals.models import Signal, Stream
from signals.outcomes.following import follow
from signals.outcomes.opening import open_outcomes
from tests.playing import START

HOUR = INTERVAL_MS["1h"]


class Scripted:
    """One symbol on 1h bars. Prices of a bar: (open, high, low, close)."""

    def __init__(self, symbol="AAAUSDT"):
        self.market = current_market()
        self.instrument, _ = Instrument.objects.get_or_create(market=self.market, symbol=symbol)
        self.series, _ = Series.objects.get_or_create(
            instrument=self.instrument, timeframe="1h", defaults={"first_open": START}
        )
        self.seq = 0

    def bar(self, number, opened, high, low, close=None):
        Candle.objects.create(
            series=self.series,
            open_time=START + number * HOUR,
            open=opened,
            high=high,
            low=low,
            close=close if close is not None else opened,
            volume=1.0,
        )

    def signal(self, behind, direction="BULLISH", score=0.7, atr=0.05, components=(), **fields):
        """Store a signal made by bar ``behind``, and begin to follow it."""
        self.seq += 1
        part = {"score": score, "confidence": 0.5, "components": list(components)}
        signal = Signal.objects.create(
            id=uuid.uuid4(),
            instrument=self.instrument,
            seq=self.seq,
            as_of=START + (behind + 1) * HOUR,
            score=score,
            confidence=0.5,
            consensus=1.0,
            direction=direction,
            advice="HOLD",
            risk_level="LOW",
            price=100.0,
            atr=atr,
            atr_rank=0.5,
            because="moved",
            preset_version=active_version(),
            min_confidence=0.2,
            scoring_version="test",
            configured=["1h"],
            timeframes={"1h": part},
            **fields,
        )
        Stream.objects.update_or_create(instrument=self.instrument, defaults={"last_seq": self.seq})
        open_outcomes([signal])
        return signal

    def close(self, number):
        """Let market time reach the close of a bar."""
        return follow([self.instrument], START + (number + 1) * HOUR)


@pytest.fixture
def scripted(replay, db):
    return Scripted()
