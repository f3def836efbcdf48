"""What can be wrong with an exchange, as codes that are counted and texts that a person can act on."""


class ExchangeFault(Exception):
    """A request or a socket failed. ``reason`` is the code it is counted under."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class RateLimited(ExchangeFault):
    """HTTP 429 or 418: nothing may be asked for ``wait_s``."""

    def __init__(self, reason: str, text: str, wait_s: float) -> None:
        super().__init__(reason, text)
        self.wait_s = wait_s


class RegionRefused(ExchangeFault):
    """The exchange does not serve this network or country."""


class UnknownSymbol(ExchangeFault):
    """The exchange does not (or no longer) trade the symbol."""


def fault_of(error: BaseException) -> ExchangeFault:
    """Return ``error`` as a fault; what ccxt and aiohttp raise is named by kind."""
    if isinstance(error, ExchangeFault):
        return error
    if error.args and isinstance(error.args[0], ExchangeFault):
        return error.args[0]  # ccxt's sockets put what we raise into an error of theirs
    if isinstance(error, TimeoutError):
        return ExchangeFault("timeout", str(error) or "no answer in time")
    from ccxt.base import errors as ccxt_errors

    text = " ".join(str(error).split())[:300]
    if isinstance(error, ccxt_errors.BadSymbol):
        return UnknownSymbol("unknown_symbol", text)
    kinds = {
        "rate_limited": (ccxt_errors.DDoSProtection, ccxt_errors.RateLimitExceeded),
        "unreachable": (ccxt_errors.NetworkError, OSError),
        "refused": (ccxt_errors.BaseError,),
    }
    for reason, types in kinds.items():
        if isinstance(error, types):
            return ExchangeFault(reason, text)
    return ExchangeFault("bad_answer", f"{type(error).__name__}: {text}")
