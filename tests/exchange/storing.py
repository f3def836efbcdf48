"""A feed against the simulated exchange whose bars are stored and scanned as the server does it."""

from collections import Counter, deque

import numpy as np

from agent.living import LiveFeeder
from agent.models import AgentState
from agent.services import agent_state
from agent.ticking import Ticker
from engine.timeframes import INTERVAL_MS
from engine.window import COLUMNS
from market.feeds import current_market
from market.feeds.exchange.feed import ExchangeFeed
from market.models import Candle, CandleRevision, Hole, Series
from market.windows import STALE_INTERVALS
from signals.explaining import explain
from signals.models import Signal
from signals.publish import mark_published
from tests.exchange.harness import Harness
from tests.exchange.simulator import early


class Handed:
    """What ``FeedThread`` is to a feeder, on the test's own loop."""

    def __init__(self) -> None:
        self.events: deque = deque()
        self.feed: ExchangeFeed | None = None

    def start(self) -> None:
        pass

    def replan(self, timeframes: list[str]) -> None:
        pass

    def take(self, timeout_s: float) -> list:
        taken, self.events = list(self.events), deque()
        return taken


class StoringHarness(Harness):
    """To be used where Django may be called beside a running loop: DJANGO_ALLOW_ASYNC_UNSAFE."""

    def __init__(self, *arguments, **plan) -> None:
        super().__init__(*arguments, **plan)
        self.thread = Handed()
        market = current_market()
        self.feeder = LiveFeeder(market, self.thread, lambda: self.clock.now_ms() / 1000.0)
        self.ticker = Ticker(market)
        # A scan follows the bars that come in; the periodic one finds nothing more, and need not look so often.
        agent_state()
        AgentState.objects.update(scan_interval_ms=300_000)
        self.stored_at = 0
        self.on_step = lambda: None

    def _deliver(self, event) -> None:
        self.order.append((event.symbol, ""))
        self.thread.events.append(event)

    async def _stored(self, chosen):
        self.chosen.append(chosen)
        return self.feeder._live.choose(chosen)

    async def settle(self) -> None:
        """Store and scan what came of the last step, too, before the clock moves on."""
        self.thread.feed = self.feed
        await super().settle()
        while self.thread.events or self.clock.now_ms() - self.stored_at >= 1000:
            self.stored_at = self.clock.now_ms()
            self.feeder.step()
            mark_published(self.ticker.step(0.0).signals)
            self.on_step()
            await super().settle()

    def wrong(self, start: int, end: int) -> list:
        """Return what differs between stored and true bars that close in (start, end], and holes without a row."""
        found = []
        for one in Series.objects.select_related("instrument"):
            symbol, timeframe, interval = one.instrument.symbol, one.timeframe, one.interval_ms
            have = self._stored_bars(one)
            expected = self.truth.between(symbol, timeframe, start - interval + 1, end - interval + 1)
            true = dict(zip(expected.open_times.tolist(), np.round(expected.values, 8).T.tolist(), strict=True))
            inside = [t for t in have if start - interval < t <= end - interval]
            found += [
                (symbol, timeframe, at, have.get(at), true.get(at))
                for at in sorted({*true, *inside})
                if have.get(at) != true.get(at)
            ]
            holes = list(Hole.objects.filter(series=one).values_list("start", "end"))
            grid = range(-(-(start - interval + 1) // interval) * interval, end - interval + 1, interval)
            silent = [t for t in grid if t not in have and not any(a <= t < b for a, b in holes)]
            found += [(symbol, timeframe, at, "no row says that it is missing", None) for at in silent]
        return found

    def _stored_bars(self, one: Series) -> dict[int, list[float]]:
        rows = Candle.objects.filter(series=one).values_list("open_time", *COLUMNS)
        return {at: list(values) for at, *values in rows}

    def lies(self) -> list:
        """Return former values of corrected bars that the exchange never told."""
        found = []
        for one in CandleRevision.objects.select_related("series__instrument"):
            if one.open is None:
                continue  # it was not there yet
            series, values = one.series, [getattr(one, name) for name in COLUMNS]
            close = one.open_time + series.interval_ms
            true = self.truth.closing(series.timeframe, close, series.instrument.symbol)
            if true is None or values not in ([round(x, 8) for x in true], [round(x, 8) for x in early(true)]):
                found.append((str(series), one.open_time, values, true))
        return found

    def unfounded(self) -> tuple[Counter, list]:
        """Return the verdicts on the signals, and those from a bar that was stale or not what was stored then."""
        verdicts, found = Counter(), []
        for signal in Signal.objects.select_related("instrument", "preset_version__preset"):
            told = explain(signal)
            verdicts[told["reason"] or "identical"] += 1
            ages = {
                timeframe: (signal.as_of - used["last_open"]) // INTERVAL_MS[timeframe] - 1
                for timeframe, used in signal.timeframes.items()
            }
            if told["identical"] is not True or max(ages.values()) >= STALE_INTERVALS:
                found.append((str(signal), told["reason"], ages))
        return verdicts, found
