"""Timeframes: their lengths, their anchored windows and their weight in a symbol's score."""

MINUTE_MS = 60_000

INTERVAL_MS = {
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "1d": 1440 * MINUTE_MS,
}

DEFAULT_TIMEFRAMES = ("5m", "15m", "1h")

# Longer timeframes are heavier: a day's structure outlives a minute's. Fixed, part of the scoring version.
WEIGHT = {"1m": 1.0, "5m": 2.0, "15m": 3.0, "30m": 4.0, "1h": 5.0, "4h": 6.0, "1d": 7.0}

WARM_UP_BARS = 512  # W: bars in front of a block, long enough for EMA 200 to forget where it began
BLOCK_BARS = 256  # K: bars that share one window start
MIN_BARS = 256  # fewer in the window: no score ("too_short")
WINDOW_BARS = WARM_UP_BARS + BLOCK_BARS - 1  # the longest window


def window_start(close_ms: int, interval_ms: int, first_open_ms: int) -> int:
    """Return the open time (ms) of the first bar in the window of the bar that closes at ``close_ms``.

    A pure function of its arguments, so a restarted process reads the same bars. The last bar of a block is
    the one that closes just before the next multiple of K intervals.
    """
    block = BLOCK_BARS * interval_ms
    anchor = close_ms // block * block
    return max(anchor - WARM_UP_BARS * interval_ms, first_open_ms)


def shares(timeframes: list[str]) -> dict[str, float]:
    """Return each timeframe's share u of the symbol's score, shortest first; they sum to 1."""
    ordered = sorted(timeframes, key=INTERVAL_MS.__getitem__)
    total = sum(WEIGHT[t] for t in ordered)
    return {t: WEIGHT[t] / total for t in ordered}
