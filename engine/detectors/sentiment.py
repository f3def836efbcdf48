"""``sentiment``: is the crowd of the futures market on one side, more than in the week before?

Source: M. Schmeling, A. Schrimpf and K. Todorov, "Crypto carry", 2023: what buyers pay to hold futures rises as small
trend followers crowd in, and large falls follow. Open interest as the measure of how much is at stake: H. Hong and
M. Yogo, "What does futures market interest tell us about the macroeconomy and asset prices?", 2012. Reading the
long/short ratio of accounts as the same crowd, and the week as the yardstick, are ours. Contrarian and continuous.
Abstains when funding rate, open interest or long/short ratio is missing, too short, gapped or stale. Reads no bars but
to see that the price moves.
"""

from collections.abc import Mapping
from math import exp, expm1

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.indicators import squash
from engine.jit import kernel
from engine.side import (
    DEVIATION,
    FUNDING,
    KNOWN,
    LEVEL,
    OPEN_INTEREST,
    PER_KIND,
    RATIO,
    STATUS,
    VALUE,
    why_silent,
)

# Added to the week's own deviation, so that a week without any makes no crowd of a trifle: one step of the usual
# funding rate per 8 h, and a twentieth of the ratio.
FUNDING_LEAST, RATIO_LEAST = 0.0001, 0.05
HALF = 2.0  # deviations from the week's mean: half-way up the scale
GROWTH_HALF = 0.05  # ln: open interest 5 % above the week's mean is half-way from even to full confidence


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = minus the mean of the squashed deviations of funding and ln ratio; confidence = agreement x build-up.

    The build-up is 0..1, one half at the week's mean of ln open interest.
    """
    above = bars.close.shape[0] - bars.side.shape[0]
    for row in range(max(span.first, span.emit, above), bars.close.shape[0]):
        at = row - span.emit
        for lane in range(bars.close.shape[1]):
            known = bars.side[row - above, lane]
            if out.readings.shape[1] > 0:
                out.readings[:, at, lane] = known[: out.readings.shape[0]]
            if not (
                known[FUNDING + STATUS] == KNOWN
                and known[OPEN_INTEREST + STATUS] == KNOWN
                and known[RATIO + STATUS] == KNOWN
                and shared.atr[row, lane] > EPSILON
            ):
                continue
            paid = known[FUNDING + VALUE] - known[FUNDING + LEVEL]
            held = known[RATIO + VALUE] - known[RATIO + LEVEL]
            funding = -0.5 * squash(paid / (known[FUNDING + DEVIATION] + FUNDING_LEAST) / HALF)
            ratio = -0.5 * squash(held / (known[RATIO + DEVIATION] + RATIO_LEAST) / HALF)
            total, parts = funding + ratio, abs(funding) + abs(ratio)
            if abs(total) > EPSILON:
                growth = known[OPEN_INTEREST + VALUE] - known[OPEN_INTEREST + LEVEL]
                out.score[at, lane] = total
                out.confidence[at, lane] = abs(total) / parts * 0.5 * (1.0 + squash(growth / GROWTH_HALF))


KINDS = ("funding rate", "open interest", "long/short ratio")  # in the order of their rows
READINGS = tuple(f"{row} of {kind}" for kind in KINDS for row in ("status", "value", "level", "deviation"))


def reason(r: Mapping[str, float]) -> str:
    values = [r[name] for name in READINGS]
    known = [values[first : first + PER_KIND] for first in (FUNDING, OPEN_INTEREST, RATIO)]
    problems = [why_silent(kind, row) for kind, row in zip(KINDS, known, strict=True)]
    if any(problems):
        return f"stays silent: {'; '.join(text for text in problems if text)}"
    (_, paid, usual, paid_spread), (_, interest, interest_level, _), (_, held, held_level, held_spread) = known
    funding = (paid - usual) / (paid_spread + FUNDING_LEAST)
    ratio = (held - held_level) / (held_spread + RATIO_LEAST)
    total = 0.5 * squash.py_func(funding / HALF) + 0.5 * squash.py_func(ratio / HALF)
    start = "stays silent, the two cancel out" if abs(total) <= EPSILON else "against the crowd"
    return (
        f"{start}: funding {100 * paid:+.4f} % per 8 h is {funding:+.1f} deviations from its week's mean of "
        f"{100 * usual:+.4f} %, long/short {exp(held):.2f} is {ratio:+.1f} from {exp(held_level):.2f} ({HALF:.0f} is "
        f"half-way); open interest is {100 * expm1(interest - interest_level):+.1f} % from its week's mean"
    )


DETECTOR = Detector("sentiment", fold, 0, READINGS, reason, 1)
