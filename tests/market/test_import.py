"""``manage.py import_candles``."""

import io

import pytest
from django.core.management import CommandError, call_command

from market.models import Candle, Hole, Instrument
from tests.playing import walk, without, write_csv

pytestmark = pytest.mark.django_db


def run(*paths):
    out = io.StringIO()
    call_command("import_candles", *map(str, paths), stdout=out)
    return out.getvalue()


def test_importing_a_file_twice_stores_it_once(tmp_path):
    path = write_csv(tmp_path, "AAAUSDT", without(walk(600, seed=1), [(300, 310)]))
    run(path)
    stored = list(Candle.objects.order_by("series", "open_time").values_list())
    run(path)
    assert list(Candle.objects.order_by("series", "open_time").values_list()) == stored
    assert Candle.objects.filter(series__timeframe="5m").count() == 590
    assert Hole.objects.filter(series__timeframe="5m").count() == 1


def test_an_import_counts_what_it_rejects_and_stores_the_rest(tmp_path):
    window = walk(100, seed=1)
    window.values[1, 5] = window.values[2, 5] * 0.5
    window.open_times[9] = window.open_times[8]
    text = run(write_csv(tmp_path, "AAAUSDT", window))
    assert "rejected 1: high is below open or close" in text
    assert "rejected 1: open_time repeats an earlier one" in text
    assert Candle.objects.filter(series__timeframe="5m").count() == 98


def test_imported_symbols_form_a_market_of_their_own(tmp_path):
    run(write_csv(tmp_path, "BTCUSDT", walk(300, seed=1)))
    assert Instrument.objects.get(symbol="BTCUSDT").market.source == "imported"


@pytest.mark.parametrize("name", ["btc.csv", "BTCUSDT-7m.csv", "x"])
def test_a_file_that_is_no_candle_file_is_refused_by_name(tmp_path, name):
    path = tmp_path / name
    path.write_text("x")
    with pytest.raises(CommandError, match="SYMBOL-interval"):
        run(path)
    assert not Candle.objects.exists()
