"""Walk-forward: what is judged was not learned from, luck is told from skill, and only an edge is saved."""

from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from backtest.found import keep
from backtest.models import WalkForward
from backtest.significance import Entries, against_random, deflated_sharpe, shifted_r
from backtest.walk_forward import report, walk
from backtest.windows import folds
from engine.window import Window
from presets.models import WeightPreset
from presets.services import PresetProtected
from tests.studies.worlds import BARS, HOUR, Given, noise, planted, study_of, walked

DAY = 24 * HOUR


@pytest.mark.parametrize("anchored", [False, True])
def test_tests_follow_each_other_and_no_training_reaches_into_one(anchored):
    found = list(folds(0, 100 * DAY, 30 * DAY, 10 * DAY, 2 * DAY, anchored))
    assert len(found) == 7
    for before, after in pairwise(found):
        assert after.test_start == before.test_end
    for fold in found:
        assert fold.test_start - fold.train_end == 2 * DAY
        assert (fold.train_start == 0) if anchored else (fold.train_end - fold.train_start == 30 * DAY)
    assert found[-1].test_end == 100 * DAY


def test_a_range_too_short_and_a_gap_within_the_horizon_are_refused():
    with pytest.raises(ValueError, match="too short"):
        list(folds(0, 30 * DAY, 30 * DAY, 10 * DAY, 0, False))
    with pytest.raises(ValueError, match="gap must be above the horizon of 24 bars, was 24"):
        walked(noise(1), 1, gap=24)


def test_the_deflated_sharpe_is_that_of_the_paper():
    year = sqrt(250)
    assert deflated_sharpe(2.5 / year, 1250, -3.0, 10.0, 100, sqrt(0.5) / year) == pytest.approx(0.9004, abs=2e-4)
    assert deflated_sharpe(0.1, 100, 0.0, 3.0, 1, 0.0) > deflated_sharpe(0.1, 100, 0.0, 3.0, 1000, 0.1)


def entries(skill, seed=0, bars=400):
    generator = np.random.default_rng(seed)
    side = np.zeros((2, bars), np.int8)
    side[:, ::5] = generator.choice([-1, 1], (2, bars // 5))
    gain = generator.standard_normal((2, bars))
    r = np.stack([gain, -gain], axis=1)
    r[:, 0] += skill * (side > 0)
    r[:, 1] += skill * (side < 0)
    last = np.broadcast_to(np.arange(bars) + 2, (2, 2, bars)).copy()
    return Entries(side, r, last)


def test_skill_is_told_from_luck_and_no_p_is_zero():
    generator = np.random.default_rng(1)
    assert against_random([entries(1.0)], 199, generator).p == pytest.approx(1 / 200)
    assert np.mean([against_random([entries(0.0, seed)], 99, generator).p <= 0.05 for seed in range(60)]) <= 0.15


def test_trades_of_one_symbol_never_overlap():
    side = np.ones((1, 10), np.int8)
    r = np.ones((1, 2, 10))
    last = np.full((1, 2, 10), 4)
    last[:, :, 4:] = 10
    assert shifted_r(side, r, last, 0) == (2, 2.0)  # at 0, and where that ended


def test_what_lies_behind_a_test_changes_nothing_of_it():
    window = noise(5)
    cut = 4000
    values = window.values.copy()
    values[:, cut:] = noise(6).values[:, cut:]
    other = Window(window.open_times, values)
    until = int(window.open_times[cut]) - 30 * HOUR  # what is entered later is followed into the other future
    ours, theirs = (
        [step for step in walked(w, 5, trials=60, draws=10).steps if step.fold.test_end <= until]
        for w in (window, other)
    )
    assert len(ours) == len(theirs) > 2
    for a, b in zip(ours, theirs, strict=True):
        assert a.found.weights == b.found.weights
        assert np.array_equal(a.entries.side, b.entries.side)


def test_a_symbol_takes_part_only_while_it_is_listed():
    late, gone = noise(1), noise(2)
    windows = {
        "AAAUSDT": noise(3),
        "LATEUSDT": late.between(int(late.open_times[2500]), 2**53),
        "GONEUSDT": gone.between(0, int(gone.open_times[3200])),
    }
    steps = walk(study_of(list(windows), trials=60, draws=10), Given(windows)).steps
    members = [set(step.members) for step in steps]
    assert all("AAAUSDT" in part for part in members)
    assert "LATEUSDT" not in members[0]
    assert "LATEUSDT" in members[-1]
    assert "GONEUSDT" in members[0]
    assert "GONEUSDT" not in members[-1]


@pytest.fixture(scope="module")
def with_edge():
    return report(walked(planted(3), 3))


@pytest.mark.django_db
def test_a_preset_is_saved_with_its_report_only_where_there_is_an_edge(with_edge, api):
    assert with_edge["edge"]
    kept = keep(with_edge, "given", "found", by=None)
    version = WeightPreset.objects.get(name="found").newest()
    assert kept.preset_version == version
    assert version.act == with_edge["final"]["act"]
    assert version.weights == with_edge["final"]["weights"]
    none = keep(with_edge | {"edge": False, "verdict": "no edge found: …"}, "given", "other", by=None)
    assert none.preset_version is None
    assert not WeightPreset.objects.filter(name="other").exists()
    rows = api.get("/api/backtest/walk-forwards").json()["results"]
    assert [row["preset"] for row in rows] in ([None, "found"], ["found", None])
    detail = api.get(f"/api/backtest/walk-forwards/{kept.pk}").json()
    assert detail["report"]["out_of_sample"]["p"] <= 0.05
    assert api.get("/api/backtest/walk-forwards/999999").status_code == 404


@pytest.mark.django_db
def test_a_default_preset_is_never_overwritten(with_edge):
    with pytest.raises(PresetProtected):
        keep(with_edge, "given", "balanced", by=None)
    assert not WalkForward.objects.exists()


def test_the_report_counts_what_was_traded(with_edge):
    told = with_edge["out_of_sample"]
    assert told["trades"] == sum(window["trades"] for window in with_edge["windows"])
    assert 0 <= told["hits"] <= told["trades"]
    assert len(with_edge["windows"]) == (BARS - 2025) // 500 + 1
    assert 0.0 < with_edge["stability"] <= 1.0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--from", "2024-03-01", "--to", "2024-02-01"], "--to must be behind --from"),
        (["--from", "x", "--to", "2024-02-01"], "--from: must be"),
        (["--from", "2024-01-01", "--to", "2024-02-01", "--trials", "0"], "--trials must be"),
        (["--from", "2024-01-01", "--to", "2024-02-01", "--fee", "1"], "--fee must be"),
        (["--from", "2024-01-01", "--to", "2024-02-01", "--save", "a b"], "--save: a name is"),
        (["--from", "2024-01-01", "--to", "2024-02-01", "--folder", "/nowhere"], "--folder: there is no folder"),
        (["--from", "2024-01-01", "--to", "2024-02-01"], "NONEUSDT"),
    ],
)
def test_a_bad_request_is_refused_by_name_and_keeps_nothing(replay, options, text):
    with pytest.raises(CommandError, match=text):
        call_command("walk_forward", "NONEUSDT", *options)
    assert not WalkForward.objects.exists()
