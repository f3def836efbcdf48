"""What counts as closed, as missing and as true, decided without any exchange."""

from collections import Counter

import pytest

from market.feeds.exchange.bars import NO_TAKER, Bar
from market.feeds.exchange.track import CONFIRMATIONS, SETTLE_MS, Track
from tests.playing import FIVE, START

NOW = START + 10 * FIVE + 1_000


def bar(number: int, closed: bool | None = True, price: float = 100.0) -> Bar:
    return Bar(START + number * FIVE, (price, price * 1.01, price * 0.99, price, 5.0, NO_TAKER), closed)


@pytest.fixture
def track() -> Track:
    made = Track("AAAUSDT", "5m", START, NOW, Counter())
    made.knows(START)
    return made


def end_of(number: int) -> int:
    return START + (number + 1) * FIVE


def test_a_flagged_bar_is_closed_by_its_flag_alone(track):
    assert track.live(bar(10, False), end_of(10) - 1) == []
    assert track.live(bar(10, True), end_of(10)) == [bar(10)]


def test_a_bar_without_a_flag_is_closed_by_the_first_frame_of_the_next(track):
    assert track.live(bar(10, None), NOW) == []
    assert track.live(bar(10, None, 101.0), NOW) == []
    assert track.live(bar(11, None), end_of(10) + 100) == [bar(10, None, 101.0)]


def test_a_bar_without_a_flag_is_closed_when_its_time_is_well_past_and_not_before(track):
    track.live(bar(10, None), NOW)
    assert track.passed(end_of(10) + SETTLE_MS - 1) == ([], [])
    assert track.passed(end_of(10) + SETTLE_MS) == ([bar(10, None)], [])


def test_an_unclosed_frame_of_a_flagged_series_never_becomes_a_bar(track):
    track.live(bar(10, False), NOW)
    closed, late = track.passed(end_of(10) + SETTLE_MS)
    assert closed == []
    assert [(s.start, s.end, s.reason) for s in late] == [(START + 10 * FIVE, START + 11 * FIVE, "missing")]
    assert track.due(end_of(10) + SETTLE_MS) is not None


def test_a_flag_before_the_bars_end_is_not_believed(track):
    assert track.live(bar(10, True), end_of(10) - 10_000) == []
    assert track.counts["half_formed"] == 1


def test_the_closing_frame_that_comes_behind_the_next_bar_still_counts(track):
    track.live(bar(11, False), end_of(10) + 10)
    assert track.live(bar(10), end_of(10) + 20) == [bar(10)]
    assert not track.gaps


def test_a_repetition_is_counted_and_a_correction_waits_for_a_second_reading(track):
    track.live(bar(10), end_of(10))
    assert track.live(bar(10), end_of(10) + 1) == []
    assert track.counts["duplicate"] == 1
    assert track.live(bar(10, True, 102.0), end_of(10) + 2) == []
    change = track.fetched(START + 10 * FIVE, START + 11 * FIVE, [bar(10, None, 102.0)], end_of(10) + SETTLE_MS)
    assert change.bars == [bar(10, None, 102.0)]
    assert not track.rechecks


def test_a_jump_counts_when_two_readings_agree_and_not_before(track):
    track.live(bar(10), end_of(10))
    assert track.live(bar(11, True, 140.0), end_of(11)) == []
    later = end_of(11) + SETTLE_MS
    assert track.fetched(START + 11 * FIVE, START + 12 * FIVE, [bar(11, None, 100.5)], later).bars == [
        bar(11, None, 100.5)
    ]
    assert track.live(bar(12, True, 150.0), end_of(12)) == []
    again = track.fetched(START + 12 * FIVE, START + 13 * FIVE, [bar(12, None, 150.0)], end_of(12) + SETTLE_MS)
    assert again.bars == [bar(12, None, 150.0)]


def ask(track: Track, numbers: list[int], now: int):
    """Answer a request for bars 3 to 8 with those numbered."""
    return track.fetched(START + 3 * FIVE, START + 9 * FIVE, [bar(n, None) for n in numbers], now)


def test_a_hole_is_the_exchanges_own_after_three_answers_with_bars_on_both_sides(track):
    track.want(START + 3 * FIVE, START + 8 * FIVE, NOW)
    for turn in range(1, CONFIRMATIONS + 1):
        change = ask(track, [3, 4, 8], NOW + turn)
        assert bool(change.holes) == (turn == CONFIRMATIONS)
    (hole,) = change.holes
    assert (hole.start, hole.end, hole.reason) == (START + 5 * FIVE, START + 8 * FIVE, "outage")
    assert not track.gaps


def test_an_empty_page_proves_no_hole_however_often_it_comes(track):
    track.want(START + 3 * FIVE, START + 8 * FIVE, NOW)
    for turn in range(20):
        assert ask(track, [], NOW + turn).holes == []
    assert track.gaps


def test_a_gap_that_was_asked_for_in_vain_is_not_asked_for_again_at_once(track):
    track.want(START + 3 * FIVE, START + 4 * FIVE, NOW)
    ask(track, [8], NOW)
    waits = []
    for moment in range(0, 120_000, 500):
        if track.due(NOW + moment):
            waits.append(moment)
            break
    assert waits and waits[0] >= 1_000


def test_once_it_answers_again_a_hole_is_confirmed_without_the_waits_of_the_failures_before(track):
    track.want(START + 3 * FIVE, START + 4 * FIVE, NOW)
    for _ in range(5):
        track.failed(track.gaps[0], NOW)
    ask(track, [8], NOW)
    assert track.gaps[0].due_at - NOW <= 60_000


def test_an_audit_reaches_back_to_a_bar_that_no_answer_has_held_yet(track):
    for number in range(10, 40):
        track.live(bar(number), end_of(number) + 100)
    now = end_of(39) + 5_000
    start, end = track.to_audit(900)
    assert (start, end) == (START + 10 * FIVE, START + 40 * FIVE)
    told = [bar(number) for number in range(10, 40) if number != 12]  # a row is missing
    track.fetched(start, end, told, now)
    assert track.to_audit(900)[0] == START + 12 * FIVE
    track.fetched(START + 12 * FIVE, end, [bar(12)], now)
    assert track.to_audit(900)[0] == START + 32 * FIVE


def test_an_answer_right_behind_the_close_does_not_count_as_the_bars_audit(track):
    for number in range(10, 40):
        track.live(bar(number), end_of(number) + 100)
        track.fetched(START + number * FIVE, end_of(number), [bar(number)], end_of(number) + 5_000)
    assert track.to_audit(900)[0] == START + 10 * FIVE


def test_a_jump_behind_a_hole_waits_for_a_second_reading_too(track):
    track.live(bar(10), end_of(10) + 100)
    track.live(bar(20, price=200.0), end_of(20) + 100)
    change = track.fetched(START + 20 * FIVE, end_of(20), [bar(20, price=200.0)], end_of(20) + 5_000)
    assert [one.values[0] for one in change.bars] == [200.0]
    assert track.counts["jump"] == 1
