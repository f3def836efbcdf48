"""The 22 standard indicators as people compute them today: raw TA-Lib on numpy, and plain pandas on DataFrames."""

import numpy as np
import pandas as pd
import talib


def talib_22(opening, high, low, close, volume) -> list[float]:
    """Return the last value of each of the 22, of one series."""
    found = [talib.RSI(close, 14), *talib.MACD(close, 12, 26, 9)]
    found += [talib.EMA(close, n) for n in (20, 50, 200)]
    found += [f(high, low, close, 14) for f in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI, talib.ATR)]
    found += [*talib.BBANDS(close, 20, 2.0, 2.0), *talib.STOCHRSI(close, 14, 14, 3, 0)]
    found += [talib.OBV(close, volume), talib.MFI(high, low, close, volume, 14), talib.SAR(high, low, 0.02, 0.2)]
    found += [talib.CCI(high, low, close, 20), talib.MAX(high, 20), talib.MIN(low, 20)]
    return [float(values[-1]) for values in found]


def pandas_22(frame: pd.DataFrame) -> list[float]:
    """Return the last value of each of the 22 from a DataFrame, written as tutorials write them."""
    high, low, close, volume = (frame[name] for name in ("high", "low", "close", "volume"))

    def wilder(values: pd.Series) -> pd.Series:
        return values.ewm(alpha=1 / 14, adjust=False).mean()

    def ema(values: pd.Series, n: int) -> pd.Series:
        return values.ewm(span=n, adjust=False).mean()

    change = close.diff()
    gain, loss = wilder(change.clip(lower=0)), wilder(-change.clip(upper=0))
    rsi = 100 * gain / (gain + loss)
    macd = ema(close, 12) - ema(close, 26)
    signal = ema(macd, 9)
    before = close.shift()
    atr = wilder(pd.concat([high, before], axis=1).max(axis=1) - pd.concat([low, before], axis=1).min(axis=1))
    up, down = high.diff(), -low.diff()
    plus = 100 * wilder(up.where((up > down) & (up > 0), 0.0)) / atr
    minus = 100 * wilder(down.where((down > up) & (down > 0), 0.0)) / atr
    adx = wilder(100 * (plus - minus).abs() / (plus + minus))
    middle, width = close.rolling(20).mean(), 2 * close.rolling(20).std(ddof=0)
    lowest = rsi.rolling(14).min()
    stoch = 100 * (rsi - lowest) / (rsi.rolling(14).max() - lowest)
    obv = (np.sign(change).fillna(0) * volume).cumsum()
    typical = (high + low + close) / 3
    flow, move = typical * volume, typical.diff()
    bought, sold = flow.where(move > 0, 0.0).rolling(14).sum(), flow.where(move < 0, 0.0).rolling(14).sum()
    mean = typical.rolling(20).mean()
    spread = typical.rolling(20).apply(lambda x: np.abs(x - x.mean()).mean(), raw=True)
    found = [rsi, macd, signal, macd - signal, ema(close, 20), ema(close, 50), ema(close, 200), adx, plus, minus, atr]
    found += [
        middle + width,
        middle,
        middle - width,
        stoch,
        stoch.rolling(3).mean(),
        obv,
        100 * bought / (bought + sold),
    ]
    found += [(typical - mean) / (0.015 * spread), high.rolling(20).max(), low.rolling(20).min()]
    return [float(values.iloc[-1]) for values in found] + [_sar(high.to_numpy(), low.to_numpy())]


def _sar(high: np.ndarray, low: np.ndarray) -> float:
    """Return the last parabolic stop, by the loop that pandas users write as pandas has no way to say it."""
    rising, step, best, stop = True, 0.02, high[0], low[0]
    for i in range(1, len(high)):
        stop += step * (best - stop)
        if (low[i] < stop) if rising else (high[i] > stop):
            rising, stop, step = not rising, best, 0.02
            best = high[i] if rising else low[i]
        elif (high[i] > best) if rising else (low[i] < best):
            best, step = (high[i] if rising else low[i]), min(step + 0.02, 0.2)
    return float(stop)
