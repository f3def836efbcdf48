"""``manage.py collect_news``: ask the installed news sources; run it from cron or a timer."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from market import news
from market.feeds import current_market


class Command(BaseCommand):
    help = "Ask the news sources of installed packages (entry points realtime_agent.news) and store what they say."

    def handle(self, *args: Any, **options: Any) -> None:
        names = [entry.name for entry in news.sources()]
        if not names:
            raise CommandError(f"no news source is installed: no package has an entry point in {news.GROUP!r}")
        market = current_market()
        if market.position is None:
            raise CommandError("the market has not begun: start the agent first")
        try:
            counts = news.collect(market, market.position)
        except news.UnusableSource as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{', '.join(names)}: stored {counts.pop('stored', 0)}")
        for fault, count in sorted(counts.items()):
            self.stdout.write(f"left out {count}: {fault}")
