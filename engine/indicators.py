"""Textbook indicators on a tile of log prices, one kernel each.

Every kernel works on arrays (time, lane), walks time once and all lanes at each row, and computes rows
``span.first`` onwards of its result; what it must remember from earlier rows lies in ``state`` (k, lane). A whole
window, one new bar and a block of history therefore take the same path and give the same bits. Rows before an
indicator's warm-up hold its running value, not NaN: nothing is scored before bar 256.

Seeds follow TA-Lib: a moving average starts as the plain mean of its first n values. Written as a weight per bar
(1/1, 1/2 … 1/n, then the constant), start and recursion are one branch-free step.
"""

import numpy as np

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.jit import formula, kernel
from engine.lanes import blank, copy_row


@formula
def ema_weight(age, n):
    """Return the weight of the newest value of an EMA over ``n`` that is ``age`` bars old."""
    return 1.0 if age < 0 else (1.0 / (age + 1) if age < n else 2.0 / (n + 1))


@formula
def wilder_weight(age, n):
    """Return the weight of the newest value of Wilder's average over ``n`` that is ``age`` bars old."""
    return 1.0 if age < 0 else (1.0 / (age + 1) if age < n else 1.0 / n)


@formula
def squash(x):
    """Return x / (1 + |x|): odd, strictly increasing, -1..1."""
    return x / (1.0 + abs(x))


@formula
def clip(x, low, high):
    return min(max(x, low), high)


@formula
def side(difference):
    """Return the sign of a difference of logs, 0 below EPSILON: a tie is nobody's."""
    return 1.0 if difference > EPSILON else (-1.0 if difference < -EPSILON else 0.0)


@formula
def since(span, look_back):
    """Return the first row to compute of something that depends on at most ``look_back`` bars before its own.

    What has a bounded memory is not folded from the window's start: only from there is it needed for what is emitted.
    """
    return max(span.first, span.emit - look_back)


@kernel
def ema(x: FloatArray, n: int, start: int, span: Span, state: FloatArray) -> FloatArray:
    """Return the exponential moving average of ``x``, begun at window position ``start``. state: 1 row."""
    out = np.empty_like(x)
    for row in range(span.first, x.shape[0]):
        move_ema(x[row], ema_weight(span.origin + row - start, n), state[0])
        copy_row(state[0], out[row])
    return out


@formula
def move_ema(x, weight, value):
    """Move an average (lane,) to one more bar."""
    for lane in range(value.size):
        value[lane] += weight * (x[lane] - value[lane])


MACD_STATE = 3


@kernel
def macd_histogram(close: FloatArray, span: Span, state: FloatArray) -> FloatArray:
    """Return the histogram of MACD 12/26/9 (line minus signal) on the emitted rows. G. Appel, 1979.

    Warm from bar 34. state: 3 rows.
    """
    out = np.empty_like(close)
    fast, slow, signal = state[0], state[1], state[2]
    for row in range(span.first, close.shape[0]):
        t = span.origin + row
        # As in TA-Lib the fast average is seeded on the 12 bars that end where the slow one is ready.
        weights = ema_weight(t - 14, 12), ema_weight(t, 26), ema_weight(t - 25, 9)
        for lane in range(close.shape[1]):
            fast[lane] += weights[0] * (close[row, lane] - fast[lane])
            slow[lane] += weights[1] * (close[row, lane] - slow[lane])
            signal[lane] += weights[2] * ((fast[lane] - slow[lane]) - signal[lane])
        if row >= span.emit:
            for lane in range(close.shape[1]):
                out[row, lane] = (fast[lane] - slow[lane]) - signal[lane]
    return out


RSI_STATE = 2
STOCHASTIC_BARS, STOCHASTIC_SMOOTHING = 14, 3
STOCHASTIC_STATE = STOCHASTIC_BARS + STOCHASTIC_SMOOTHING


@kernel
def centred_rsi(close: FloatArray, n: int, span: Span, state: FloatArray) -> FloatArray:
    """Return (gain - loss) / (gain + loss) of Wilder's averages, -1..1; RSI = 50 + 50 x. 0 where nothing moved.

    On the emitted rows and those that a stochastic of them reads. Warm from bar n + 1. state: 2 rows.
    J. W. Wilder, "New Concepts in Technical Trading Systems", 1978.
    """
    out = blank(close, 0, 1)
    gain, loss = state[0], state[1]
    for row in range(max(span.first, 1), close.shape[0]):
        weight = wilder_weight(span.origin + row - 1, n)
        for lane in range(close.shape[1]):
            change = close[row, lane] - close[row - 1, lane]
            gain[lane] += weight * (max(change, 0.0) - gain[lane])
            loss[lane] += weight * (max(-change, 0.0) - loss[lane])
        if row >= since(span, STOCHASTIC_STATE):
            for lane in range(close.shape[1]):
                moved = gain[lane] + loss[lane]
                out[row, lane] = (gain[lane] - loss[lane]) / moved if moved > EPSILON else 0.0
    return out


@kernel
def centred_stochastic(x: FloatArray, span: Span, state: FloatArray) -> FloatArray:
    """Return slow %D (14, 3) of ``x`` on -1..1; 0 where the range is flat.

    With the RSI as ``x`` this is StochRSI: T. Chande and S. Kroll, "The New Technical Trader", 1994.
    Computed for the emitted rows. state: 17 rows, rings of the last 14 values and the last 3 of %K.
    """
    out = np.empty_like(x)
    lanes = x.shape[1]
    values, recent = state[:STOCHASTIC_BARS], state[STOCHASTIC_BARS:]
    for row in range(since(span, STOCHASTIC_STATE), x.shape[0]):
        t = span.origin + row
        values[t % STOCHASTIC_BARS] = x[row]
        if row < span.emit - STOCHASTIC_SMOOTHING + 1:
            continue
        newest = recent[t % STOCHASTIC_SMOOTHING]
        for lane in range(lanes):
            lowest = highest = x[row, lane]
            for k in range(STOCHASTIC_BARS):  # a constant: unrolled, so that the lanes run in SIMD
                lowest = min(lowest, values[k, lane])
                highest = max(highest, values[k, lane])
            width = highest - lowest
            above, below = x[row, lane] - lowest, highest - x[row, lane]
            newest[lane] = (above - below) / width if width > EPSILON else 0.0
        for lane in range(lanes):
            out[row, lane] = (recent[0, lane] + recent[1, lane] + recent[2, lane]) / STOCHASTIC_SMOOTHING
    return out


@formula
def true_range(high, low, previous_close):
    return max(high, previous_close) - min(low, previous_close)


@kernel
def atr(bars: Bars, n: int, span: Span, state: FloatArray) -> FloatArray:
    """Return Wilder's average true range over ``n`` in log units (0.01 is about 1 %). Warm from bar n + 1.

    J. W. Wilder, 1978. state: 1 row.
    """
    out = blank(bars.close, 0, max(span.first, 1))
    for row in range(max(span.first, 1), bars.close.shape[0]):
        move_atr(bars, row, wilder_weight(span.origin + row - 1, n), state[0])
        copy_row(state[0], out[row])
    return out


@formula
def move_atr(bars, row, weight, value):
    """Move an average true range (lane,) to the bar at ``row``; the close before it is read too."""
    for lane in range(value.size):
        span_of_bar = true_range(bars.high[row, lane], bars.low[row, lane], bars.close[row - 1, lane])
        value[lane] += weight * (span_of_bar - value[lane])


ADX_STATE = 4


@kernel
def adx(bars: Bars, n: int, span: Span, state: FloatArray) -> FloatArray:
    """Return Wilder's average directional index, 0..100; 0 where there was no directional movement.

    J. W. Wilder, 1978. Warm from bar 2 n. state: 4 rows: sums of true range, +DM, -DM, and the index.
    """
    out = blank(bars.close, 0, max(span.first, 1))
    ranges, plus, minus, index = state[0], state[1], state[2], state[3]
    for row in range(max(span.first, 1), bars.close.shape[0]):
        t = span.origin + row
        keep = 1.0 if t < n else 1.0 - 1.0 / n  # TA-Lib: n - 1 values are summed, then Wilder's decay
        weight = wilder_weight(t - n, n)
        for lane in range(bars.close.shape[1]):
            up = bars.high[row, lane] - bars.high[row - 1, lane]
            down = bars.low[row - 1, lane] - bars.low[row, lane]
            moved = true_range(bars.high[row, lane], bars.low[row, lane], bars.close[row - 1, lane])
            ranges[lane] = ranges[lane] * keep + moved
            plus[lane] = plus[lane] * keep + (up if (up > 0.0 and up > down) else 0.0)
            minus[lane] = minus[lane] * keep + (down if (down > 0.0 and down > up) else 0.0)
            both = plus[lane] + minus[lane]
            directional = 100.0 * abs(plus[lane] - minus[lane]) / both if both > EPSILON else 0.0
            index[lane] += weight * (directional - index[lane])
            out[row, lane] = index[lane]
    return out


TOGETHER = 4  # rows that are added at a time, one after the other: a sum is then loaded and stored once for four


@kernel
def add_rows(x, total):
    """Add the rows of ``x`` (time, lane) to ``total`` (lane,), oldest first."""
    whole = x.shape[0] - x.shape[0] % TOGETHER
    for k in range(0, whole, TOGETHER):
        for lane in range(total.size):
            value = total[lane]
            for j in range(TOGETHER):  # a constant: unrolled, so that the lanes run in SIMD
                value += x[k + j, lane]
            total[lane] = value
    for k in range(whole, x.shape[0]):
        for lane in range(total.size):
            total[lane] += x[k, lane]


@kernel
def add_sizes(x, total):
    """Add the absolute values of the rows of ``x`` (time, lane) to ``total`` (lane,), oldest first."""
    whole = x.shape[0] - x.shape[0] % TOGETHER
    for k in range(0, whole, TOGETHER):
        for lane in range(total.size):
            value = total[lane]
            for j in range(TOGETHER):
                value += abs(x[k + j, lane])
            total[lane] = value
    for k in range(whole, x.shape[0]):
        for lane in range(total.size):
            total[lane] += abs(x[k, lane])


@kernel
def add_weighted(x, weights, total):
    """Add the rows of ``x`` (time, lane), each times its weight (time,), to ``total`` (lane,), oldest first."""
    whole = x.shape[0] - x.shape[0] % TOGETHER
    for k in range(0, whole, TOGETHER):
        w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        for lane in range(total.size):
            first = total[lane] + w0 * x[k, lane] + w1 * x[k + 1, lane]
            total[lane] = first + w2 * x[k + 2, lane] + w3 * x[k + 3, lane]
    for k in range(whole, x.shape[0]):
        for lane in range(total.size):
            total[lane] += weights[k] * x[k, lane]


@kernel
def _add_squares(x, mean, total):
    """Add the squared distances from ``mean`` of the rows of ``x``, a multiple of four, oldest first."""
    for k in range(0, x.shape[0], TOGETHER):
        for lane in range(total.size):
            value = total[lane]
            for j in range(TOGETHER):
                distance = x[k + j, lane] - mean[lane]
                value += distance * distance
            total[lane] = value


@kernel
def _add_distances(x, mean, total):
    """Add the distances from ``mean`` of the rows of ``x``, a multiple of four, oldest first."""
    for k in range(0, x.shape[0], TOGETHER):
        for lane in range(total.size):
            value = total[lane]
            for j in range(TOGETHER):
                value += abs(x[k + j, lane] - mean[lane])
            total[lane] = value


@kernel
def bollinger(x: FloatArray, n: int, first: int) -> tuple[FloatArray, FloatArray]:
    """Return mean and population standard deviation of ``n`` rows of ``x``, each (time, lane), from row ``first`` on.

    J. Bollinger, "Bollinger on Bollinger Bands", 2001. Two passes over the window, no running sums: nothing
    drifts and nothing cancels. Other rows, and those before n - 1, are 0.
    """
    begin = max(first, n - 1)
    mean, deviation = blank(x, 0, begin), blank(x, 0, begin)
    for row in range(begin, x.shape[0]):
        window = x[row - n + 1 : row + 1]
        mean[row] = 0.0
        deviation[row] = 0.0
        add_rows(window, mean[row])
        for lane in range(x.shape[1]):
            mean[row, lane] /= n
        _add_squares(window, mean[row], deviation[row])
        for lane in range(x.shape[1]):
            deviation[row, lane] = np.sqrt(deviation[row, lane] / n)
    return mean, deviation


@kernel
def cci(bars: Bars, n: int, first: int) -> FloatArray:
    """Return the commodity channel index over ``n`` from row ``first`` on; 0 where the range is flat, or before n - 1.

    D. Lambert, "Commodities", 1980.
    """
    typical = np.empty_like(bars.close)
    for row in range(max(first - n + 1, 0), bars.close.shape[0]):
        for lane in range(bars.close.shape[1]):
            # High and low first: their sum is the same in the mirror.
            extremes = bars.high[row, lane] + bars.low[row, lane]
            typical[row, lane] = (extremes + bars.close[row, lane]) / 3.0
    begin = max(first, n - 1)
    out = blank(typical, first, begin)
    lanes = typical.shape[1]
    mean, spread = np.empty(lanes), np.empty(lanes)
    for row in range(begin, typical.shape[0]):
        window = typical[row - n + 1 : row + 1]
        mean[:] = 0.0
        spread[:] = 0.0
        add_rows(window, mean)
        for lane in range(lanes):
            mean[lane] /= n
        _add_distances(window, mean, spread)
        for lane in range(lanes):
            width = spread[lane] / n
            out[row, lane] = (typical[row, lane] - mean[lane]) / (0.015 * width) if width > EPSILON else 0.0
    return out


RANKED = 4  # rows that are ranked together: each earlier value is then read once for four


@formula
def rows_left(count):
    return max(count, 0) % RANKED


@kernel
def _rank(x, earlier, row, lane, out):
    """Rank four rows at once against what lies before the first; then each against those before it."""
    a, b, c, d = x[row, lane], x[row + 1, lane], x[row + 2, lane], x[row + 3, lane]
    below_a = below_b = below_c = below_d = 0
    for k in range(earlier.size):
        value = earlier[k]
        below_a += 1 if value < a else 0
        below_b += 1 if value < b else 0
        below_c += 1 if value < c else 0
        below_d += 1 if value < d else 0
    below_b += 1 if a < b else 0
    below_c += (1 if a < c else 0) + (1 if b < c else 0)
    below_d += (1 if a < d else 0) + (1 if b < d else 0) + (1 if c < d else 0)
    n = earlier.size
    out[row, lane], out[row + 1, lane] = below_a / n, below_b / (n + 1)
    out[row + 2, lane], out[row + 3, lane] = below_c / (n + 2), below_d / (n + 3)


@kernel
def rank_in_window(x: FloatArray, warm: int, span: Span, state: FloatArray) -> FloatArray:
    """Return the share (0..1) of the window's earlier values, from position ``warm`` on, that lie below the newest.

    Only rows from ``span.emit`` on are computed. state: one row for each bar of the longest window.
    """
    rows, lanes = x.shape
    for row in range(span.first, rows):
        for lane in range(lanes):
            state[span.origin + row, lane] = x[row, lane]
    first, end = max(span.first, span.emit, warm + 1 - span.origin), span.origin + rows
    out = blank(x, 0, first)
    values = np.empty(end)  # one lane's, side by side: counting then runs in SIMD along time
    for lane in range(lanes):
        for k in range(warm, end):
            values[k] = state[k, lane]
        for row in range(first, rows - rows_left(rows - first), RANKED):
            _rank(x, values[warm : span.origin + row], row, lane, out)
        for row in range(rows - rows_left(rows - first), rows):
            newest, earlier = x[row, lane], values[warm : span.origin + row]
            below = 0
            for k in range(earlier.size):
                below += 1 if earlier[k] < newest else 0
            out[row, lane] = below / earlier.size
    return out
