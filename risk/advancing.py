"""The paper portfolio taken through the candles that have closed: orders filled, stops and targets hit, marks, equity.

What comes out is a function of the stored orders and candles: the portfolio's row is locked, ``processed`` says how
far it is, and all that happened up to there is stored with it in one transaction. So a restart goes on, a second
worker finds nothing left to do, and a tick that is rolled back takes its trades with it.

On a bar as in ``engine.simulation``: at the open first leave, then enter; then what the bar touched; then the close.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import isfinite, nan

from django.db import transaction
from django.db.models import QuerySet, Sum

from engine.fills import AT_STOP, NOT_TOUCHED, exit_price, fee_of, market_price, profit_of, touched
from engine.plan import ENTER_LONG, ENTER_SHORT, SIGNAL_TERMS, asks_to_leave, stop_price, target_price
from engine.timeframes import INTERVAL_MS
from market.models import Instrument, Market, Series, SideSeries, SideValue
from market.updating import update_each
from risk import protections
from risk.bars import Bar, course
from risk.books import book_of, bounds, lost_today, measured_for
from risk.limits import Proposal, Unsound, Verdict, weigh
from risk.models import EquityPoint, Order, Portfolio, Position, Protection

HOUR_MS, DAY_MS = INTERVAL_MS["1h"], INTERVAL_MS["1d"]
FUNDING_MS = 8 * HOUR_MS  # rates are told per 8 h
MOST_MS = 14 * DAY_MS  # in one transaction: what lies behind a longer rest of the agent is done by and by
FOLLOWED = ("series", "mark", "funding", "funded_until", "fees", "bars", "how", "exit", "exited_at", "profit")
DECIDED = ("series", "status", "reason", "limits", "decided_at", "position")

Status, How = Order.Status, Position.How


@transaction.atomic
def advance(market: Market, now: int, timeframes: Sequence[str] = ()) -> int:
    """Take the portfolio of ``market`` up to ``now`` (ms); return how many positions were opened and closed.

    timeframes: those whose bars come in. What was followed on another one goes on with the smallest of them.
    """
    portfolio = Portfolio.objects.filter(market=market).select_for_update(no_key=True).first()
    if portfolio is None:
        return 0
    portfolio.market = market
    if portfolio.processed is None:
        Portfolio.objects.filter(pk=portfolio.pk).update(processed=now)
        return 0
    if now <= portfolio.processed:
        return 0
    start, now = portfolio.processed, min(now, portfolio.processed + MOST_MS)
    walk = _Walk(portfolio)
    if not walk.busy:
        Portfolio.objects.filter(pk=portfolio.pk).update(processed=now)
        return 0
    walk.go_on_with(timeframes)
    ahead = course(walk.needed(), start, now)
    for close, bars in ahead.closes:
        walk.step(close, bars)
    portfolio.processed = ahead.until
    walk.leave_what_ended(ahead.until)
    walk.save()
    return walk.count


class _Walk:
    """One advance, in memory until ``save``."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.portfolio = portfolio
        held = Position.objects.filter(portfolio=portfolio, how=How.OPEN)
        held = held.select_related("instrument", "series")
        self.open: dict[int, Position] = {one.instrument_id: one for one in held.order_by("instrument__symbol")}
        waiting = Order.objects.waiting().filter(portfolio=portfolio)
        self.waiting = list(
            waiting.select_related("instrument", "series", "signal").defer("signal__timeframes").order_by("pk")
        )
        self.busy = bool(self.open or self.waiting)
        self.count = 0
        self._realised: float | None = None
        self._decided: list[Order] = []
        self._points: list[EquityPoint] = []
        if self.busy:
            self.bounds = bounds()
            # Those that are over stay until it was taken note of, lifted or not.
            self._protections = list(portfolio.protections.filter(over=False))
            self._fundings = self._read_fundings()

    def _trades(self) -> "QuerySet[Position]":
        return self.portfolio.positions.exclude(how=How.OPEN).select_related("instrument").order_by("-exited_at", "-pk")

    def go_on_with(self, timeframes: Sequence[str]) -> None:
        """Follow what lies on a timeframe that no longer comes in on the smallest of those that do."""
        lost = [one for one in self._moved_by_bars() if timeframes and one.series.timeframe not in timeframes]
        if not lost:
            return
        wanted = Series.objects.filter(instrument__in={one.instrument_id for one in lost}, timeframe__in=timeframes)
        smallest: dict[int, Series] = {}
        for series in sorted(wanted, key=lambda one: -one.interval_ms):
            smallest[series.instrument_id] = series
        for one in lost:
            one.series = smallest.get(one.instrument_id, one.series)

    def _moved_by_bars(self) -> "list[Order | Position]":
        return [*reversed(self.waiting), *self.open.values()]

    def needed(self) -> dict[Series, int | None]:
        """Return the series whose bars move something, each with the open (ms) of the first such bar.

        None: whatever comes of it, nothing is waited for, as of a symbol that is no longer watched.
        """
        # The earliest order of a series counts, a position more than all of them.
        found = {one.series: one.fills_from for one in reversed(self.waiting)}
        found |= {one.series: 0 for one in self.open.values()}
        watched = {one.instrument_id: one.instrument.watched for one in self._moved_by_bars()}
        return {series: since if watched[series.instrument_id] else None for series, since in found.items()}

    def step(self, close: int, bars: dict[int, Bar]) -> None:
        """Take everything through the bars that close at ``close``."""
        count = self.count
        self._end_protections(close)
        self._at_open(bars)
        for position in list(self.open.values()):
            if position.series_id in bars:
                self._through(position, bars[position.series_id], close)
        self._value(close, changed=self.count != count)

    # What waits for the open

    def _at_open(self, bars: dict[int, Bar]) -> None:
        due = defaultdict(list)
        for order in self.waiting:
            if order.series_id in bars and bars[order.series_id].open_time >= order.fills_from:
                due[order.instrument_id].append(order)
        newest = []
        for orders in due.values():
            for old in orders[:-1]:
                self._decide(old, Status.SUPERSEDED, f"order {orders[-1].pk} came before its bar", bars)
            newest.append(orders[-1])
        newest.sort(key=lambda order: (order.placed_at, order.instrument.symbol))
        for order in newest:  # what leaves makes room for what enters
            self._leave_at_open(order, bars[order.series_id])
        for order in newest:
            if order.status == Status.WAITING:
                self._enter_at_open(order, bars)

    def _leave_at_open(self, order: Order, bar: Bar) -> None:
        position = self.open.get(order.instrument_id)
        if position is None or not asks_to_leave(order.intent, float(position.side)):
            return
        price = market_price(bar.open, -float(position.side), self.portfolio.slippage)
        self._close(position, price, How.HAND if order.signal_id is None and order.by else How.SIGNAL, bar.open_time)
        order.position = position
        if abs(order.intent) != ENTER_LONG:
            order.status, order.decided_at = Status.FILLED, bar.open_time
            self._done(order)

    def _enter_at_open(self, order: Order, bars: dict[int, Bar]) -> None:
        bar = bars[order.series_id]
        side = {ENTER_LONG: 1, ENTER_SHORT: -1}.get(order.intent, 0)
        status, reason = self._what_holds_it(order, side, bar)
        if status == Status.WAITING:
            try:
                proposal, target = self._proposal(order, side, bar)
                verdict = self._weigh(proposal, order.instrument, bar.open_time)
            except Unsound as error:
                status, reason = Status.REJECTED, f"{error.field}: {error}"
            else:
                order.limits, reason = verdict.limits, verdict.reason
                status = Status.FILLED if verdict.quantity > 0.0 else Status.REJECTED
                if verdict.quantity > 0.0:
                    self._open(order, proposal, verdict.quantity, target, bar)
        self._decide(order, status, reason, bars)

    def _what_holds_it(self, order: Order, side: int, bar: Bar) -> tuple[Order.Status, str]:
        """Return what becomes of an order before any limit is asked, WAITING if nothing holds it."""
        held = self.open.get(order.instrument_id)
        if side == 0:
            return Status.NOTHING, "there was no position to leave"
        if held is not None:
            return Status.NOTHING, f"it is {'long' if held.side > 0 else 'short'} already"
        if side < 0 and not self.portfolio.shorts:
            return Status.REJECTED, "the portfolio does not sell short"
        resting = protections.in_the_way(self._protections, order.instrument, bar.open_time)
        if resting is not None:
            order.limits = [str(resting.kind)]
            return Status.REJECTED, f"{resting.kind}: {resting.reason}"
        return Status.WAITING, ""

    def _proposal(self, order: Order, side: int, bar: Bar) -> tuple[Proposal, float | None]:
        """Return what is to be opened and its target. Raises Unsound."""
        portfolio = self.portfolio
        entry = market_price(bar.open, float(side), portfolio.slippage)
        stop = order.stop
        if stop is None:  # of before there were plans: by ATR alone
            atr = order.signal.atr if order.signal else nan
            stop = stop_price(float(side), entry, atr, nan, nan, SIGNAL_TERMS)
        target = order.target
        if target is not None and (target - entry) * side <= 0.0:
            raise Unsound("take_profit", f"{target} lies on the wrong side of the entry {entry}")
        if target is None:
            by_r = target_price(float(side), entry, stop, portfolio.target_r)
            target = by_r if isfinite(by_r) else None
        instrument = order.instrument
        least = instrument.step, instrument.min_notional
        return Proposal(instrument.symbol, side, entry, stop, order.quantity, *least), target

    def _weigh(self, proposal: Proposal, instrument: Instrument, at: int) -> Verdict:
        book = book_of(self.portfolio, list(self.open.values()), lost_today(self.portfolio, at))
        others = [one.instrument for one in self.open.values()]
        measured = measured_for(self.portfolio.market, instrument, proposal.side, book, others, at)
        return weigh(proposal, book, self.bounds, measured)

    def _open(self, order: Order, proposal: Proposal, quantity: float, target: float | None, bar: Bar) -> None:
        fee = fee_of(quantity, proposal.entry, self.portfolio.fee)
        position = Position(
            portfolio=self.portfolio,
            instrument=order.instrument,
            series=order.series,
            signal=order.signal,
            side=proposal.side,
            quantity=quantity,
            entry=proposal.entry,
            entered_at=bar.open_time,
            stop=proposal.stop,
            target=target,
            mark=proposal.entry,
            funded_until=bar.open_time,
            fees=fee,
        )
        position.save(force_insert=True)  # the constraint on open positions speaks now
        self.portfolio.cash -= proposal.side * quantity * proposal.entry + fee
        # By symbol, as they are read after a restart: sums and ties must not depend on when that was.
        self.open[order.instrument_id] = position
        self.open = dict(sorted(self.open.items(), key=lambda item: item[1].instrument.symbol))
        order.position = position
        self.count += 1

    # What the bar does

    def _through(self, position: Position, bar: Bar, close: int) -> None:
        side = float(position.side)
        target = nan if position.target is None else position.target
        touch = touched(side, bar.open, bar.high, bar.low, position.stop, target)
        if touch.how != NOT_TOUCHED:
            price = exit_price(touch, side, self.portfolio.slippage)
            self._close(position, price, How.STOP if touch.how == AT_STOP else How.TARGET, close)
            return
        position.bars += 1
        position.mark = bar.close
        self._fund(position, close)

    def _close(self, position: Position, price: float, how: Position.How, at: int) -> None:
        portfolio, side = self.portfolio, float(position.side)
        fee = fee_of(position.quantity, price, portfolio.fee)
        position.fees += fee
        position.how, position.exit, position.exited_at = how, price, at
        earned = profit_of(side, position.quantity, position.entry, price, position.fees)
        position.profit = earned + position.funding
        position.save(update_fields=FOLLOWED)  # at once: another one of this symbol may be opened on the same bar
        portfolio.cash += side * position.quantity * price - fee
        del self.open[position.instrument_id]
        if self._realised is not None:
            self._realised += position.profit
        newest = list(self._trades()[: protections.IN_A_ROW])
        self._protections += protections.after_trade(portfolio, position, newest, at)
        self.count += 1

    def _read_fundings(self) -> dict[int, list[tuple[int, int, float]]]:
        """Return by instrument id its funding: (time, known at, share of the notional), not settled yet."""
        ids = {*self.open, *(one.instrument_id for one in self.waiting)}
        members = {
            one.pk: one.instrument_id
            for one in SideSeries.objects.filter(instrument__in=ids, kind=SideSeries.Kind.FUNDING_RATE)
        }
        found: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
        if not members:
            return found
        since = min([one.funded_until for one in self.open.values()], default=self.portfolio.processed or 0)
        rows = SideValue.objects.filter(series__in=members, time__gt=since - FUNDING_MS).order_by("series_id", "time")
        before: dict[int, int] = {}
        for pk, time, known_at, rate in rows.values_list("series_id", "time", "known_at", "value"):
            span = min(time - before.get(pk, time - FUNDING_MS), FUNDING_MS)
            before[pk] = time
            found[members[pk]].append((time, known_at, rate * span / FUNDING_MS))
        return found

    def _fund(self, position: Position, close: int) -> None:
        """Settle the funding of times up to ``close`` that is known by then: longs pay a positive rate."""
        for time, known_at, share in self._fundings.get(position.instrument_id, ()):
            if position.funded_until < time <= close and known_at <= close:
                paid = position.side * position.quantity * position.mark * share
                position.funding -= paid
                position.funded_until = time
                self.portfolio.cash -= paid

    # What it comes to

    def _value(self, close: int, changed: bool) -> None:
        portfolio = self.portfolio
        equity = book_of(portfolio, list(self.open.values())).equity
        drawdown = 1.0 - equity / max(portfolio.peak, equity)
        portfolio.peak, portfolio.limit_peak = max(portfolio.peak, equity), max(portfolio.limit_peak, equity)
        paused = any(one.kind == Protection.Kind.DRAWDOWN for one in self._protections if not one.over)
        if not paused:
            since_pause = 1.0 - equity / portfolio.limit_peak
            pause = protections.after_close(portfolio, since_pause, self.bounds, close)
            self._protections += [pause] if pause else []
        if changed or (self.open and close % HOUR_MS == 0):
            if self._realised is None:
                self._realised = self._trades().aggregate(total=Sum("profit"))["total"] or 0.0
            self._points.append(
                EquityPoint(
                    portfolio=portfolio,
                    ts=close,
                    equity=equity,
                    realised=self._realised,
                    unrealised=sum(one.unrealised - one.fees + one.funding for one in self.open.values()),
                    drawdown=drawdown,
                    positions=len(self.open),
                )
            )

    def _end_protections(self, close: int) -> None:
        """Take note of protections that are over: behind a pause the drawdown counts from what is left."""
        for one in self._protections:
            if not one.over and one.until <= close:
                one.over = True
                if one.kind == Protection.Kind.DRAWDOWN:
                    self.portfolio.limit_peak = book_of(self.portfolio, list(self.open.values())).equity

    def leave_what_ended(self, until: int) -> None:
        """Close at its last mark what will have no more bars: its series is over, or it is no longer watched."""
        for position in list(self.open.values()):
            over = _over(position.instrument, position.series, until)
            if over is not None:
                price = market_price(position.mark, -float(position.side), self.portfolio.slippage)
                self._close(position, price, How.ENDED, max(over, position.entered_at))
        for order in list(self.waiting):
            over = _over(order.instrument, order.series, until)
            if over is not None and order.fills_from >= over:
                order.status, order.reason, order.decided_at = Status.REJECTED, "its bars have ended", over
                self._done(order)

    def _decide(self, order: Order, status: Order.Status, reason: str, bars: dict[int, Bar]) -> None:
        # An order that left one side and may not enter the other was filled as far as it went.
        order.status = Status.FILLED if status == Status.REJECTED and order.position_id else status
        order.reason, order.decided_at = reason[:500], bars[order.series_id].open_time
        self._done(order)

    def _done(self, order: Order) -> None:
        self.waiting.remove(order)
        self._decided.append(order)

    def save(self) -> None:
        """Store what happened, all of it with how far it is."""
        update_each(list(self.open.values()), FOLLOWED)
        update_each(self._decided, DECIDED)
        EquityPoint.objects.bulk_create(self._points, 500)
        new = [one for one in self._protections if one.pk is None]
        Protection.objects.bulk_create(new)
        Protection.objects.bulk_update([one for one in self._protections if one not in new], ["over"])
        self.portfolio.save(update_fields=["cash", "peak", "limit_peak", "processed"])


def _over(instrument: Instrument, series: Series, until: int) -> int | None:
    """Return when (ms) the bars of a series were over before ``until``, None while more come."""
    if series.ended_at is not None and series.ended_at < until:
        return series.ended_at
    return None if instrument.watched else until
