"""What an exchange's feed delivers, into the tables; the market's clock is the exchange's."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Min
from django.utils import timezone

from engine.window import Window
from market import ingest, side
from market.feeds.exchange.bars import window_of
from market.feeds.exchange.beside import Measured
from market.feeds.exchange.feed import Arrived, Chosen, Stored
from market.holes import LONGEST_WITHOUT_TRADES, HoleSpan
from market.models import Hole, Instrument, Market, Series, UniverseChange


class LiveMarket:
    """The one writer of an exchange's market in a process; a second one does no harm, rows are upserted."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._series: dict[tuple[str, str], Series] = {}
        self.refused: Counter[str] = Counter()  # by reason: what the feed believed and the tables did not

    def reload(self) -> Market:
        """Read the market's row again: scans move it on."""
        self.market = Market.objects.get(pk=self.market.pk)
        return self.market

    @transaction.atomic
    def choose(self, chosen: Chosen) -> dict[tuple[str, str], Stored]:
        """Make the universe what was chosen, record what changed, and return what is stored of its series."""
        known = {i.symbol: i for i in Instrument.objects.filter(market=self.market)}
        watched = {symbol for symbol, one in known.items() if one.watched}
        joined, left = set(chosen.symbols) - watched, watched - set(chosen.symbols)
        Instrument.objects.bulk_create(Instrument(market=self.market, symbol=s) for s in joined - known.keys())
        Instrument.objects.filter(market=self.market, symbol__in=joined).update(watched=True)
        Instrument.objects.filter(market=self.market, symbol__in=left).update(watched=False)
        new_least = self._take_least(chosen.least)
        kinds = UniverseChange.Kind
        changes = {kinds.JOINED: joined, kinds.LEFT: left, kinds.LISTED: chosen.listed, kinds.DELISTED: chosen.delisted}
        UniverseChange.objects.bulk_create(
            UniverseChange(market=self.market, symbol=symbol, kind=kind, at=chosen.at)
            for kind, symbols in changes.items()
            for symbol in sorted(symbols)
        )
        self._end(chosen.delisted)
        if any(changes.values()) or new_least:
            Market.objects.filter(pk=self.market.pk).update(roster=F("roster") + 1)
        self._series = {}
        return self._stored(chosen.symbols)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; rolled back, it leaves no series in memory that the table does not have."""
        try:
            with transaction.atomic():
                yield
        except BaseException:
            self._series = {}
            raise

    def _take_least(self, least: Mapping[str, tuple[float, float]]) -> bool:
        """Store what the exchange says of the smallest orders; return whether that is news."""
        changed = []
        for one in Instrument.objects.filter(market=self.market, symbol__in=list(least)):
            if (one.step, one.min_notional) != least[one.symbol]:
                one.step, one.min_notional = least[one.symbol]
                changed.append(one)
        Instrument.objects.bulk_update(changed, ["step", "min_notional"])
        return bool(changed)

    def known(self, symbols: list[str]) -> dict[tuple[str, str], Stored]:
        """Return what is stored of the series of ``symbols``."""
        return self._stored(symbols)

    def add(self, arrivals: Iterable[Arrived]) -> None:
        """Store bars and holes beside a running feed: market time stays, and what is watched too."""
        with self._writing():
            market = Market.objects.select_for_update().get(pk=self.market.pk)
            ingest.store(market, self._with_holes(_merged(arrivals)))

    def _end(self, symbols: Iterable[str]) -> None:
        """Note where the series of delisted symbols end: no bar is missed from there on."""
        gone = Series.objects.filter(instrument__market=self.market, instrument__symbol__in=list(symbols))
        for series in gone.filter(ended_at=None).annotate(last=Max("candle__open_time")):
            if series.last is not None:
                Series.objects.filter(pk=series.pk).update(ended_at=series.last + series.interval_ms)

    def _stored(self, symbols: list[str]) -> dict[tuple[str, str], Stored]:
        series = Series.objects.filter(instrument__market=self.market, instrument__symbol__in=symbols)
        # Listed again: a series that had ended goes on.
        series.exclude(ended_at=None).update(ended_at=None)
        missing: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for hole in Hole.objects.filter(series__in=series, reason=Hole.Reason.MISSING):
            missing[hole.series_id].append((hole.start, hole.end))
        return {
            (one.instrument.symbol, one.timeframe): Stored(one.oldest, one.newest, missing[one.pk], one.first_open)
            for one in series.select_related("instrument").annotate(
                oldest=Min("candle__open_time"), newest=Max("candle__open_time")
            )
        }

    def store(self, arrivals: Iterable[Arrived], now: int, blocked: str, report: dict[str, Any] | None) -> None:
        """Store bars and holes and move market time on to ``now`` (ms), in one transaction."""
        merged = _merged(arrivals)
        with self._writing():
            market = Market.objects.select_for_update().get(pk=self.market.pk)
            # Never back: a clock that was measured anew may be behind what was told already.
            market.delivered = max(now, market.delivered or 0)
            market.position = market.delivered if market.position is None else market.position
            market.delivered_at, market.blocked = timezone.now(), blocked
            if merged:
                market.arrived = market.delivered
            if report is not None:
                market.state = report
            market.save(update_fields=["delivered", "position", "delivered_at", "blocked", "arrived", "state"])
            if merged:
                self._note(ingest.store(market, self._with_holes(merged)))
            self.market = market

    def measure(self, measured: Measured, now: int) -> None:
        """Store values beside the candles, known at ``now`` (ms); what is stored already stays as it is."""
        instrument = Instrument.objects.get(market=self.market, symbol=measured.symbol)
        values = [side.Arrival(*value) for value in measured.values]
        self._note(side.store(instrument, measured.kind, values, now))

    def _note(self, counts: Counter[str]) -> None:
        for reason in counts.keys() - {"stored", "stored before"}:
            self.refused[reason] += counts[reason]

    def _with_holes(self, arrivals: list[Arrived]) -> list[tuple[Series, Window, list[HoleSpan]]]:
        """Return arrivals as ingest takes them; holes that the bars fill, or that others join, are made anew."""
        series = [self._of(one) for one in arrivals]
        stored: dict[int, list[Hole]] = defaultdict(list)
        for hole in Hole.objects.filter(series__in=series):
            stored[hole.series_id].append(hole)
        ready = []
        for one, arrival in zip(series, arrivals, strict=True):
            old = [HoleSpan(h.start, h.end, h.reason) for h in stored[one.pk]]
            bars = window_of(arrival.bars)
            new = joined_holes([*old, *arrival.holes], set(bars.open_times.tolist()), one.interval_ms)
            gone = [h.pk for h in stored[one.pk] if HoleSpan(h.start, h.end, h.reason) not in new]
            if gone:
                Hole.objects.filter(pk__in=gone).delete()
            ready.append((one, bars, [h for h in new if h not in old]))
        return ready

    def _of(self, arrival: Arrived) -> Series:
        key = (arrival.symbol, arrival.timeframe)
        if key not in self._series:
            instrument, _ = Instrument.objects.get_or_create(
                market=self.market, symbol=arrival.symbol, defaults={"watched": False}
            )
            self._series[key], created = Series.objects.select_related("instrument").get_or_create(
                instrument=instrument, timeframe=arrival.timeframe, defaults={"first_open": arrival.first_open}
            )
            if created:
                Market.objects.filter(pk=self.market.pk).update(roster=F("roster") + 1)
        return self._series[key]


def _merged(arrivals: Iterable[Arrived]) -> list[Arrived]:
    """Return one arrival a series: of two tellings of a bar the later."""
    merged: dict[tuple[str, str], Arrived] = {}
    for one in arrivals:
        key = (one.symbol, one.timeframe)
        before = merged.get(key)
        if before is None:
            merged[key] = one._replace(bars=list({b.open_time: b for b in one.bars}.values()))
        else:
            bars = {b.open_time: b for b in [*before.bars, *one.bars]}
            merged[key] = one._replace(bars=list(bars.values()), holes=[*before.holes, *one.holes])
    return list(merged.values())


def joined_holes(holes: list[HoleSpan], bars: set[int], interval: int) -> list[HoleSpan]:
    """Return ``holes`` without the bars that came, touching ones as one; the later of two tellings counts.

    How long a confirmed hole is says why: at most two bars are without trades, more are an outage.
    """
    reasons: dict[int, str] = {}
    for hole in holes:
        for at in range(hole.start, hole.end, interval):
            if at not in bars and not (hole.reason == "missing" and reasons.get(at, "missing") != "missing"):
                reasons[at] = "missing" if hole.reason == "missing" else "confirmed"
    runs: list[HoleSpan] = []
    for at in sorted(reasons):
        if runs and runs[-1].end == at and runs[-1].reason == reasons[at]:
            runs[-1] = runs[-1]._replace(end=at + interval)
        else:
            runs.append(HoleSpan(at, at + interval, reasons[at]))
    return [run if run.reason == "missing" else run._replace(reason=_why(run, interval)) for run in runs]


def _why(run: HoleSpan, interval: int) -> str:
    return "no_trades" if run.end - run.start <= LONGEST_WITHOUT_TRADES * interval else "outage"


def universe_at(market: Market, at: int) -> list[str]:
    """Return the symbols that were watched at ``at`` (ms), sorted: a backtest of that day takes these."""
    members: set[str] = set()
    kinds = (UniverseChange.Kind.JOINED, UniverseChange.Kind.LEFT)
    for change in UniverseChange.objects.filter(market=market, at__lte=at, kind__in=kinds):
        (members.add if change.kind == UniverseChange.Kind.JOINED else members.discard)(change.symbol)
    return sorted(members)
