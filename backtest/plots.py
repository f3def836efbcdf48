"""A picture of a backtest: equity beside buy and hold, drawdown, and each symbol's entries and exits on its price."""

from io import StringIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backtest.reports import equity_from_capital
from backtest.running import Result
from engine.timeframes import INTERVAL_MS

FORMATS = (".html", ".png")
MOST_SYMBOLS = 6  # whose prices are drawn; equity is always that of all
UP, DOWN, INK = "#2a78c2", "#d5722a", "#555555"


def write(result: Result, path: Path) -> None:
    """Write the picture to ``path``: .png, or .html that stands by itself. Raises ValueError for another ending."""
    if path.suffix not in FORMATS:
        raise ValueError(f"{path.name} must end in {' or '.join(FORMATS)}")
    figure = draw(result)
    if path.suffix == ".png":
        figure.savefig(path, dpi=110)
        return
    text = StringIO()
    figure.savefig(text, format="svg")
    svg = text.getvalue()
    path.write_text(f"<!doctype html><meta charset=utf-8><title>Backtest</title>{svg[svg.index('<svg') :]}")


def draw(result: Result) -> Figure:
    """Return the figure: no display is needed."""
    shown = result.symbols[:MOST_SYMBOLS]
    figure = Figure(figsize=(12, 5 + 2.5 * len(shown)), layout="constrained")
    heights = [3, 1.2, *[2.5] * len(shown)]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    times = (result.times + INTERVAL_MS[result.spec.base]).astype("datetime64[ms]")
    _equity(axes[0], axes[1], result, times)
    for column, one in enumerate(shown):
        _prices(axes[2 + column], result, column, one.name, times)
    return figure


def _equity(above: Axes, below: Axes, result: Result, times: np.ndarray) -> None:
    equity = equity_from_capital(result)[1:]
    peak = np.maximum.accumulate(equity_from_capital(result))[1:]
    above.plot(times, equity, color=UP, label="equity")
    above.axhline(result.spec.capital, color=INK, linewidth=0.5)
    above.set_title(f"{', '.join(result.spec.symbols[:6])}  {' '.join(result.spec.timeframes)}")
    above.legend(loc="upper left")
    below.fill_between(times, 100.0 * (equity / peak - 1.0), 0.0, color=DOWN, alpha=0.5)
    below.set_ylabel("drawdown %")


def _prices(axes: Axes, result: Result, column: int, name: str, times: np.ndarray) -> None:
    ledger = result.simulation.trades
    axes.plot(times, result.prices.close[:, column], color=INK, linewidth=0.7)
    for side, marker, colour in ((1, "^", UP), (-1, "v", DOWN)):
        mine = (ledger.symbol == column) & (ledger.side == side)
        axes.scatter(times[ledger.entry_bar[mine]], ledger.entry[mine], marker=marker, color=colour, s=18, zorder=3)
        axes.scatter(times[ledger.exit_bar[mine]], ledger.exit[mine], marker="x", color=colour, s=14, zorder=3)
    axes.set_ylabel(name)
