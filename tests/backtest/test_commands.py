"""The commands: backtest, check_lookahead, check_warmup."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from backtest import honesty
from backtest.models import Backtest
from market.importing import imported_market, read_sound, store
from tests.playing import START, walk, write_csv

pytestmark = pytest.mark.django_db

HOUR = 3_600_000


@pytest.fixture
def file(tmp_path):
    return write_csv(tmp_path, "AAAUSDT", walk(1_200, seed=21, interval=HOUR), "1h")


@pytest.fixture
def imported(file):
    _, recording, _ = read_sound(file)
    list(store(imported_market(), "AAAUSDT", recording))


def backtest(*args, **options):
    out = StringIO()
    given = {"start_date": str(START + 300 * HOUR), "end_date": str(START + 1_200 * HOUR)} | options
    call_command("backtest", *(args or ("AAAUSDT",)), stdout=out, **given)
    return out.getvalue()


def check(name, *args, **options):
    out = StringIO()
    call_command(name, *args, stdout=out, **options)
    return out.getvalue()


def test_a_backtest_shows_its_statistics_and_its_last_trades_and_stores_nothing(imported):
    shown = backtest(preset="aggressive")
    assert "900 bars" in shown
    for word in ("sharpe", "max drawdown", "buy and hold return", "LONG", "signal", "imported candles"):
        assert word in shown
    assert not Backtest.objects.exists()


@pytest.mark.parametrize("ending", ["html", "png"])
def test_a_backtest_is_drawn_into_a_file(imported, tmp_path, ending):
    path = tmp_path / f"picture.{ending}"
    backtest(plot=path)
    begun = path.read_bytes()[:400]
    assert begun.startswith(b"\x89PNG") if ending == "png" else b"<svg" in begun


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        (("ZZZUSDT",), {}, "no 1h candles of ZZZUSDT"),
        ((), {"start_date": "2099-01-01"}, "end_date must be behind start_date"),
        ((), {"end_date": "2099-01-01"}, "imported has 2023-11-15 to 2024-01-04"),
        ((), {"timeframe": "1h,2h"}, "timeframes.1: "),
        ((), {"fee": 1.0}, "fee: "),
        ((), {"preset": "none_such"}, "there is no preset"),
        ((), {"plot": Path("a.pdf")}, "must end in .html or .png"),
    ],
)
def test_what_a_backtest_cannot_do_is_named(imported, args, options, message):
    with pytest.raises(CommandError, match=message):
        backtest(*args, **options)


def test_no_detector_and_no_preset_knows_the_future(file):
    assert "no score of the past depends on the future" in check("check_lookahead", file)


def test_a_detector_that_looks_one_bar_ahead_is_named_with_the_presets_that_use_it(file, monkeypatch):
    honest = honesty.history

    def planted(window, interval_ms):
        rows, evidence = honest(window, interval_ms)
        trend = np.append(evidence.score[0, 1:], evidence.score[0, -1:], axis=0)
        return rows, evidence._replace(score=np.concatenate([trend[None], evidence.score[1:]]))

    monkeypatch.setattr(honesty, "history", planted)
    with pytest.raises(CommandError, match="these know the future: trend, preset") as error:
        check("check_lookahead", file, preset=["balanced"])
    assert "momentum" not in str(error.value)


def test_presets_hardly_depend_on_where_their_window_begins(file):
    assert "depends on the window's start by more than 0.02" in check("check_warmup", file)
    with pytest.raises(CommandError, match=r"beyond 0\.0: preset"):
        check("check_warmup", file, tolerance=0.0)


@pytest.mark.parametrize("command", ["check_lookahead", "check_warmup"])
def test_files_and_presets_that_do_not_fit_are_named(command, file, tmp_path):
    short = write_csv(tmp_path, "BBBUSDT", walk(200, seed=22, interval=HOUR), "1h")
    with pytest.raises(CommandError, match="holds 200 bars"):
        check(command, short)
    with pytest.raises(CommandError, match="is no file"):
        check(command, tmp_path / "CCCUSDT-1h.csv")
    with pytest.raises(CommandError, match="a candle file is named"):
        check(command, tmp_path / "prices.txt")
    with pytest.raises(CommandError, match="there is no preset 'none_such'"):
        check(command, file, preset=["none_such"])
