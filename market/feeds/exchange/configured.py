"""The feed that the settings ask for."""

from collections.abc import Callable
from typing import Any

from django.conf import settings

from market.feeds.exchange.feed import Chosen, ExchangeFeed, Plan
from market.feeds.exchange.universe import Selection
from market.feeds.exchange.venue import Venue
from rest.symbols import normalise


def selection() -> Selection:
    """Return which symbols the settings name or describe."""
    return Selection(
        symbols=tuple(normalise(s) for s in settings.EXCHANGE_SYMBOLS),
        top=settings.EXCHANGE_TOP,
        quote=settings.EXCHANGE_QUOTE.upper(),
        min_volume=settings.EXCHANGE_MIN_VOLUME,
        min_age_days=settings.EXCHANGE_MIN_AGE_DAYS,
    )


def venue() -> Venue:
    """Return the exchange of MARKET_SOURCE. Raises FeedError if there is none of that name."""
    urls = (settings.EXCHANGE_URL.rstrip("/"), settings.EXCHANGE_STREAM_URL.rstrip("/"))
    return Venue(settings.MARKET_SOURCE, urls=urls if settings.EXCHANGE_URL else None)


def configured_feed(
    timeframes: list[str], deliver: Callable[[Any], None], stored: Callable[[Chosen], Any]
) -> ExchangeFeed:
    """Return the feed of MARKET_SOURCE for ``timeframes``."""
    plan = Plan(
        selection(),
        list(timeframes),
        audit_s=settings.EXCHANGE_AUDIT_MINUTES * 60.0,
        # Who names another host for the candles need not reach, or want, the exchange's own for the rest.
        derivatives=settings.EXCHANGE_DERIVATIVES
        and bool(settings.EXCHANGE_DERIVATIVES_URL or not settings.EXCHANGE_URL),
        derivatives_url=settings.EXCHANGE_DERIVATIVES_URL,
    )
    return ExchangeFeed(venue(), plan, deliver, stored)
