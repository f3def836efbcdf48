"""The ledger of outcomes, on prices written by hand."""

from math import exp

import pytest

from market.models import Hole
from signals.models import Outcome, Signal
from signals.outcomes.opening import open_outcomes
from tests.outcomes.conftest import HOUR
from tests.playing import START

pytestmark = pytest.mark.django_db

ENTRY = 100.0 * 1.001  # slippage
STOP = ENTRY * exp(-0.1)  # two ATR of 0.05
TARGET = ENTRY + 2 * (ENTRY - STOP)


def only():
    return Outcome.objects.get()


def test_the_bar_that_made_the_signal_never_counts(scripted):
    scripted.bar(0, 100, 200, 50)
    scripted.signal(behind=0)
    scripted.close(0)
    assert (only().how, only().entry, only().bars) == ("open", None, 0)


def test_the_ledger_of_a_signal_that_reaches_its_target_is_the_hand_computed_one(scripted):
    scripted.signal(behind=0)
    for number, bar in enumerate([(100, 104, 96), (103, 110, 101), (110, 125, 108), (1, 1, 1)], start=1):
        scripted.bar(number, *bar)
        scripted.close(number)
    row, fees = only(), 0.0005 * (ENTRY + TARGET)
    assert row.how == "target"
    assert (row.entry, row.stop, row.target) == pytest.approx((ENTRY, STOP, TARGET))
    assert row.exit == pytest.approx(TARGET)
    assert (row.entered_at, row.known_at, row.bars) == (START + HOUR, START + 4 * HOUR, 3)
    assert row.r == pytest.approx((TARGET - ENTRY - fees) / (ENTRY - STOP))
    assert row.percent == pytest.approx(100 * (TARGET - ENTRY - fees) / ENTRY)
    assert row.best == pytest.approx(2.0)
    assert row.worst == pytest.approx((96 - ENTRY) / (ENTRY - STOP))


def test_a_bearish_signal_is_sold_and_its_stop_counts_before_its_target(scripted):
    scripted.signal(behind=0, direction="BEARISH", score=0.3)
    scripted.bar(1, 100, 120, 50)
    scripted.close(1)
    row, entry = only(), 100 * 0.999
    stop = entry * exp(0.1)
    assert row.how == "stop"
    assert row.exit == pytest.approx(stop * 1.001)
    assert row.r == pytest.approx((entry - row.exit - 0.0005 * (entry + row.exit)) / (stop - entry))
    assert row.r < -1.0


def test_a_signal_that_goes_nowhere_ends_with_its_horizon_as_a_small_loss(scripted):
    scripted.signal(behind=0)
    for number in range(1, 26):
        scripted.bar(number, 100, 100.5, 99.5)
    assert scripted.close(24) == 0
    assert scripted.close(25) == 1  # the 24 bars are over: out at the open behind them
    assert (only().how, only().bars) == ("time", 24)
    assert -0.05 < only().r < 0.0


def test_a_flat_signal_is_not_followed(scripted):
    signal = scripted.signal(behind=0, direction="NEUTRAL", score=0.52)
    assert open_outcomes([signal]) == 0
    assert not Outcome.objects.exists()


def test_following_again_or_after_a_restart_or_all_at_once_gives_the_same_ledger(scripted):
    bars = [(100, 104, 96), (103, 110, 101), (110, 112, 108), (110, 125, 108)]
    signal = scripted.signal(behind=0)
    for number, bar in enumerate(bars, start=1):
        scripted.bar(number, *bar)
        scripted.close(number)
        scripted.close(number)
    first = Outcome.objects.values().get()
    open_outcomes([Signal.objects.get(pk=signal.pk)])  # already followed: stays
    assert Outcome.objects.values().get() == first
    Outcome.objects.all().delete()
    open_outcomes([Signal.objects.get(pk=signal.pk)])
    assert scripted.close(4) == 1
    assert Outcome.objects.values().get() == first


def test_a_bar_that_may_still_come_is_waited_for(scripted):
    scripted.signal(behind=0)
    scripted.bar(1, 100, 101, 99)
    scripted.bar(3, 100, 130, 99)  # beyond the target, behind a bar that is missing
    scripted.close(3)
    assert (only().how, only().bars) == ("open", 1)
    scripted.bar(2, 100, 101, 80)
    scripted.close(3)
    assert only().how == "stop"


def test_a_confirmed_hole_is_crossed_and_the_gap_fills_at_the_open(scripted):
    scripted.signal(behind=0)
    scripted.bar(1, 100, 101, 99)
    Hole.objects.create(series=scripted.series, start=START + 2 * HOUR, end=START + 5 * HOUR, reason="outage")
    scripted.bar(5, 80, 81, 79)
    scripted.close(5)
    assert (only().how, only().bars) == ("stop", 2)
    assert only().exit == pytest.approx(80 * 0.999)


def test_a_series_that_is_over_leaves_no_result(scripted):
    scripted.signal(behind=0)
    scripted.bar(1, 100, 101, 99)
    scripted.series.ended_at = START + 2 * HOUR
    scripted.series.save()
    scripted.close(1)
    scripted.close(2)
    assert (only().how, only().r) == ("void", None)


def test_only_detectors_with_the_signals_direction_share_its_outcome(scripted):
    parts = [{"name": "trend", "contribution": 0.2}, {"name": "sar", "contribution": -0.01}]
    scripted.signal(behind=0, components=[*parts, {"name": "news", "contribution": 0.0}])
    assert only().detectors == ["trend"]


def test_the_scan_itself_follows_what_it_stored(played):
    played(150)
    ended = Outcome.objects.ended()
    assert Outcome.objects.count() == Signal.objects.exclude(direction="NEUTRAL").count() > 3
    assert ended.exists()
    for row in ended:
        assert row.entered_at >= row.signal.as_of
        assert row.series.timeframe == "5m"
