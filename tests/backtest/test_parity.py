"""What live stored and what a backtest of the same bars says are the same signals and entries, bit for bit."""

import os

import numpy as np
import pytest

from agent import services
from agent.runner import MarketRunner
from backtest import history as history_module
from backtest.candles import StoredCandles
from backtest.running import Spec, run
from engine.plan import NO_STOP, Terms, intent_of
from engine.rules import BECAUSE, CALLS, LEANS, Rules
from engine.simulation import Costs, Orders, simulate
from engine.timeframes import INTERVAL_MS
from market.feeds import current_market
from market.models import Market
from presets.services import active_version
from signals.models import Signal
from signals.publish import mark_published
from tests.conftest import replay_settings
from tests.playing import FIVE, START, walk, without, write_csv

pytestmark = pytest.mark.django_db

PLAIN = Terms(stop=NO_STOP, target_r=0.0, risk=0.0, max_share=0.1)
COSTS = Costs(0.0005, 0.001)
TEN = [f"{name}USDT" for name in ("AVAX", "BTC", "DOGE", "ETH", "LINK", "LTC", "NEAR", "SOL", "TRX", "XRP")]
MARCH = 1_709_251_200_000  # 2024-03-01


def play(timeframes, until, rules=None, **config):
    """Play the configured market to ``until`` as the agent does; return where it began."""
    services.configure({"timeframes": timeframes, "rules": rules or {}, **config})
    runner = MarketRunner(current_market())
    start = runner.market.position
    while Market.objects.get().position < until:
        mark_published(runner.step().signals)
    return start


def backtest(timeframes, start, end, rules=None, scan_interval_ms=30_000):
    market, policy = Market.objects.get(), active_version().policy()
    symbols = tuple(i.symbol for i in services.watchlist(services.agent_state(), market))
    spec = Spec(
        symbols, tuple(timeframes), start, end, policy, Rules(**rules or {}), PLAIN, COSTS, 10_000.0, scan_interval_ms
    )
    return run(spec, StoredCandles(market))


def emitted(result):
    """The backtest's signals, by symbol and time, in the words of the signal table."""
    rows = []
    for one in result.symbols:
        for row in zip(*one.decisions.signals(), strict=True):
            as_of, score, confidence, consensus, lean, call, code = row[:7]
            rows.append((one.name, int(as_of), score, confidence, consensus, int(lean), int(call), BECAUSE[code]))
    return rows


def stored():
    rows = []
    for s in Signal.objects.select_related("instrument").order_by("instrument__symbol", "seq"):
        words = LEANS[s.direction], CALLS[s.advice], s.because
        rows.append((s.instrument.symbol, s.as_of, s.score, s.confidence, s.consensus, *words))
    return rows


def traded_live(result):
    """The trades that the stored signals lead to on the backtest's prices."""
    column = {one.name: i for i, one in enumerate(result.symbols)}
    interval = INTERVAL_MS[result.spec.base]
    given = sorted(
        (np.searchsorted(result.times, s.as_of - interval, "right") - 1, column[s.instrument.symbol], s)
        for s in Signal.objects.select_related("instrument").order_by("pk")
    )
    bars, symbols, signals = zip(*given, strict=True)
    intents = np.array([intent_of(s.advice, s.direction) for s in signals])
    none = np.full(len(given), np.nan)
    orders = Orders(np.array(bars), np.array(symbols), intents, none, none, none)
    return simulate(result.prices, orders, 10_000.0, COSTS, PLAIN)


def require_parity(result, fewest):
    assert len(stored()) >= fewest, len(stored())
    assert emitted(result) == stored()
    live = traded_live(result)
    for ours, theirs in zip(result.simulation.trades, live.trades, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(result.simulation.equity, live.equity)


@pytest.mark.parametrize("timeframes", [["5m"], ["5m", "15m", "1h"]])
@pytest.mark.parametrize(
    ("rules", "scan_interval_ms"),
    [({}, 30_000), ({"hysteresis": 0.01, "step": 0.05, "cooldown_s": 0.0}, 420_000)],
)
def test_a_replay_and_a_backtest_give_the_same_signals_and_entries(replay, timeframes, rules, scan_interval_ms):
    until = START + 3_370 * FIVE
    start = play(timeframes, until, rules, scan_interval_ms=scan_interval_ms)
    result = backtest(timeframes, start, until, rules, scan_interval_ms)
    require_parity(result, fewest=10)


def test_holes_outages_and_a_series_that_ends_take_the_same_scores_away_from_both(settings, tmp_path):
    write_csv(tmp_path, "AAAUSDT", without(walk(3_500, seed=7), [(3_260, 3_262), (3_270, 3_290), (3_470, 3_471)]))
    write_csv(tmp_path, "BBBUSDT", walk(3_400, seed=8))
    for name, value in replay_settings(tmp_path).items():
        setattr(settings, name, value)
    until = START + 3_480 * FIVE
    start = play(["5m", "15m", "1h"], until, {"cooldown_s": 0.0, "step": 0.05})
    result = backtest(["5m", "15m", "1h"], start, until, {"cooldown_s": 0.0, "step": 0.05})
    require_parity(result, fewest=20)
    assert any((one.decisions.code < 0).any() for one in result.symbols)


def test_one_planted_bar_of_look_ahead_breaks_parity(replay, monkeypatch):
    until = START + 3_370 * FIVE
    start = play(["5m"], until)
    honest = history_module.score_series

    def one_bar_early(*args):
        scores = honest(*args)
        return scores._replace(score=np.append(scores.score[1:], np.nan))

    require_parity(backtest(["5m"], start, until), fewest=5)
    monkeypatch.setattr(history_module, "score_series", one_bar_early)
    assert emitted(backtest(["5m"], start, until)) != stored()


@pytest.mark.candles
@pytest.mark.parametrize(("timeframes", "hours"), [(["1h"], 48), (["5m", "15m", "1h"], 4)])
def test_days_of_ten_symbols_give_the_same_signals_live_and_in_a_backtest(
    candles_dir, tmp_path, settings, timeframes, hours
):
    """PARITY_DAYS=31 plays the whole month; on three timeframes it takes some minutes."""
    hours = max(hours, 24 * int(os.environ.get("PARITY_DAYS", "0")))
    for symbol in TEN:
        name = f"{symbol}-{timeframes[0]}.parquet"
        (tmp_path / name).symlink_to(candles_dir / name)
    settings.MARKET_SOURCE, settings.REPLAY_SYMBOLS = f"replay:{tmp_path}", []
    settings.REPLAY_START, settings.REPLAY_SPEED = MARCH, 0.0
    until = MARCH + hours * INTERVAL_MS["1h"]
    start = play(timeframes, until)
    require_parity(backtest(timeframes, start, until), fewest=hours // 2)
