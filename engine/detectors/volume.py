"""``volume``: on which side does the volume trade, and is it more than usual?

Sources: slope of on-balance volume over 20 points (J. Granville, "New Key to Stock Market Profits", 1963); money flow
index over 14 (G. Quong and A. Soudack, 1989) weighted by volume alone, as a price in the weight would count the
mirrored market differently; relative volume over 20. Continuous; confident where both flows agree and volume is
high. Needs 21 bars at most. Warm after 21 bars.
"""

from collections.abc import Mapping

import numpy as np

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.indicators import add_rows, add_sizes, add_weighted, clip, side
from engine.jit import kernel
from engine.lanes import blank

OBV_BARS, MFI_BARS, USUAL_BARS = 20, 14, 20
FLOW_FULL = 0.6  # MFI 20 and 80, its textbook extremes, are the ends of the scale
BUSY = 2.0  # times the usual volume count in full


@kernel
def obv_slope(bars: Bars, n: int, first: int) -> FloatArray:
    """Return the least-squares slope of OBV over ``n`` points as a share of the volume, -1..1, from row ``first`` on.

    A slope over n points is a mean of their n - 1 steps, step k weighted by k (n - k); divided by the volume weighted
    alike. So no total is carried along and nothing drifts. 0 where there is no volume, or before row n - 1.
    """
    rows, lanes = bars.close.shape
    step = np.empty_like(bars.close)
    for row in range(max(first - n + 2, 1), rows):
        for lane in range(lanes):
            step[row, lane] = side(bars.close[row, lane] - bars.close[row - 1, lane]) * bars.volume[row, lane]
    begin = max(first, n - 1)
    out = blank(bars.close, first, begin)
    weights = np.array([float(k * (n - k)) for k in range(1, n)])
    rise, traded = np.empty(lanes), np.empty(lanes)
    for row in range(begin, rows):
        rise[:] = 0.0
        traded[:] = 0.0
        add_weighted(step[row - n + 2 : row + 1], weights, rise)
        add_weighted(bars.volume[row - n + 2 : row + 1], weights, traded)
        for lane in range(lanes):
            out[row, lane] = rise[lane] / traded[lane] if traded[lane] > 0.0 else 0.0
    return out


@kernel
def centred_mfi(bars: Bars, n: int, first: int) -> FloatArray:
    """Return (up - down) / (up + down) of the volume of ``n`` bars by the way the typical price went, -1..1.

    MFI = 50 + 50 x. From row ``first`` on; 0 where no volume moved the price, or before row n.
    """
    rows, lanes = bars.close.shape
    typical, flow = np.empty_like(bars.close), np.empty_like(bars.close)
    oldest = max(first - n, 0)
    for row in range(oldest, rows):
        for lane in range(lanes):
            # High and low first: their sum is the same in the mirror.
            extremes = bars.high[row, lane] + bars.low[row, lane]
            typical[row, lane] = (extremes + bars.close[row, lane]) / 3.0
    for row in range(oldest + 1, rows):
        for lane in range(lanes):
            flow[row, lane] = side(typical[row, lane] - typical[row - 1, lane]) * bars.volume[row, lane]
    begin = max(first, n)
    out = blank(bars.close, first, begin)
    net, moved = np.empty(lanes), np.empty(lanes)
    for row in range(begin, rows):
        net[:] = 0.0
        moved[:] = 0.0
        add_rows(flow[row - n + 1 : row + 1], net)
        add_sizes(flow[row - n + 1 : row + 1], moved)
        for lane in range(lanes):
            out[row, lane] = net[lane] / moved[lane] if moved[lane] > 0.0 else 0.0
    return out


@kernel
def relative_volume(volume: FloatArray, n: int, first: int) -> FloatArray:
    """Return each bar's volume over the mean of the ``n`` bars before it, from row ``first`` on; 0 where that is 0."""
    begin = max(first, n)
    out = blank(volume, first, begin)
    usual = np.empty(volume.shape[1])
    for row in range(begin, volume.shape[0]):
        usual[:] = 0.0
        add_rows(volume[row - n : row], usual)
        for lane in range(volume.shape[1]):
            out[row, lane] = volume[row, lane] / (usual[lane] / n) if usual[lane] > 0.0 else 0.0
    return out


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = (OBV slope + MFI) / 2, each over 0.6 and clipped; confidence = agreement x relative volume / 2."""
    first = max(span.first, span.emit)
    slope = obv_slope(bars, OBV_BARS, first)
    index = centred_mfi(bars, MFI_BARS, first)
    relative = relative_volume(bars.volume, USUAL_BARS, first)
    for row in range(first, bars.close.shape[0]):
        at = row - span.emit
        for lane in range(bars.close.shape[1]):
            balance = 0.5 * clip(slope[row, lane] / FLOW_FULL, -1.0, 1.0)
            money = 0.5 * clip(index[row, lane] / FLOW_FULL, -1.0, 1.0)
            total, parts = balance + money, abs(balance) + abs(money)
            speaks = abs(total) > EPSILON and relative[row, lane] > 0.0
            out.score[at, lane] = total if speaks else 0.0
            out.confidence[at, lane] = abs(total) / parts * min(relative[row, lane] / BUSY, 1.0) if speaks else 0.0
        if out.readings.shape[1] > 0:
            readings = out.readings[:, at]
            for lane in range(bars.close.shape[1]):
                readings[0, lane] = slope[row, lane]
                readings[1, lane] = 50.0 + 50.0 * index[row, lane]
                readings[2, lane] = relative[row, lane]


def reason(r: Mapping[str, float]) -> str:
    if r["relative"] <= 0:
        return f"stays silent: no volume in this bar, or none in the {USUAL_BARS} bars before it"
    slope = f"OBV slope {100 * r['obv']:+.0f} % of the volume against 0, over {OBV_BARS} bars"
    flows = f"{slope}; MFI {r['mfi']:.0f} against 50"
    if abs(r["obv"]) <= EPSILON and abs(r["mfi"] - 50.0) <= EPSILON:
        return f"stays silent, volume takes no side: {flows}"
    split = "they disagree; " if r["obv"] * (r["mfi"] - 50.0) < 0 else ""
    return f"{flows}; {split}volume {r['relative']:.1f} times its mean of {USUAL_BARS} bars ({BUSY:.0f} counts in full)"


DETECTOR = Detector("volume", fold, 0, ("obv", "mfi", "relative"), reason, 21)
