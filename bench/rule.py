"""The one rule that the backtest's peers trade: the same orders in every process. numpy alone."""

import numpy as np

CAPITAL, FEE, SLIPPAGE = 1e6, 0.0005, 0.001
LOOK_BACK, ENTER, LEAVE = 60, 0.02, -0.005


def switches(close: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (bars, sides): at whose close the rule goes long (1) and flat (0), by the change over 60 bars."""
    change = np.log(close[LOOK_BACK:] / close[:-LOOK_BACK])
    wish = np.where(change > ENTER, 1, np.where(change < LEAVE, 0, -1))
    at = np.maximum.accumulate(np.where(wish >= 0, np.arange(len(wish)), 0))
    state = np.maximum(wish[at], 0)
    bars = np.flatnonzero(np.diff(state, prepend=0))
    return (bars + LOOK_BACK).astype(np.int64), state[bars]
