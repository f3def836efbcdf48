"""``python -m bench.risk``: correlation and value at risk beside pandas, and the status endpoint; writes
bench/results/YYYY-MM-DD-risk.md.

500 symbols of 500 hourly returns, whole and with 2 % of holes; ours and theirs in turn, after their numbers were
compared. Wall time and processor time: other work on the machine disturbs the second less.
"""

import json
import subprocess
import sys
import time
from importlib.metadata import version
from statistics import median

import numpy as np
import pandas as pd

from bench.market import prices
from bench.measuring import ROOT, ROUNDS, Target, alternate, ms, ratio, timed
from bench.reporting import begun, load, machine, targets_table, times_table, write
from engine.correlation import beta, correlation
from engine.value_at_risk import METHODS, value_at_risk

SYMBOLS, RETURNS, OVERLAP = 500, 500, 100
MOST_S, STATUS_S = 0.1, 0.05


def returns(holes: float) -> np.ndarray:
    close = prices(SYMBOLS, RETURNS + 1)[:, 3]
    found = close[:, 1:] / close[:, :-1] - 1.0
    return np.where(np.random.default_rng(1).random(found.shape) < holes, np.nan, found)


def processor_seconds(function) -> float:
    """Return the median of what ROUNDS calls take of the processor."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        function()
        taken.append(time.process_time() - begun)
    return median(taken)


def measure_status() -> tuple[list[Target], dict[str, float]]:
    """The status endpoint with 100 positions, in a process of its own."""
    command = [sys.executable, "-m", "bench.risk_status"]
    answer = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    wall, processor = (np.quantile([one[i] for one in answer["warm"]], 0.95) for i in (0, 1))
    targets = [
        Target("status, 100 positions, p95, wall time", "< 50 ms", ms(wall), bool(wall < STATUS_S)),
        Target("the same, processor time", "< 50 ms", ms(processor), bool(processor < STATUS_S)),
    ]
    return targets, {
        "status, 100 positions": median(one[0] for one in answer["warm"]),
        "the first behind a new candle": median(one[0] for one in answer["cold"]),
    }


def main() -> None:
    before = load()
    whole, holed = returns(0.0), returns(0.02)
    frames = {name: pd.DataFrame(values.T) for name, values in (("whole", whole), ("holed", holed))}
    for name, values in (("whole", whole), ("holed", holed)):
        theirs = frames[name].corr(min_periods=OVERLAP).to_numpy()
        np.testing.assert_allclose(correlation(values, OVERLAP), theirs, rtol=1e-10, atol=1e-13)
    took = alternate(
        {
            "ours, whole": timed(lambda: correlation(whole, OVERLAP)),
            "ours, 2 % holes": timed(lambda: correlation(holed, OVERLAP)),
            "pandas .corr(), whole": timed(lambda: frames["whole"].corr(min_periods=OVERLAP)),
            "pandas .corr(), 2 % holes": timed(lambda: frames["holed"].corr(min_periods=OVERLAP)),
            "numpy corrcoef, whole (knows no holes)": timed(lambda: np.corrcoef(whole)),
            "ours, beta of 500 symbols": timed(lambda: beta(holed, holed[0])),
            **{f"ours, VaR and shortfall, {m}": timed(lambda m=m: value_at_risk(whole[0], 0.95, m)) for m in METHODS},
        }
    )
    cpu = processor_seconds(lambda: correlation(holed, OVERLAP))
    slowest = max(took["ours, whole"], took["ours, 2 % holes"])
    targets = [
        Target("equal to pandas, whole and with holes", "rtol 1e-10", "equal", True),
        Target("correlation of 500 symbols, wall time", "< 100 ms", ms(slowest), slowest < MOST_S),
        Target("the same, processor time", "< 100 ms", ms(cpu), cpu < MOST_S),
        ratio("against pandas .corr(), 2 % holes", 1, took["pandas .corr(), 2 % holes"], took["ours, 2 % holes"]),
    ]
    more, times = measure_status()
    targets, took = [*targets, *more], took | times
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "pandas"))
    about = [
        begun("python -m bench.risk", versions),
        machine(before),
        f"- {SYMBOLS} symbols, {RETURNS} returns each, one thread; medians of {ROUNDS} rounds in turn",
        "",
    ]
    tables = [*targets_table(targets), "", *times_table("median of what was run", took)]
    write("risk", "risk measures", [*about, *tables])


if __name__ == "__main__":
    main()
