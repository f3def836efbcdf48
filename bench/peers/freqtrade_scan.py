"""freqtrade's own way from candles to indicators: a strategy, one DataFrame for each pair. Runs in its environment."""

import sys

import freqtrade
import pandas as pd
import talib.abstract as ta
from freqtrade.enums import CandleType, RunMode
from freqtrade.strategy import IStrategy

from bench.market import COLUMNS, prices
from bench.peers.answer import answer


class TwentyTwo(IStrategy):
    """The 22 indicators that every peer computes, and one rule for entry and exit."""

    INTERFACE_VERSION = 3
    timeframe = "5m"
    minimal_roi = {"0": 10.0}
    stoploss = -0.5
    startup_candle_count = 200
    process_only_new_candles = True

    def populate_indicators(self, dataframe, metadata):
        frame = dataframe
        frame["rsi"] = ta.RSI(frame, timeperiod=14)
        macd = ta.MACD(frame, fastperiod=12, slowperiod=26, signalperiod=9)
        frame["macd"], frame["macd_signal"], frame["macd_hist"] = macd["macd"], macd["macdsignal"], macd["macdhist"]
        for period in (20, 50, 200):
            frame[f"ema_{period}"] = ta.EMA(frame, timeperiod=period)
        for name in ("ADX", "PLUS_DI", "MINUS_DI", "ATR", "MFI"):
            frame[name.lower()] = getattr(ta, name)(frame, timeperiod=14)
        bands = ta.BBANDS(frame, timeperiod=20, nbdevup=2.0, nbdevdn=2.0)
        frame["upper"], frame["middle"], frame["lower"] = bands["upperband"], bands["middleband"], bands["lowerband"]
        stochastic = ta.STOCHRSI(frame, timeperiod=14, fastk_period=14, fastd_period=3)
        frame["stoch_k"], frame["stoch_d"] = stochastic["fastk"], stochastic["fastd"]
        frame["obv"], frame["sar"] = ta.OBV(frame), ta.SAR(frame)
        frame["cci"] = ta.CCI(frame, timeperiod=20)
        frame["highest"] = ta.MAX(frame["high"], timeperiod=20)
        frame["lowest"] = ta.MIN(frame["low"], timeperiod=20)
        return frame

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[(dataframe["rsi"] < 30) & (dataframe["adx"] > 20), "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["rsi"] > 70, "exit_long"] = 1
        return dataframe


def main(count: int, lengths: list[int]) -> None:
    settings = {
        "stake_currency": "USDT",
        "timeframe": "5m",
        "dry_run": True,
        "runmode": RunMode.DRY_RUN,
        "candle_type_def": CandleType.SPOT,
        "exchange": {"name": "binance"},
    }
    strategy = TwentyTwo(settings)
    strategy.dp = None
    measures = {}
    for bars in lengths:
        dates = pd.date_range("2026-01-01", periods=bars, freq="5min", tz="UTC")
        frames = [
            pd.DataFrame({"date": dates, **dict(zip(COLUMNS[:5], series, strict=False))})
            for series in prices(count, bars)
        ]
        for name in ("analyze_ticker", "advise_indicators"):
            step = getattr(strategy, name)
            measures[f"{name} {bars}"] = lambda step=step, frames=frames: [
                step(frame.copy(), {"pair": f"A{i}/USDT"}).iloc[-1] for i, frame in enumerate(frames)
            ]
    answer({"freqtrade": freqtrade.__version__, "its pandas": pd.__version__}, measures)


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(n) for n in sys.argv[2:]])
