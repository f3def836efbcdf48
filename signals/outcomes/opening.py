"""Which signals are followed, and on what terms."""

from typing import TYPE_CHECKING, Any

from engine.timeframes import INTERVAL_MS, shares
from market.models import Series
from signals.outcomes.models import Outcome

if TYPE_CHECKING:
    from signals.models import Signal

SIDES = {"BULLISH": 1, "BEARISH": -1}
HORIZON_BARS = 24  # of the longest timeframe, whose ATR sets the stop


def open_outcomes(signals: list["Signal"]) -> int:
    """Begin to follow those of ``signals`` that have a direction; return how many. One already followed stays."""
    leaning = [signal for signal in signals if signal.direction in SIDES]
    if not leaning:
        return 0
    wanted = Series.objects.filter(instrument__in={s.instrument_id for s in leaning})
    series = {(one.instrument_id, one.timeframe): one for one in wanted}
    found = [_opened(signal, series[signal.instrument_id, _smallest(signal)]) for signal in leaning]
    Outcome.objects.bulk_create(found, ignore_conflicts=True)
    return len(found)


def _smallest(signal: "Signal") -> str:
    return min(signal.timeframes, key=INTERVAL_MS.__getitem__)


def _opened(signal: "Signal", series: Series) -> Outcome:
    from engine.outcomes import Course  # brings numba

    side, longest = SIDES[signal.direction], max(INTERVAL_MS[t] for t in signal.timeframes)
    course = Course(horizon=HORIZON_BARS * longest // series.interval_ms)
    return Outcome(
        signal=signal,
        series=series,
        side=side,
        **course._asdict(),
        basis=" ".join(signal.configured),
        detectors=_agreeing(signal, side),
        timeframes=[t for t, part in signal.timeframes.items() if (part["score"] - 0.5) * side > 0.0],
        awaits=_first_open(signal.as_of, series.interval_ms) + series.interval_ms,
    )


def _first_open(as_of: int, interval_ms: int) -> int:
    """Return the open of the first bar that begins at ``as_of`` or later: never the bar that made the signal."""
    return -(-as_of // interval_ms) * interval_ms


def _agreeing(signal: "Signal", side: int) -> list[str]:
    """Return the detectors whose contributions, over the timeframes together, had the signal's direction."""
    share, total = shares(signal.configured), dict[str, float]()
    for timeframe, part in signal.timeframes.items():
        for component in part["components"]:
            name: Any = component["name"]
            total[name] = total.get(name, 0.0) + share[timeframe] * component["contribution"]
    return [name for name, contribution in total.items() if contribution * side > 0.0]
