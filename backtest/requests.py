"""What may be asked of a backtest, checked once; and the specification that a checked request stands for."""

from typing import TYPE_CHECKING, Any

from engine.rules import Rules
from engine.timeframes import INTERVAL_MS, WINDOW_BARS
from presets.models import PresetVersion
from signals.scanner import policy_of

if TYPE_CHECKING:
    from backtest.running import Spec

SMALL = 60_000  # bars that are read and scored while the caller waits: well under a second
MOST_BARS = 5_000_000
DEFAULT_TIMEFRAME = "1h"
DEFAULT_TERMS = {
    "sides": "both",
    "stop": "atr",
    "stop_atr": 2.0,
    "target_r": 2.0,
    "trail_atr": 0.0,
    "max_bars": 0,
    "risk": 0.01,
    "max_share": 1.0,
    "max_leverage": 1.0,
    "step": 0.0,
    "min_notional": 0.0,
}


class Refused(Exception):
    """The request cannot be met: which field, and why."""

    def __init__(self, field: str, text: str, code: str = "invalid") -> None:
        super().__init__(text)
        self.field, self.code = field, code


def bars_of(request: dict[str, Any]) -> int:
    """Return how many bars a request reads and scores at most, the warm-up's included."""
    spans = [(request["end"] - request["start"]) // INTERVAL_MS[t] + WINDOW_BARS for t in request["timeframes"]]
    return len(request["symbols"]) * int(sum(spans))


def is_small(request: dict[str, Any]) -> bool:
    """Whether the caller waits for the answer."""
    return bars_of(request) <= SMALL


def require_sane(request: dict[str, Any], most_bars: int = MOST_BARS) -> None:
    """Raise Refused for a range that is none, or for more work than one caller may ask for."""
    start, end, smallest = request["start"], request["end"], INTERVAL_MS[request["timeframes"][0]]
    if end <= start:
        raise Refused("end_date", "end_date must be behind start_date", "reversed")
    if end - start < smallest:
        raise Refused("end_date", f"the range holds no whole {request['timeframes'][0]} bar", "empty_range")
    bars = bars_of(request)
    if bars > most_bars:
        text = f"{bars:,} bars would be read, the limit is {most_bars:,}: fewer symbols, a shorter range or larger bars"
        raise Refused("symbols", text, "too_large")


def spec_of(request: dict[str, Any], preset: PresetVersion) -> "Spec":
    """Return the specification that a checked request stands for."""
    from backtest.running import Spec  # brings numba
    from engine.plan import STOPS, Terms
    from engine.simulation import Costs

    rules, terms = dict(request["rules"]), dict(request["trading"])
    policy = policy_of(preset, request["weights"], rules.pop("min_confidence", None))
    sides = terms.pop("sides")
    return Spec(
        symbols=tuple(request["symbols"]),
        timeframes=tuple(request["timeframes"]),
        start=request["start"],
        end=request["end"],
        policy=policy,
        rules=Rules(**rules),
        terms=Terms(**terms | {"stop": STOPS[terms["stop"]]}, longs=int(sides != "short"), shorts=int(sides != "long")),
        costs=Costs(request["fee"], request["slippage"]),
        capital=request["initial_capital"],
        scan_interval_ms=request["scan_interval_ms"],
    )
