"""``sentiment`` and ``news`` against a plain loop, at each close only what was known, and why they are silent."""

import hashlib
from math import log, sqrt
from statistics import fmean

import numpy as np
import pytest

from engine.bars import Bars, Span, mirror
from engine.detector_checks import sample_windows, tile_of, walk
from engine.detectors import REGISTRY
from engine.evidence import fold, fresh_state, history, scan
from engine.explain import reasons
from engine.side import HOUR_MS, ROWS, SideValues, at_closes, read_as
from engine.steps import said_of
from engine.timeframes import INTERVAL_MS

DAY = 24 * HOUR_MS
FIVE = INTERVAL_MS["5m"]
NOW = 40 * DAY + 3 * HOUR_MS
NAMES = list(REGISTRY)
PLACES = {name: NAMES.index(name) for name in ("sentiment", "news")}
BARS = walk(11, 400, first_open=NOW - 400 * FIVE)
EVERY = {"funding_rate": 8, "open_interest": 1, "long_short_ratio": 4}  # hours


def raw(seed=1, days=20):
    """Return stored values by kind: {kind: {time: value}}, every one known at its own time."""
    rng = np.random.default_rng(seed)
    drawn = {}
    for kind, hours in EVERY.items():
        times = range(NOW - days * DAY - 3 * HOUR_MS, NOW + 1, hours * HOUR_MS)
        wave = 0.2 * np.cumsum(rng.normal(size=len(times)))
        values = 0.0004 * np.tanh(wave) if kind == "funding_rate" else np.exp(wave)
        drawn[kind] = dict(zip(times, values.tolist(), strict=True))
    return drawn


def series(stored, known_after=0):
    return {
        kind: SideValues(
            np.array(sorted(values), dtype=np.int64),
            np.array(sorted(values), dtype=np.int64) + known_after,
            read_as(kind, [values[t] for t in sorted(values)]),
        )
        for kind, values in stored.items()
        if values
    }


def beside(stored, **kwargs):
    return BARS._replace(side=at_closes(series(stored, **kwargs), BARS.open_times + FIVE))


def said(window, name="sentiment"):
    """Return score, confidence and sentence of the window's last bar."""
    evidence = scan([window], explain=True)[0]
    at = PLACES[name]
    return evidence.score[at, 0, 0], evidence.confidence[at, 0, 0], reasons(said_of(evidence)[0])[at]


def reference(stored, close):
    """Return score and confidence at a close, by the page's formula, with a loop over stored values."""

    def newest(kind, at):
        return stored[kind][max(t for t in stored[kind] if t <= at)]

    def crowd(kind, least, read):
        grid = [close // (8 * HOUR_MS) * 8 * HOUR_MS - k * 8 * HOUR_MS for k in range(21)]
        week = [read(newest(kind, at)) for at in grid]
        deviation = sqrt(fmean([(x - fmean(week)) ** 2 for x in week]))
        z = (read(newest(kind, close)) - fmean(week)) / (deviation + least) / 2.0
        return -0.5 * z / (1.0 + abs(z)), read(newest(kind, close)) - fmean(week)

    funding, _ = crowd("funding_rate", 0.0001, float)
    ratio, _ = crowd("long_short_ratio", 0.05, log)
    _, growth = crowd("open_interest", 1.0, log)
    building = 0.5 * (1.0 + growth / 0.05 / (1.0 + abs(growth / 0.05)))
    return funding + ratio, abs(funding + ratio) / (abs(funding) + abs(ratio)) * building


def test_score_and_confidence_are_those_of_a_plain_loop_at_every_bar():
    stored = raw()
    indices, evidence = history(beside(stored), FIVE)
    at = PLACES["sentiment"]
    assert len(indices) > 100
    for row, bar in enumerate(indices):
        wanted = reference(stored, int(BARS.open_times[bar]) + FIVE)
        found = evidence.score[at, row, 0], evidence.confidence[at, row, 0]
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_a_crowd_of_buyers_is_bearish_and_a_crowd_of_sellers_bullish():
    for side, word in ((1.0, -1), (-1.0, 1)):
        stored = raw()
        for kind, size in (("funding_rate", 0.001), ("long_short_ratio", None)):
            newest = max(stored[kind])
            stored[kind][newest] = side * size if size else 20.0**side
        score, confidence, sentence = said(beside(stored))
        assert score * word > 0.4
        assert confidence > 0.0
        assert f"funding {0.1 * side:+.4f} % per 8 h" in sentence
        assert f"long/short {20.0**side:.2f}" in sentence


def test_more_open_interest_makes_it_surer_and_changes_no_score():
    scores, confidences = [], []
    for factor in (0.5, 1.0, 2.0):
        stored = raw()
        stored["open_interest"][max(stored["open_interest"])] *= factor
        score, confidence, _ = said(beside(stored))
        scores.append(score)
        confidences.append(confidence)
    assert len(set(scores)) == 1
    assert confidences == sorted(set(confidences))


def cut(values, older_than=None, newer_than=None):
    """Return the values without those of these hours before the last close: (from, to]."""
    return {t: v for t, v in values.items() if not (older_than <= (NOW - t) / HOUR_MS < newer_than)}


SILENT = {
    "missing": (lambda values: {}, "missing: no value of the last 8 days"),
    "ended long ago": (lambda values: cut(values, 0, 9 * 24), "missing: no value of the last 8 days"),
    "stale": (lambda values: cut(values, 0, 14), "stale: its newest value is"),
    "too short": (lambda values: cut(values, 5 * 24, 10**6), "too short: it reaches back"),
    "gapped": (lambda values: cut(values, 60, 90), "gapped:"),
}
PRINTED = {"funding_rate": "funding rate", "open_interest": "open interest", "long_short_ratio": "long/short ratio"}


@pytest.mark.parametrize("fault", SILENT)
@pytest.mark.parametrize("kind", EVERY)
def test_it_abstains_with_the_named_reason_and_the_others_evidence_stays(kind, fault):
    spoil, words = SILENT[fault]
    stored = raw()
    whole = scan([beside(stored)])[0]
    stored[kind] = spoil(stored[kind])
    score, confidence, sentence = said(beside(stored))
    assert (score, confidence) == (0.0, 0.0)
    assert sentence.startswith(f"stays silent: {PRINTED[kind]} is {words}")
    spoilt = scan([beside(stored)])[0]
    others = [i for i in range(len(NAMES)) if i != PLACES["sentiment"]]
    assert whole.confidence[PLACES["sentiment"]] > 0.0
    assert np.array_equal(spoilt.score[others], whole.score[others])
    assert np.array_equal(spoilt.confidence[others], whole.confidence[others])


@pytest.mark.parametrize(
    ("kind", "found", "limit"),
    [("funding_rate", "19.0 h", "12 h"), ("open_interest", "14.0 h", "6 h"), ("long_short_ratio", "15.0 h", "6 h")],
)  # fmt: skip
def test_stale_names_the_age_and_its_limit(kind, found, limit):
    stored = raw()
    stored[kind] = cut(stored[kind], 0, 14)
    sentence = said(beside(stored))[2]
    assert found in sentence
    assert f"{limit} is the limit" in sentence


def test_every_reason_for_silence_is_named_when_there_are_several():
    stored = raw()
    stored["funding_rate"], stored["open_interest"] = {}, cut(stored["open_interest"], 0, 14)
    sentence = said(beside(stored))[2]
    assert "funding rate is missing" in sentence
    assert "open interest is stale" in sentence


@pytest.mark.parametrize("kind", EVERY)
def test_a_value_later_than_the_close_changes_nothing(kind):
    stored = raw()
    before = said(beside(stored))
    stored[kind] = stored[kind] | {NOW + 1: 0.9, NOW + HOUR_MS: 0.9}
    assert said(beside(stored)) == before
    stored[kind][NOW] = 0.9  # at the close itself it is known
    assert said(beside(stored)) != before


def test_at_every_bar_the_future_may_be_cut_off():
    stored = raw()
    window = beside(stored)
    for bar in range(0, 400, 13):
        close = int(BARS.open_times[bar]) + FIVE
        known = {kind: {t: v for t, v in values.items() if t <= close} for kind, values in stored.items()}
        assert np.array_equal(at_closes(series(known), np.array([close]))[:, 0], window.side[:, bar])


def test_a_value_is_not_read_before_it_is_known():
    stored = raw()
    late = beside(stored, known_after=2 * HOUR_MS)
    for kind in EVERY:
        stored[kind] = {t: v for t, v in stored[kind].items() if t <= NOW - 2 * HOUR_MS}
    assert said(late) == said(beside(stored))


def test_values_that_no_bar_can_read_any_more_change_no_bit():
    stored = raw(days=20)
    recent = {kind: {t: v for t, v in values.items() if t > NOW - 8 * DAY} for kind, values in stored.items()}
    close = np.array([NOW])
    assert np.array_equal(at_closes(series(stored), close), at_closes(series(recent), close))


def test_live_scan_and_history_read_the_same_bits():
    window = beside(raw())
    indices, evidence = history(window, FIVE)
    for row in range(0, len(indices), 17):
        end = int(indices[row]) + 1
        live = window.between(0, int(BARS.open_times[end - 1]) + 1)
        live = live._replace(side=np.ascontiguousarray(live.side[:, -1:]))
        once = scan([live])[0]
        assert np.array_equal(once.score[:, 0, 0], evidence.score[:, row, 0])
        assert np.array_equal(once.confidence[:, 0, 0], evidence.confidence[:, row, 0])


def test_windows_with_and_without_anything_beside_them_share_a_tile():
    window, other = beside(raw()), walk(12, 300)
    mixed = scan([other, window, other.between(0, 280 * FIVE), BARS])
    for found, alone in zip(mixed, [other, window, other.between(0, 280 * FIVE), BARS], strict=True):
        assert np.array_equal(found.score, scan([alone])[0].score)
        assert np.array_equal(found.confidence, scan([alone])[0].confidence)


def test_mirrored_market_has_the_negated_score_bit_for_bit():
    tile = tile_of(sample_windows()[-2:])
    for name in PLACES:
        only = {name: REGISTRY[name]}
        upright, turned = (
            fold(bars, Span(0, 0, 255), fresh_state(2, only), detectors=only) for bars in (tile.bars, mirror(tile.bars))
        )
        assert (upright.confidence > 0.0).any()
        assert np.array_equal(turned.score, -upright.score)
        assert np.array_equal(turned.confidence, upright.confidence)


def test_mirror_keeps_open_interest_and_turns_funding_ratio_and_news():
    stored = raw()
    bars = Bars(*(np.zeros((1, 1)) for _ in range(6)), at_closes(series(stored), np.array([NOW])).T[:, None])
    change = mirror(bars).side[0, 0] / np.where(bars.side[0, 0] == 0.0, 1.0, bars.side[0, 0])
    assert change[:12].tolist() == [1, -1, -1, 1, 1, 1, 1, 1, 1, -1, -1, 1]


def test_digest_covers_what_lies_beside_and_a_window_without_it_keeps_its_own():
    stored = raw()
    bars = hashlib.blake2b(BARS.open_times.tobytes() + BARS.values.tobytes(), digest_size=16).hexdigest()
    assert BARS.digest() == beside({}).digest() == bars
    one = beside(stored).digest()
    stored["funding_rate"][max(stored["funding_rate"])] += 1e-9
    assert len({BARS.digest(), one, beside(stored).digest()}) == 3


def test_what_begins_later_leaves_an_earlier_window_without_anything_beside_it():
    later = {kind: {t + 2 * DAY: v for t, v in values.items() if t > NOW - DAY} for kind, values in raw().items()}
    assert beside(later).side is None


@pytest.mark.parametrize(("age", "confidence"), [(0, 1.0), (12, 0.5), (24, 0.0)])
def test_news_fades_within_a_day(age, confidence):
    score, sure, sentence = said(beside({"news": {NOW - age * HOUR_MS: -0.8}}), "news")
    assert score == -0.8
    assert sure == pytest.approx(confidence)
    assert f"{age:.1f} h ago score -0.80" in sentence


def test_news_abstains_without_a_source_and_when_it_is_stale():
    assert said(BARS, "news")[1:] == (
        0.0,
        "stays silent: no news source configured (0 scores stored of the last 8 days)",
    )
    score, sure, sentence = said(beside({"news": {NOW - 30 * HOUR_MS: 0.5}}), "news")
    assert (score, sure) == (0.0, 0.0)
    assert "stale: its newest value is 30.0 h old, 24 h is the limit" in sentence


def test_side_has_a_row_for_every_kind():
    assert beside(raw()).side.shape == (ROWS, len(BARS.open_times))
