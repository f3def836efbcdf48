"""``check_detectors`` finds what is wrong with a detector that another package brings."""

import re
from importlib.metadata import EntryPoint, EntryPoints
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from engine import catalogue
from engine.bars import EPSILON
from engine.detector_checks import CHECKS
from engine.detectors.base import Detector
from engine.timeframes import MIN_BARS
from signals.management.commands.check_detectors import Command
from tests.playing import walk, write_csv


def fold(bars, shared, span, state, out):
    unit = shared.atr[span.emit :]
    body = (bars.close - bars.open)[span.emit :]
    out.score[:] = np.clip(np.divide(body, 4.0 * unit, out=np.zeros_like(unit), where=unit > EPSILON), -1.0, 1.0)
    out.confidence[:] = np.abs(out.score)
    if out.readings.shape[1]:
        out.readings[0] = 4.0 * out.score


def fold_of_the_next_bar(bars, shared, span, state, out):
    fold(bars, shared, span, state, out)
    following = np.minimum(np.arange(span.emit, len(bars.close)) + 1, len(bars.close) - 1)
    out.score[:] = np.sign(bars.close[following] - bars.close[span.emit :])


def reason(readings):
    return f"the body is {readings['body']:+.1f} ATR against 0" if readings["body"] else "no body: 0.0 ATR"


body = Detector("body", fold, 0, ("body",), reason, 20)
peeking = Detector("peeking", fold_of_the_next_bar, 0, ("body",), reason, 20)
trend = Detector("trend", fold, 0, ("body",), reason, 20)
no_detector = {"name": "no_detector"}


@pytest.fixture
def install(monkeypatch):
    """Return a function that lets another package bring this module's objects, each under a name."""

    def plant(**objects: str) -> None:
        found = EntryPoints(EntryPoint(name, value, catalogue.GROUP) for name, value in objects.items())
        monkeypatch.setattr(catalogue, "entry_points", found.select)

    return plant


HERE = "tests.engine.test_check_detectors"


def run(*arguments: str) -> tuple[dict[str, dict[str, str]], str, CommandError | None]:
    """Return what the table says of each detector and check, the whole output, and the failure."""
    out, error = StringIO(), None
    try:
        call_command("check_detectors", *arguments, stdout=out)
    except CommandError as raised:
        error = raised
    rows = re.findall(r"^│ (\w+) +│(.*)│$", out.getvalue(), re.MULTILINE)
    table = {name: dict(zip(CHECKS, [cell.strip() for cell in cells.split("│")], strict=True)) for name, cells in rows}
    return table, out.getvalue(), error


def test_detector_of_another_package_that_peeks_one_bar_ahead_fails_and_is_named(install):
    install(peeking=f"{HERE}:peeking", body=f"{HERE}:body")
    table, text, error = run("--only", "peeking")
    assert table["peeking"]["look-ahead"] == "FAIL"
    assert table["peeking"]["bounds"] == "ok"
    assert re.search(r"^peeking: look-ahead: without the bars after it: window \d+, bar \d+: score", text, re.MULTILINE)
    assert str(error).endswith("problems: peeking")


def test_honest_detector_of_another_package_passes_on_made_up_windows_and_on_a_file(install, tmp_path):
    install(body=f"{HERE}:body")
    file = write_csv(tmp_path, "AAAUSDT", walk(1200, seed=4))
    for arguments in ([], [str(file)]):
        table, _, error = run("--only", "body", *arguments)
        assert error is None
        assert table == {"body": dict.fromkeys(CHECKS, "ok")}


def test_fault_that_only_a_file_shows_is_found_in_the_file(install, tmp_path):
    """The last bar of the file has a volume that no made-up window has."""
    install(shy=f"{HERE}:shy")
    bars = walk(1200, seed=4)
    bars.values[4, -1] = 123_456_789.0
    assert run("--only", "shy")[2] is None
    table, text, error = run("--only", "shy", str(write_csv(tmp_path, "AAAUSDT", bars)))
    assert error is not None
    assert table["shy"]["bounds"] == "FAIL"
    assert "bar 766: confidence 1.5 is not within 0..1" in text


def fold_that_fears_a_volume(bars, shared, span, state, out):
    fold(bars, shared, span, state, out)
    out.confidence[bars.volume[span.emit :] == 123_456_789.0] = 1.5


shy = Detector("shy", fold_that_fears_a_volume, 0, ("body",), reason, 20)


def test_every_installed_detector_is_checked_ours_first(install):
    install(peeking=f"{HERE}:peeking", body=f"{HERE}:body")
    assert list(Command()._detectors(None)) == [*catalogue.BUILT_IN, "body", "peeking"]


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("body", "nowhere_at_all:DETECTOR", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("body", f"{HERE}:absent", "AttributeError"),
        ("body", f"{HERE}:no_detector", "is no engine.detectors.base.Detector but {'name': 'no_detector'}"),
        ("bodies", f"{HERE}:body", "the detector calls itself 'body'"),
        ("trend", f"{HERE}:trend", "there is a detector of this name already"),
    ],
)
def test_entry_point_that_gives_no_detector_is_named_with_what_is_wrong(install, name, value, fault):
    install(**{name: value})
    _, _, error = run()
    assert str(error).startswith(f"entry point {name} = {value}: ")
    assert fault in str(error)


@pytest.mark.candles
def test_mean_reversion_gives_a_cci_of_nothing_but_rounding_to_no_side(candles_dir):
    """In a window of this file one bar's typical price is its mean of 20 bars to the last digits."""
    table, text, _ = run("--only", "mean_reversion", str(candles_dir / "NEARUSDT-PERP-1m.parquet"))
    assert table == {"mean_reversion": dict.fromkeys(CHECKS, "ok")}, text


def test_file_that_cannot_be_checked_is_refused_with_the_reason(tmp_path):
    short = write_csv(tmp_path, "AAAUSDT", walk(MIN_BARS - 1, seed=4))
    wrong = tmp_path / "candles.csv"
    wrong.write_text("")
    for path, fault in [
        (short, f"holds 255 bars, a check needs {MIN_BARS}"),
        (wrong, "a candle file is named SYMBOL-interval.parquet or .csv"),
        (tmp_path / "none.csv", "is no file"),
    ]:
        assert fault in str(run(str(path))[2])


def test_unknown_name_is_refused_with_those_that_are_known():
    assert "'moon' is no detector; known are trend, momentum" in str(run("--only", "moon")[2])
