"""``manage.py fetch_candles SYMBOL… --timeframe --since``."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from engine.timeframes import DEFAULT_TIMEFRAMES, INTERVAL_MS
from market.feeds import current_market, is_live
from market.feeds.base import FeedError
from market.feeds.exchange import configured
from market.feeds.exchange.backfill import Backfill
from market.feeds.exchange.faults import ExchangeFault
from market.feeds.exchange.universe import require_known
from market.feeds.exchange.venue import Venue
from market.live import LiveMarket
from rest.symbols import normalise
from rest.tables import console_on


class Command(BaseCommand):
    help = (
        "Fetch candles of the exchange in MARKET_SOURCE, oldest first, within its rate limit. Stored bars are not "
        "asked for again: a command that was broken off goes on where it stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+", metavar="SYMBOL")
        parser.add_argument("--timeframe", action="append", choices=list(INTERVAL_MS), help="may be given repeatedly")
        parser.add_argument("--since", required=True, help="ISO date or time, UTC, such as 2024-01-01")

    def handle(self, *args: Any, **options: Any) -> None:
        since = _moment(options["since"])
        timeframes = options["timeframe"] or list(DEFAULT_TIMEFRAMES)
        symbols = [normalise(s) for s in options["symbols"]]
        try:
            market = current_market()
            if not is_live(market):
                raise CommandError(f"MARKET_SOURCE: {settings.MARKET_SOURCE} is no exchange to fetch candles from")
            asyncio.run(self._fetch(LiveMarket(market), configured.venue(), symbols, timeframes, since))
        except (FeedError, ImproperlyConfigured, ExchangeFault) as error:
            raise CommandError(str(error)) from error

    async def _fetch(
        self, live: LiveMarket, venue: Venue, symbols: list[str], timeframes: list[str], since: int
    ) -> None:
        try:
            await venue.load()
            require_known(symbols, venue.listings, "SYMBOL")
            await venue.read_limit()
            known = await sync_to_async(live.known)(symbols)
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            with Progress(*columns, console=console_on(self.stdout)) as progress:
                for symbol in symbols:
                    for timeframe in timeframes:
                        work = Backfill(venue, symbol, timeframe, since, known.get((symbol, timeframe)))
                        task = progress.add_task(f"{symbol} {timeframe}", total=await work.size())
                        async for done in _stored(live, work):
                            progress.update(task, completed=done)
                        self.stdout.write(f"{symbol} {timeframe}: {work.summary()}")
        finally:
            await venue.close()


async def _stored(live: LiveMarket, work: Backfill) -> AsyncIterator[int]:
    """Store each page as it comes; yield how many bars are behind us."""
    async for arrived in work.pages():
        await sync_to_async(live.add)([arrived])
        yield work.done


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--since: must be an ISO date such as 2024-01-01, was {text!r}") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
