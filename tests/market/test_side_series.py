"""Series beside the candles: what is stored, what is refused, and the detector reads what was stored."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from engine.detectors import REGISTRY
from engine.side import HOUR_MS, KINDS, SideValues, at_closes, read_as
from market import ingest, news, side
from market.models import Instrument, Market, Series, SideSeries, SideValue
from market.windows import Windows
from presets.services import active_version
from signals.scoring import components, score_symbols
from tests.playing import FIVE, START, walk

pytestmark = pytest.mark.django_db
BARS = 300
CLOSE = START + BARS * FIVE
EVERY = {"funding_rate": 8, "open_interest": 1, "long_short_ratio": 4}


@pytest.fixture
def instrument():
    market = Market.objects.create(key="test", source="test", position=CLOSE)
    return Instrument.objects.create(market=market, symbol="BTCUSDT")


@pytest.fixture
def series(instrument):
    one = Series.objects.create(instrument=instrument, timeframe="5m", first_open=START)
    ingest.store(instrument.market, [(one, walk(BARS, seed=1), [])])
    return one


def drawn(kind, until=CLOSE, seed=2):
    times = range(START - 10 * 24 * HOUR_MS, until + 1, EVERY[kind] * HOUR_MS)
    wave = 0.2 * np.cumsum(np.random.default_rng(seed).normal(size=len(times)))
    values = 0.0004 * np.tanh(wave) if kind == "funding_rate" else np.exp(wave)
    return [side.Arrival(t, v) for t, v in zip(times, values.tolist(), strict=True)]


def store_all(instrument, until=CLOSE):
    for kind in EVERY:
        assert side.store(instrument, kind, drawn(kind, until))["stored"] > 20


def score(series, windows=None, close=CLOSE):
    """Return the components of the series at a close by detector, and its digest."""
    windows = windows or Windows()
    windows.refresh([series], close)
    policy = active_version().policy()
    result = score_symbols([(series.instrument, close, [series])], ["5m"], policy, windows)[0].series["5m"]
    return {one["name"]: one for one in components(result)}, result.window.digest()


def test_series_stored_and_read_back_give_the_detectors_value(instrument, series):
    store_all(instrument)
    beside = {}
    for kind in EVERY:
        times = np.array([one.time for one in drawn(kind)])
        beside[kind] = SideValues(times, times, read_as(kind, [one.value for one in drawn(kind)]))
    known = at_closes(beside, np.array([CLOSE]))[:12, 0]
    readings = dict(zip(REGISTRY["sentiment"].readings, known.tolist(), strict=True))
    found = score(series)[0]["sentiment"]
    assert found["confidence"] > 0.0
    assert found["reason"] == REGISTRY["sentiment"].reason(readings)
    assert found["reason"].startswith("against the crowd: funding")


def test_without_series_both_abstain_and_say_why_and_the_digest_is_that_of_the_bars(instrument, series):
    found, digest = score(series)
    assert "funding rate is missing" in found["sentiment"]["reason"]
    assert "no news source configured" in found["news"]["reason"]
    assert found["sentiment"]["confidence"] == found["news"]["confidence"] == 0.0
    assert digest == walk(BARS, seed=1).digest()


def test_a_scanner_that_stays_and_one_that_starts_again_read_the_same(instrument, series):
    store_all(instrument, CLOSE - 30 * HOUR_MS)
    staying = Windows()
    for hours in (30, 20, 10, 1, 0):
        for kind in EVERY:
            side.store(instrument, kind, drawn(kind, CLOSE - hours * HOUR_MS))
        score(series, staying, CLOSE)
    assert score(series, staying) == score(series)
    assert score(series)[0]["sentiment"]["confidence"] > 0.0


def test_what_a_feed_brings_later_leaves_the_score_of_an_earlier_close(instrument, series):
    store_all(instrument, CLOSE - 2 * HOUR_MS)
    before = score(series)
    newer = [side.Arrival(CLOSE - HOUR_MS, 3.0)]
    assert side.store(instrument, "long_short_ratio", newer, known_at=CLOSE)["stored"] == 1
    assert score(series) == before
    ingest.store(instrument.market, [(series, walk(BARS + 1, seed=1), [])])
    assert "long/short 3.00" in score(series, close=CLOSE + FIVE)[0]["sentiment"]["reason"]


@pytest.mark.parametrize(
    ("kind", "value", "fault"),
    [
        *((kind, float("nan"), "out of range or no number") for kind in KINDS),
        *((kind, float("inf"), "out of range or no number") for kind in KINDS),
        ("funding_rate", 1.5, "out of range"),
        ("open_interest", 0.0, "out of range"),
        ("open_interest", -1.0, "out of range"),
        ("long_short_ratio", 0.0, "out of range"),
        ("news", -1.1, "out of range"),
    ],
)
def test_a_value_that_is_none_is_counted_and_left_out_and_the_rest_is_stored(instrument, kind, value, fault):
    good = 0.5
    counts = side.store(instrument, kind, [side.Arrival(START, value), side.Arrival(START + 1, good)])
    assert counts == {"stored": 1, f"{kind} is out of range or no number": 1}
    assert fault in f"{kind} is out of range or no number"
    assert list(SideValue.objects.values_list("time", "value")) == [(START + 1, good)]


def test_times_increase_and_what_is_stored_stays(instrument):
    first = [side.Arrival(START + k, 0.1 * k) for k in (1, 2, 4)]
    assert side.store(instrument, "news", first) == {"stored": 3}
    again = [*first[:2], side.Arrival(START + 3, 0.3), side.Arrival(START + 4, 0.9), side.Arrival(START + 5, 0.5)]
    counts = side.store(instrument, "news", again)
    assert counts == {
        "stored": 1, "stored before": 2, "time does not increase": 1, "another value is stored for this time": 1
    }  # fmt: skip
    assert dict(SideValue.objects.values_list("time", "value"))[START + 4] == 0.4


def test_a_value_of_the_future_and_a_time_before_all_times_are_refused(instrument):
    given = [side.Arrival(0, 0.1), side.Arrival(START + 1, 0.1)]
    counts = side.store(instrument, "news", given, known_at=START)
    assert counts == {"stored": 0, "time lies in the future": 1, "time is not above 0": 1}


def test_an_unknown_kind_is_refused_by_name(instrument):
    with pytest.raises(ValueError, match="'mood' is no kind of side series; known are funding_rate"):
        side.store(instrument, "mood", [])
    assert not SideSeries.objects.exists()


def test_kinds_of_the_model_are_those_of_the_engine():
    assert SideSeries.Kind.values == list(KINDS)


# Files


def imported(*paths):
    out = io.StringIO()
    call_command("import_side", *map(str, paths), stdout=out)
    return out.getvalue()


def test_a_file_is_stored_beside_the_imported_candles_and_once_only(tmp_path):
    path = tmp_path / "BTCUSDT-funding_rate.csv"
    path.write_text(f"time,value\n{START + 2},0.0002\n{START},0.0001\n{START + 1},nan\n")
    assert "stored 2\nBTCUSDT funding_rate: rejected 1: funding_rate is out of range" in imported(path)
    assert "stored 0" in imported(path)
    assert list(SideValue.objects.order_by("time").values_list("time", "known_at", "value")) == [
        (START, START, 0.0001), (START + 2, START + 2, 0.0002)
    ]  # fmt: skip
    assert SideSeries.objects.get().instrument.market.key == "imported"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("BTCUSDT-mood.csv", "time,value\n1,1\n", "named SYMBOL-kind"),
        ("BTCUSDT-news.csv", "time,score\n1,1\n", "column 'value' is missing"),
        ("BTCUSDT-news.csv", "time,value\n1,high\n", "cannot be read as csv"),
        ("BTCUSDT-news.parquet", "PAR0", "cannot be read as parquet"),
    ],
)
def test_a_file_that_is_no_side_series_is_refused_by_name_and_changes_nothing(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(CommandError, match=said) as error:
        imported(path)
    assert name in str(error.value)
    assert not SideSeries.objects.exists()


# News


def installed(monkeypatch, *functions):
    entries = [SimpleNamespace(name=f.__name__, value=f"package:{f.__name__}", load=lambda f=f: f) for f in functions]
    monkeypatch.setattr(news, "sources", lambda: entries)


def test_scores_of_every_source_are_stored_in_order_and_read_from_the_next_bar_on(instrument, series, monkeypatch):
    asked = []

    def wire(symbols, since, until):
        asked.append((symbols, since, until))
        yield news.NewsScore("BTCUSDT", until - HOUR_MS, 0.6)
        yield news.NewsScore("DOGEUSDT", until, 0.1)

    def paper(symbols, since, until):
        return [("BTCUSDT", until - 2 * HOUR_MS, -0.2)]

    installed(monkeypatch, wire, paper)
    before = score(series)
    assert news.collect(instrument.market, CLOSE) == {"stored": 2, "unknown symbol": 1}
    assert asked == [(["BTCUSDT"], CLOSE - 24 * HOUR_MS, CLOSE)]
    assert news.collect(instrument.market, CLOSE) == {"stored before": 2, "unknown symbol": 1}
    assert score(series) == before
    ingest.store(instrument.market, [(series, walk(BARS + 1, seed=1), [])])
    found = score(series, close=CLOSE + FIVE)[0]["news"]
    assert found["score"] == pytest.approx(0.8)
    assert "score +0.60" in found["reason"]


def test_a_source_that_fails_is_named_and_nothing_is_stored(instrument, monkeypatch):
    def sound(symbols, since, until):
        return [("BTCUSDT", until, 0.6)]

    def wrong(symbols, since, until):
        return [("BTCUSDT", "noon", 0.6)]

    installed(monkeypatch, sound, wrong)
    with pytest.raises(news.UnusableSource, match=r"entry point wrong = package:wrong: ValueError: .*noon"):
        news.collect(instrument.market, CLOSE)
    assert not SideValue.objects.exists()


def test_without_a_source_the_command_says_how_to_get_one():
    with pytest.raises(CommandError, match=r"no package has an entry point in 'realtime_agent\.news'"):
        call_command("collect_news")
