"""Every stored signal can be derived again, and the command that says so notices each one that cannot."""

import re
from datetime import UTC, datetime
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from market.models import Candle
from signals.management.commands import verify_parity
from signals.models import Signal

pytestmark = pytest.mark.django_db


def verify(**options) -> tuple[dict[str, int], set[str]]:
    """Return the printed counts and the ids of the signals that are named as different."""
    counts, named, _ = verify_and_fail(**options)
    return counts, named


def verify_and_fail(**options) -> tuple[dict[str, int], set[str], CommandError | None]:
    out, error = StringIO(), None
    try:
        call_command("verify_parity", stdout=out, **options)
    except CommandError as raised:
        error = raised
    text = out.getvalue()
    counts = re.findall(r"^(compared|identical|pruned|other engine|different) (\d+)$", text, re.MULTILINE)
    named = re.findall(r"^different: (\S+) (\S+) (\d+) *$", text, re.MULTILINE)
    for pk, symbol, seq in named:
        assert Signal.objects.filter(pk=pk, instrument__symbol=symbol, seq=seq).exists()
    return {name: int(count) for name, count in counts}, {pk for pk, _, _ in named}, error


def nudge(candle: Candle, column: str = "low") -> None:
    """Move one value of a stored candle by one unit in the last place."""
    Candle.objects.filter(pk=candle.pk).update(**{column: np.nextafter(getattr(candle, column), 0.0)})


def holding(candle: Candle) -> set[str]:
    """Return the ids of the signals whose window holds the candle."""
    one = candle.series
    used = {s: s.timeframes[one.timeframe] for s in Signal.objects.filter(instrument=one.instrument)}
    return {str(s.pk) for s, bars in used.items() if bars["first_open"] <= candle.open_time <= bars["last_open"]}


def test_after_a_replay_every_signal_is_identical(played):
    count = len(played(110))
    assert verify() == (
        {"compared": count, "identical": count, "pruned": 0, "other engine": 0, "different": 0},
        set(),
    )
    assert count > 8


def test_signals_are_compared_once_each_however_they_are_read(played, monkeypatch):
    count = len(played(110))
    monkeypatch.setattr(verify_parity, "CHUNK", 2)
    assert len({s.pk for s in verify_parity.in_order(Signal.objects.all())}) == count
    assert verify()[0]["compared"] == count


def test_one_candle_altered_by_one_unit_in_the_last_place_names_the_signals_that_read_it(played):
    played(110)
    middle = Signal.objects.filter(instrument__symbol="BBBUSDT").order_by("seq")[1]
    candle = Candle.objects.get(
        series__instrument=middle.instrument,
        series__timeframe="5m",
        open_time=middle.timeframes["5m"]["last_open"],
    )
    expected = holding(candle)
    assert 0 < len(expected) < Signal.objects.filter(instrument=middle.instrument).count()
    nudge(candle)
    counts, named, error = verify_and_fail()
    total = Signal.objects.count()
    assert named == expected
    assert counts == {
        "compared": total,
        "identical": total - len(expected),
        "pruned": 0,
        "other engine": 0,
        "different": len(expected),
    }
    assert f"{len(expected)} of {total} signals" in str(error)


def test_an_altered_number_of_a_signal_is_different(played):
    signal = played(30)[-1]
    Signal.objects.filter(pk=signal.pk).update(confidence=np.nextafter(signal.confidence, 2.0))
    _, named, error = verify_and_fail()
    assert named == {str(signal.pk)}
    assert error is not None


def test_pruned_candles_and_another_engine_are_counted_as_such_and_are_no_failure(played):
    played(60)
    other, pruned = (Signal.objects.filter(instrument__symbol=s) for s in ("AAAUSDT", "CCCUSDT"))
    other.update(scoring_version="other")
    Candle.objects.filter(series__instrument__symbol="CCCUSDT").delete()
    same = Signal.objects.filter(instrument__symbol="BBBUSDT").count()
    counts, named = verify()
    assert counts == {
        "compared": same,
        "identical": same,
        "pruned": pruned.count(),
        "other engine": other.count(),
        "different": 0,
    }
    assert min(counts["pruned"], counts["other engine"], same) > 0
    assert not named


def test_since_and_symbol_limit_what_is_compared(played):
    played(110)
    since = Signal.objects.filter(instrument__symbol="BBBUSDT").latest("seq").as_of
    later = Signal.objects.filter(as_of__gte=since)
    assert 0 < later.count() < Signal.objects.count()
    moment = datetime.fromtimestamp(since / 1000, UTC).isoformat()
    for text in (str(since), moment):
        assert verify(since=text)[0]["compared"] == later.count()
    own = Signal.objects.filter(instrument__symbol="BBBUSDT").count()
    assert verify(symbol="bbb/usdt")[0]["compared"] == own
    assert verify(symbol="BBBUSDT", since=str(since))[0]["compared"] == 1


@pytest.mark.parametrize("text", ["yesterday", "2024-13-01", "-1", ""])
def test_since_that_is_no_time_is_refused_by_name(play, text):
    with pytest.raises(CommandError, match=f"--since '{text}' must be ms since 1970 or an ISO-8601 time"):
        call_command("verify_parity", since=text, stdout=StringIO())


def test_symbol_without_signals_is_refused_by_name(play):
    play(1)
    with pytest.raises(CommandError, match="no signal of 'NONEUSDT'"):
        call_command("verify_parity", symbol="NONEUSDT", stdout=StringIO())
