"""A corrected bar: the new values count, the former ones are kept with the time until which they held."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.window import Window
from market import ingest
from market.candles import read_candles
from market.models import Candle, CandleRevision, Instrument, Market, Series
from market.revisions import known_then
from market.windows import Windows
from tests.playing import FIVE, START, walk, without

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(db):
    return Market.objects.create(key="test", source="test")


@pytest.fixture
def one(market):
    instrument = Instrument.objects.create(market=market, symbol="AAAUSDT")
    return Series.objects.create(instrument=instrument, timeframe="5m", first_open=START)


def opens(bar):
    return START + bar * FIVE


def corrected(bars: Window, bar: int, factor: float = 1.01) -> Window:
    """Return one bar of ``bars`` with all its prices moved."""
    one = bars.between(opens(bar), opens(bar) + 1)
    return Window(one.open_times, one.values * np.array([factor] * 4 + [1.0, 1.0])[:, None])


def then(one, at, used=lambda bars: False):
    return known_then(one, START, opens(10_000), at, used)


def same(left: Window, right: Window) -> bool:
    return left.digest() == right.digest()


def test_a_changed_bar_leaves_its_former_values_and_an_unchanged_one_nothing(market, one):
    bars = walk(300, seed=1)
    ingest.store(market, [(one, bars, [])])
    ingest.store(market, [(one, bars.between(opens(100), opens(120)), [])])
    assert CandleRevision.objects.count() == 0
    ingest.store(market, [(one, corrected(bars, 250), [])])
    revision = CandleRevision.objects.get()
    assert (revision.number, revision.open_time) == (1, opens(250))
    assert [revision.open, revision.close] == bars.values[[0, 3], 250].tolist()
    assert Candle.objects.get(series=one, open_time=opens(250)).close == bars.values[3, 250] * 1.01


def test_a_missing_taker_volume_that_comes_later_is_a_correction_and_comes_back_as_missing(market, one):
    bars = walk(300, seed=1)
    blind = Window(bars.open_times, bars.values.copy())
    blind.values[5, 200] = np.nan
    ingest.store(market, [(one, blind, [])])
    before = Market.objects.get()
    ingest.store(market, [(one, blind, [])])
    assert Market.objects.get().corrections == before.corrections == 0
    ingest.store(market, [(one, bars, [])])
    at = CandleRevision.objects.get().corrected_at
    assert same(then(one, at), bars)
    assert same(then(one, at.replace(year=2000)), blind)


def test_a_bar_that_comes_between_stored_ones_was_not_known_before_and_one_at_the_ends_is_no_correction(market, one):
    bars = walk(300, seed=1)
    holed = without(bars, [(0, 5), (100, 102), (299, 300)])
    ingest.store(market, [(one, holed, [])])
    ingest.store(market, [(one, bars, [])])
    assert list(CandleRevision.objects.values_list("open_time", "close")) == [(opens(100), None), (opens(101), None)]
    past = then(one, CandleRevision.objects.first().corrected_at.replace(year=2000))
    assert same(past, without(bars, [(100, 102)]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 19), min_size=1, max_size=4, unique=True), min_size=1, max_size=6))
def test_every_state_that_there_ever_was_comes_back_by_its_time_and_by_its_digest(market, one, batches):
    Candle.objects.all().delete()
    CandleRevision.objects.all().delete()
    bars = walk(20, seed=2)
    ingest.store(market, [(one, bars, [])])
    states = [read_candles([one], START, opens(20))[one.pk]]
    for n, batch in enumerate(batches, start=1):
        for bar in sorted(batch):
            bars.values[:4, bar] *= 1.0 + 0.001 * n
        wanted = sorted(batch)
        ingest.store(market, [(one, Window(bars.open_times[wanted], bars.values[:, wanted]), [])])
        states.append(read_candles([one], START, opens(20))[one.pk])
    times = sorted(set(CandleRevision.objects.values_list("corrected_at", flat=True)))
    assert len(times) == len(batches)
    for until, state in zip(times, states, strict=False):
        assert same(then(one, until - timedelta(microseconds=1)), state)
    for state in states:
        assert same(then(one, times[-1], lambda bars, wanted=state: same(bars, wanted)), state)
    assert same(then(one, times[-1]), states[-1])
    numbers = list(CandleRevision.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_windows_in_memory_take_in_a_correction_wherever_it_lies(market, one):
    bars = walk(1000, seed=4)
    ingest.store(market, [(one, bars.between(0, opens(990)), [])])
    warm = Windows()
    warm.refresh([one], opens(990))
    ingest.store(market, [(one, corrected(bars, 700), [])])
    for until in (opens(990), opens(991)):  # at the same close, and at the next
        ingest.store(market, [(one, bars.between(opens(990), until), [])])
        warm.refresh([one], until)
        cold = Windows()
        cold.refresh([one], until)
        held = warm.cut(one, until)
        assert held.values[3, np.flatnonzero(held.open_times == opens(700))[0]] == bars.values[3, 700] * 1.01
        assert same(held, cold.cut(one, until))


def test_news_is_stored_without_a_look_at_what_is_there(market, one, django_assert_num_queries):
    bars = walk(1000, seed=4)
    ingest.store(market, [(one, bars.between(0, opens(990)), [])])
    with django_assert_num_queries(5) as asked:  # savepoint, last_close, insert, update, release
        ingest.store(market, [(one, bars.between(opens(990), opens(991)), [])])
    assert not [q for q in asked.captured_queries if q["sql"].startswith("SELECT") and "candle" in q["sql"]]
