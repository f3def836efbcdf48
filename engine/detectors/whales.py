"""``whales``: in the bars with unusually large volume, who crossed the spread?

Source: order-flow imbalance of market orders (T. Chordia, R. Roll and A. Subrahmanyam, "Order imbalance, liquidity
and market returns", 2002), which large traders leave in bursts of volume. Single trades are not in the bars: a bar
with twice the usual volume stands for them. Continuous; abstains without taker volume and when no bar was large.
Needs 60 bars at most. Warm after 60 bars.
"""

from collections.abc import Mapping

import numpy as np

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.indicators import add_rows, squash
from engine.jit import formula, kernel

BARS = 12  # bars whose flow is read
USUAL_BARS = 60  # their volume is the usual one: five times as many, so that a burst does not hide itself
LARGE = 2.0  # times the usual volume
HALF = 0.15  # of the volume, bought less sold: this one-sided is half-way up the scale

NET, TRADED, LARGE_NET, LARGE_TRADED = 0, 1, 2, 3


@kernel
def net_bought(bars: Bars, first: int) -> FloatArray:
    """Return the taker buys less sells of each bar (time, lane) from row ``first`` on; the rows before it are unset."""
    net = np.empty_like(bars.volume)
    for row in range(first, net.shape[0]):
        for lane in range(net.shape[1]):
            sold = bars.volume[row, lane] - bars.taker_buy[row, lane]
            bought = bars.volume[row, lane] - sold  # not taker_buy itself: in the mirror this pair rounds alike
            net[row, lane] = bought - sold
    return net


@kernel
def taker_flow(volume: FloatArray, net: FloatArray, row: int, flow: FloatArray) -> None:
    """Set ``flow`` (4, lane): ``net_bought`` and volume of the last 12 bars; then of the large bars alone."""
    flow[:] = 0.0
    threshold = np.zeros(flow.shape[1])
    count = min(USUAL_BARS, row + 1)
    add_rows(volume[row + 1 - count : row + 1], threshold)
    for lane in range(threshold.size):
        threshold[lane] *= LARGE / count
    first = max(row + 1 - BARS, 0)
    add_rows(net[first : row + 1], flow[NET])
    add_rows(volume[first : row + 1], flow[TRADED])
    for k in range(first, row + 1):
        _add_large(volume[k], net[k], threshold, flow[LARGE_NET], flow[LARGE_TRADED])


@formula
def _add_large(volume, net, threshold, large_net, large_traded):
    for lane in range(volume.size):
        large = volume[lane] > threshold[lane]
        large_net[lane] += net[lane] if large else 0.0
        large_traded[lane] += volume[lane] if large else 0.0


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = mean of the squashed imbalances of all and of large bars; confidence = agreement x share of the large."""
    flow = np.empty((4, bars.close.shape[1]))
    net, traded, large_net, large_traded = flow[NET], flow[TRADED], flow[LARGE_NET], flow[LARGE_TRADED]
    begin = max(span.first, span.emit)
    bought = net_bought(bars, max(begin + 1 - BARS, 0))
    for row in range(begin, bars.close.shape[0]):
        at = row - span.emit
        taker_flow(bars.volume, bought, row, flow)
        for lane in range(net.size):
            everyone = 0.5 * squash(net[lane] / traded[lane] / HALF)
            large = 0.5 * squash(large_net[lane] / large_traded[lane] / HALF)
            total, parts = everyone + large, abs(everyone) + abs(large)
            speaks = large_traded[lane] > 0.0 and abs(total) > EPSILON  # false for NaN: no taker volume
            out.score[at, lane] = total if speaks else 0.0
            out.confidence[at, lane] = abs(total) / parts * (large_traded[lane] / traded[lane]) if speaks else 0.0
        if out.readings.shape[1] > 0:
            readings = out.readings[:, at]
            for lane in range(net.size):
                known, burst = net[lane] == net[lane], large_traded[lane] > 0.0  # NaN is not itself
                readings[0, lane] = 1.0 if known else 0.0
                readings[1, lane] = net[lane] / traded[lane] if known and burst else 0.0
                readings[2, lane] = large_net[lane] / large_traded[lane] if known and burst else 0.0
                readings[3, lane] = large_traded[lane] / traded[lane] if burst else 0.0


def reason(r: Mapping[str, float]) -> str:
    if r["known"] == 0:
        return f"stays silent: no taker volume from the source for the last {BARS} bars"
    if r["share"] == 0:
        return f"stays silent: none of the last {BARS} bars had over {LARGE:.0f} times the usual volume"
    start = "stays silent, the two cancel out: " if abs(r["large"] + r["everyone"]) <= EPSILON else ""
    return (
        f"{start}taker buys less sells are {100 * r['large']:+.0f} % in bars over {LARGE:.0f} times the usual volume, "
        f"{100 * r['everyone']:+.0f} % in all of the last {BARS} bars (0 is balanced, {100 * HALF:.0f} half-way); "
        f"large bars hold {100 * r['share']:.0f} % of the volume"
    )


DETECTOR = Detector("whales", fold, 0, ("known", "everyone", "large", "share"), reason, USUAL_BARS)
