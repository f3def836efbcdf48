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
from engine.jit import kernel

BARS = 12  # bars whose flow is read
USUAL_BARS = 60  # their volume is the usual one: five times as many, so that a burst does not hide itself
LARGE = 2.0  # times the usual volume
HALF = 0.15  # of the volume, bought less sold: this one-sided is half-way up the scale

NET, TRADED, LARGE_NET, LARGE_TRADED = 0, 1, 2, 3


@kernel
def taker_flow(bars: Bars, row: int, flow: FloatArray) -> None:
    """Set ``flow`` (4, lane): taker buys less sells and volume of the last 12 bars; then of the large bars alone."""
    flow[:] = 0.0
    net, traded, large_net, large_traded = flow[NET], flow[TRADED], flow[LARGE_NET], flow[LARGE_TRADED]
    threshold = np.zeros(net.size)
    count = min(USUAL_BARS, row + 1)
    add_rows(bars.volume[row + 1 - count : row + 1], threshold)
    for lane in range(net.size):
        threshold[lane] *= LARGE / count
    for k in range(max(row + 1 - BARS, 0), row + 1):
        for lane in range(net.size):
            volume = bars.volume[k, lane]
            sold = volume - bars.taker_buy[k, lane]
            bought = volume - sold  # not taker_buy itself: in the mirror this pair rounds alike
            large = volume > threshold[lane]
            net[lane] += bought - sold
            traded[lane] += volume
            large_net[lane] += bought - sold if large else 0.0
            large_traded[lane] += volume if large else 0.0


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = mean of the squashed imbalances of all and of large bars; confidence = agreement x share of the large."""
    flow = np.empty((4, bars.close.shape[1]))
    net, traded, large_net, large_traded = flow[NET], flow[TRADED], flow[LARGE_NET], flow[LARGE_TRADED]
    for row in range(max(span.first, span.emit), bars.close.shape[0]):
        at = row - span.emit
        taker_flow(bars, row, flow)
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
