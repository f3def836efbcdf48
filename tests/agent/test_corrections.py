"""A candle that is corrected after a signal: the signal stays explained, the next score uses the new values."""

from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command

from engine.window import COLUMNS, Window
from market import ingest
from market.feeds import current_market
from market.models import Candle, CandleRevision, Series
from signals import scanner
from signals.explaining import explain
from signals.models import Signal
from tests.playing import FIVE

pytestmark = pytest.mark.django_db


def correct(series: Series, open_time: int, factor: float) -> None:
    """Let the source send a bar again, all its prices moved."""
    candle = Candle.objects.get(series=series, open_time=open_time)
    values = np.array([[getattr(candle, name)] for name in COLUMNS])
    values[:4] *= factor
    ingest.store(current_market(), [(series, Window(np.array([open_time]), values), [])])


def newest_of(symbol: str) -> tuple[Signal, Series]:
    signal = Signal.objects.filter(instrument__symbol=symbol).latest("seq")
    return signal, Series.objects.get(instrument=signal.instrument, timeframe="5m")


def score(symbol: str) -> float:
    signal, _ = newest_of(symbol)
    policy = signal.preset_version.policy()
    return scanner.scan(current_market(), [signal.instrument], ["5m"], policy)[0].score.score


def test_a_signal_is_explained_from_what_was_known_when_it_was_made(played):
    played(60)
    signal, series = newest_of("BBBUSDT")
    before = score("BBBUSDT")
    last = signal.timeframes["5m"]["last_open"]
    for n, factor in enumerate((1.01, 0.98, 1.03)):
        correct(series, last - n * FIVE, factor)
        answer = explain(Signal.objects.get(pk=signal.pk))
        assert (answer["identical"], answer["reason"]) == (True, None)
        assert answer["derived"]["timeframes"]["5m"]["digest"] == signal.timeframes["5m"]["digest"]
    assert CandleRevision.objects.count() == 3
    assert score("BBBUSDT") != before


def test_without_the_former_values_the_same_signal_differs(played):
    played(60)
    signal, series = newest_of("BBBUSDT")
    correct(series, signal.timeframes["5m"]["last_open"], 1.01)
    CandleRevision.objects.all().delete()
    assert explain(signal)["reason"] == "differs"


def test_a_value_that_no_correction_explains_still_differs(played):
    played(60)
    signal, series = newest_of("BBBUSDT")
    last = signal.timeframes["5m"]["last_open"]
    correct(series, last, 1.01)
    Candle.objects.filter(series=series, open_time=last - 7 * FIVE).update(volume=1.0, taker_buy_volume=0.5)
    assert explain(signal)["reason"] == "differs"


def test_signals_before_and_after_a_correction_are_identical_each_with_its_own_bars(played, play):
    played(60)
    signal, series = newest_of("BBBUSDT")
    correct(series, signal.timeframes["5m"]["last_open"], 1.01)
    later = [s for s in play(60) if s.instrument_id == signal.instrument_id]
    first, last = later[0].timeframes["5m"]["first_open"], signal.timeframes["5m"]["last_open"]
    assert first <= last  # the corrected bar is in the window of what came after as well
    out = StringIO()
    call_command("verify_parity", stdout=out)
    assert f"identical {Signal.objects.count()}" in out.getvalue()


def test_a_timeframe_that_came_too_late_for_a_signal_stays_out_of_its_explanation(play):
    play(0)
    hour = Series.objects.get(instrument__symbol="AAAUSDT", timeframe="1h")
    candle = Candle.objects.filter(series=hour).order_by("-open_time")[100]
    window = Window(np.array([candle.open_time]), np.array([[getattr(candle, name)] for name in COLUMNS]))
    Candle.objects.filter(pk=candle.pk).delete()
    play(60)
    signal = Signal.objects.filter(instrument__symbol="AAAUSDT").latest("seq")
    assert set(signal.timeframes) == {"5m", "15m"}
    ingest.store(current_market(), [(hour, window, [])])
    assert explain(signal)["identical"] is True
