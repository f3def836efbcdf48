"""``news``: the newest score that a news source gave this symbol, fading within a day.

Source: of the scores, whoever brings them (a package with an entry point in ``realtime_agent.news``, see
``market/news.py``); that the tone of news moves prices for days at most and then fades: P. Tetlock, "Giving content to
investor sentiment: the role of media in the stock market", 2007. Abstains where no source is configured and when its
newest score is over a day old. Reads no bars but to see that the price moves.
"""

from collections.abc import Mapping

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.jit import kernel
from engine.side import HOUR_MS, KINDS, KNOWN, LEVEL, MISSING, NEWS, STATUS, VALUE, why_silent

FADED = KINDS["news"].longest_ms / HOUR_MS  # hours


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = the newest news score; confidence = 1 when it is new, falling to 0 at a day."""
    above = bars.close.shape[0] - bars.side.shape[0]
    for row in range(max(span.first, span.emit, above), bars.close.shape[0]):
        at = row - span.emit
        for lane in range(bars.close.shape[1]):
            known = bars.side[row - above, lane]
            if out.readings.shape[1] > 0:
                out.readings[:, at, lane] = known[NEWS : NEWS + out.readings.shape[0]]
            if known[NEWS + STATUS] == KNOWN and shared.atr[row, lane] > EPSILON:
                out.score[at, lane] = known[NEWS + VALUE]
                out.confidence[at, lane] = max(1.0 - known[NEWS + LEVEL] / FADED, 0.0)


READINGS = ("status", "score", "age", "spare")


def reason(r: Mapping[str, float]) -> str:
    if r["status"] == MISSING:
        return "stays silent: no news source configured (0 scores stored of the last 8 days)"
    problem = why_silent("the news score", [r[name] for name in READINGS])
    if problem:
        return f"stays silent: {problem}"
    faded = "stays silent: " if r["age"] >= FADED else ""
    return f"{faded}news of {r['age']:.1f} h ago score {r['score']:+.2f} (0 is neutral), faded after {FADED:.0f} h"


DETECTOR = Detector("news", fold, 0, READINGS, reason, 1)
