"""Symbols in exchange style."""


def normalise(text: str) -> str:
    """Return BTCUSDT for BTC/USDT or btcusdt. Takes any text: what is unknown is refused where it is looked up."""
    return text.strip().upper().replace("/", "")
