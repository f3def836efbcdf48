"""``mean_reversion``: is price stretched away from its mean, in a market that goes nowhere?

Sources: Bollinger z-score over 20 (J. Bollinger, 2001), CCI 20 (D. Lambert, 1980). Confident only outside trends
(ADX) and when both rulers see the stretch on the same side. Continuous. Warm after 28 bars.
"""

from collections.abc import Mapping

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import BAND_BARS, Detector, Output, Shared
from engine.indicators import cci, clip
from engine.jit import kernel

Z_FULL, CCI_FULL = 3.0, 300.0
Z_QUIET, Z_EXTREME = 1.0, 2.5  # inside one deviation nothing is stretched
ADX_RANGE, ADX_TREND = 15.0, 35.0
TIE = 1e-6  # a CCI this near to 0 is rounding and on no side


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = -(z / 3 + CCI / 300) / 2, clipped; confidence = how extreme z is, times how trendless the market is."""
    index = cci(bars, BAND_BARS, max(span.first, span.emit))
    for row in range(max(span.first, span.emit), bars.close.shape[0]):
        at = row - span.emit
        for lane in range(bars.close.shape[1]):
            width = shared.deviation[row, lane]
            z = (bars.close[row, lane] - shared.mean[row, lane]) / width if width > EPSILON else 0.0
            agree = z * index[row, lane] > TIE
            extreme = clip((abs(z) - Z_QUIET) / (Z_EXTREME - Z_QUIET), 0.0, 1.0)
            trendless = 1.0 - clip((shared.adx[row, lane] - ADX_RANGE) / (ADX_TREND - ADX_RANGE), 0.0, 1.0)
            stretch = 0.5 * (clip(z / Z_FULL, -1.0, 1.0) + clip(index[row, lane] / CCI_FULL, -1.0, 1.0))
            out.score[at, lane] = -stretch if agree else 0.0
            out.confidence[at, lane] = extreme * trendless if agree else 0.0
            if out.readings.shape[1] > 0:
                out.readings[0, at, lane] = z
                out.readings[1, at, lane] = index[row, lane]
                out.readings[2, at, lane] = shared.adx[row, lane]


def reason(r: Mapping[str, float]) -> str:
    if r["adx"] >= ADX_TREND:
        return f"stays silent in a trend: ADX {r['adx']:.0f}, above {ADX_TREND:.0f}"
    if abs(r["z"]) <= Z_QUIET:
        return f"price is {r['z']:+.1f} deviations from its mean of {BAND_BARS} bars, within {Z_QUIET:.0f}"
    if r["z"] * r["cci"] <= TIE:
        return f"no agreement: price is {r['z']:+.1f} deviations from its mean of {BAND_BARS} bars, CCI {r['cci']:+.0f}"
    return (
        f"price is {r['z']:+.1f} deviations from its mean of {BAND_BARS} bars (over {Z_QUIET:.0f}), "
        f"CCI {r['cci']:+.0f} against 0; ADX {r['adx']:.0f}, below {ADX_TREND:.0f}"
    )


DETECTOR = Detector("mean_reversion", fold, 0, ("z", "cci", "adx"), reason, 28)
