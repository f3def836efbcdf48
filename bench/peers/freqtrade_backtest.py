"""freqtrade's backtest on the rule of ``bench.rule``: its own loop, from analysed candles. Runs in its environment.

Offline: what it would ask the exchange for is answered here. It knows no slippage; fee and slippage are one fee.
"""

import logging
import sys
import tempfile
from pathlib import Path
from unittest.mock import MagicMock, PropertyMock, patch

import freqtrade
import pandas as pd
from freqtrade.enums import CandleType, MarginMode, RunMode, TradingMode
from freqtrade.exchange import Exchange
from freqtrade.exchange.binance import Binance
from freqtrade.optimize.backtesting import Backtesting
from freqtrade.resolvers import ExchangeResolver

from bench.market import prices
from bench.peers.answer import answer
from bench.rule import CAPITAL, FEE, SLIPPAGE, switches

PAIR = "A/USDT"
STRATEGY = """
from freqtrade.strategy import IStrategy

class Switching(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {"0": 1000}
    stoploss = -0.99
    use_exit_signal = True
    startup_candle_count = 0

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["side"] == 1, "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["side"] == 0, "exit_long"] = 1
        return dataframe
"""
MARKET = {
    "id": "AUSDT", "symbol": PAIR, "base": "A", "quote": "USDT", "active": True, "spot": True, "margin": False,
    "swap": False, "future": False, "linear": None, "type": "spot", "contractSize": None, "taker": FEE, "maker": FEE,
    "precision": {"price": 1e-8, "amount": 1e-8}, "info": {},
    "limits": {
        "amount": {"min": 1e-8, "max": 1e15}, "cost": {"min": 1e-8, "max": None},
        "price": {"min": None, "max": None}, "leverage": {"min": None, "max": None},
    },
}  # fmt: skip


def settings(folder: Path) -> dict[str, object]:
    prices_of_orders = {"price_side": "same", "use_order_book": False}
    return {
        "stake_currency": "USDT", "stake_amount": "unlimited", "tradable_balance_ratio": 0.99, "dry_run": True,
        "dry_run_wallet": CAPITAL, "timeframe": "1m", "max_open_trades": 1, "fee": FEE + SLIPPAGE, "datadir": folder,
        "user_data_dir": folder, "exportdirectory": folder, "exportfilename": folder, "runmode": RunMode.BACKTEST,
        "trading_mode": TradingMode.SPOT, "margin_mode": MarginMode.NONE, "candle_type_def": CandleType.SPOT,
        "exchange": {"name": "binance", "key": "", "secret": "", "pair_whitelist": [PAIR], "pair_blacklist": []},
        "pairlists": [{"method": "StaticPairList"}], "strategy": "Switching", "strategy_path": str(folder),
        "entry_pricing": prices_of_orders, "exit_pricing": prices_of_orders, "dataformat_ohlcv": "feather",
        "export": "none", "backtest_cache": "none", "internals": {}, "unfilledtimeout": {"entry": 10, "exit": 10},
        "cancel_open_orders_on_exit": False, "enable_protections": False, "position_stacking": False,
    }  # fmt: skip


def answer_for_the_exchange() -> None:
    markets = {PAIR: MARKET}

    def load(self: Exchange, *args: object, **options: object) -> None:
        self._markets = markets

    patch.object(Exchange, "reload_markets", load).start()
    for name, value in (("markets", markets), ("precisionMode", 4), ("precision_mode_price", 4)):
        patch.object(Exchange, name, new_callable=PropertyMock(return_value=value)).start()
    for name in ("validate_config", "validate_timeframes", "ws_connection_reset"):
        patch.object(Exchange, name, MagicMock()).start()
    patch.object(Exchange, "_load_async_markets", MagicMock(return_value=markets)).start()
    patch.object(Binance, "additional_exchange_init", MagicMock()).start()


def main(bars: int) -> None:
    logging.disable(logging.WARNING)
    values = prices(1, 500_000)[0][:, :bars]
    at, sides = switches(values[3])
    dates = pd.date_range("2025-01-01", periods=bars, freq="1min", tz="UTC")
    frame = pd.DataFrame({"date": dates, **dict(zip(("open", "high", "low", "close", "volume"), values, strict=False))})
    frame["side"] = -1
    frame.loc[at, "side"] = sides
    answer_for_the_exchange()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "switching.py").write_text(STRATEGY)
        given = settings(folder)
        test = Backtesting(given, ExchangeResolver.load_exchange(given, validate=False, load_leverage_tiers=False))
        strategy = test.strategylist[0]
        test._set_strategy(strategy)

        def run() -> pd.DataFrame:
            analysed = strategy.advise_all_indicators({PAIR: frame.copy()})
            first, last = dates[0].to_pydatetime(), dates[-1].to_pydatetime()
            return test.backtest(processed=analysed, start_date=first, end_date=last)["results"]

        trades = run()
        facts = [(one.open_date - dates[0]).total_seconds() / 60.0 for one in trades.itertuples()]
        answer({"freqtrade": freqtrade.__version__, "facts": facts}, {"run": run})


if __name__ == "__main__":
    main(int(sys.argv[1]))
