"""Numbers as a person reads them."""

from math import floor, log10


def price(value: float) -> str:
    """Return a price with six significant digits and a thousands separator: 64,120.0, 0.0000124512."""
    if value <= 0:
        return f"{value:g}"
    decimals = max(0, 5 - floor(log10(value)))
    return f"{value:,.{decimals}f}"
