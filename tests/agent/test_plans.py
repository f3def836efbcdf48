"""The plans that signals are stored with: sized by the symbol's step, derived again from what they were sized by."""

import pytest

from market.models import Instrument, Market
from signals.explaining import explain
from signals.models import Signal

pytestmark = pytest.mark.django_db


def test_a_plan_keeps_to_its_symbols_step_and_least_notional_and_is_derived_again_after_these_changed(play):
    play(1)
    Instrument.objects.filter(symbol="AAAUSDT").update(step=0.25, min_notional=20.0)
    Instrument.objects.filter(symbol="BBBUSDT").update(min_notional=1e9)
    # The scanner holds instruments until the roster changes, as the exchange's word on steps makes it.
    Market.objects.update(roster=99)
    play(60)
    planned = [s for s in Signal.objects.select_related("instrument", "preset_version__preset") if s.plan]
    stepped = [s for s in planned if s.plan["size"]["step"]]
    refused = [s for s in planned if s.plan["size"]["min_notional"] == 1e9]
    assert stepped
    assert refused
    for signal in stepped:
        assert signal.plan["size"]["quantity"] % 0.25 == 0.0
        assert signal.plan["size"]["quantity"] > 0.0
    for signal in refused:
        assert signal.plan["size"]["quantity"] == 0.0
        assert "is below the least, 1e+09" in signal.plan["size"]["refused"]
    Instrument.objects.update(step=7.0, min_notional=0.0)
    for signal in [stepped[-1], refused[-1]]:
        told = explain(signal)
        assert (told["identical"], told["derived"]["plan"]) == (True, signal.plan)


def test_a_plan_that_was_tampered_with_is_found_out(played):
    played(60)
    signal = next(s for s in Signal.objects.all() if s.plan)
    signal.plan["stop"] *= 1.0000001
    signal.save()
    assert (explain(signal)["identical"], explain(signal)["reason"]) == (False, "differs")
