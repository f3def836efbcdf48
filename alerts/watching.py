"""From what a scan scored to what is found: called in the transaction that stores it.

Whatever ends the scan before its commit leaves neither the signals nor what is to be told of them.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone

from alerts import messages
from alerts.conditions import Conditions, Heard, Reading, State, step
from alerts.models import Alert, Delivery, Rule, RuleState, Target, alert_id, delivery_id, digest_id
from alerts.quiet import due_at
from engine.score import Policy
from market.models import Instrument, Market
from signals.models import Signal
from signals.scoring import SymbolResult

logger = logging.getLogger(__name__)

States = dict[tuple[int, int], State]


class Found(NamedTuple):
    """A rule that is to be told of a symbol."""

    rule: Rule
    alert: Alert


class _Applied(NamedTuple):
    """What one rule comes to in one scan."""

    changed: list[RuleState]
    found: list[Found]


def watch(
    market: Market, scored: Sequence[SymbolResult], signals: Sequence[Signal], policy: Policy, preset: str
) -> list[Alert]:
    """Apply every enabled rule to what was scored and is stored now; put what is to be told in the outbox.

    scored: the results with a score that were news. signals: those of them that became signals.
    """
    rules = list(Rule.objects.filter(enabled=True).prefetch_related("targets"))
    if not rules or not scored:
        return []
    told = {signal.instrument_id: signal for signal in signals}
    if all(rule.watches == Rule.Watches.SIGNALS for rule in rules):
        scored = [result for result in scored if result.instrument.pk in told]
    states = _states(rules, [result.instrument for result in scored])
    detailed = any(rule.conditions.get("detectors") for rule in rules)
    readings = [(result, _reading(result, detailed)) for result in scored]
    found: list[Found] = []
    changed: list[RuleState] = []
    for rule in rules:
        try:
            one = _apply(rule, market, readings, told, states, policy, preset)
        except Exception:  # nothing that a rule holds may keep signals from being stored
            logger.exception("rule %s (%d) cannot be applied and is left out of this scan", rule, rule.pk)
            continue
        changed += one.changed
        found += one.found
    _save(changed)
    _put_out(found, timezone.now())
    return [one.alert for one in found]


def _apply(
    rule: Rule,
    market: Market,
    readings: Sequence[tuple[SymbolResult, Reading]],
    told: Mapping[int, Signal],
    states: States,
    policy: Policy,
    preset: str,
) -> "_Applied":
    """Return what a rule finds in these readings and where it stands afterwards. Reads and stores nothing."""
    wanted, every = Conditions.of(rule.conditions), rule.trigger == Rule.Trigger.EVERY
    applied = _Applied([], [])
    for result, reading in readings:
        signal = told.get(result.instrument.pk)
        if rule.watches == Rule.Watches.SIGNALS and signal is None:
            continue
        before = states.get((rule.pk, result.instrument.pk), State())
        after, fires = step(before, reading, wanted, policy, rule.cooldown_s * 1000.0, every)
        if after != before:
            applied.changed.append(_row(rule, result.instrument, after))
        if fires:
            applied.found.append(Found(rule, _alert(market, rule, reading, signal, preset, result)))
    return applied


def _states(rules: Sequence[Rule], instruments: Sequence[Instrument]) -> States:
    rows = RuleState.objects.filter(rule__in=rules, instrument__in=instruments)
    return {(r.rule_id, r.instrument_id): State(r.holds, r.told_as_of, r.told) for r in rows}


def _row(rule: Rule, instrument: Instrument, state: State) -> RuleState:
    return RuleState(rule=rule, instrument=instrument, holds=state.holds, told_as_of=state.told_as_of, told=state.told)


def _save(changed: list[RuleState]) -> None:
    if changed:
        RuleState.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["rule", "instrument"],
            update_fields=["holds", "told_as_of", "told"],
        )


def _reading(result: SymbolResult, detailed: bool) -> Reading:
    """Return what rules look at; what each detector says only if one of them asks."""
    score = result.score
    assert score is not None  # callers leave out what has none
    heard: Mapping[str, Mapping[str, Heard]] = {
        timeframe: {part.name: Heard((part.score + 1.0) / 2.0, part.confidence) for part in one.score.parts}
        for timeframe, one in result.series.items()
        if detailed
    }
    return Reading(
        result.symbol,
        result.as_of,
        score.score,
        score.confidence,
        score.consensus,
        score.direction,
        score.advice,
        heard,
    )


def _alert(
    market: Market, rule: Rule, reading: Reading, signal: Signal | None, preset: str, result: SymbolResult
) -> Alert:
    pk, now = alert_id(market.epoch, rule, reading.symbol, reading.as_of), timezone.now()
    event: dict[str, Any] = {
        "id": str(pk),
        "rule": rule.name,
        "symbol": reading.symbol,
        "ts": reading.as_of,
        "score": reading.score,
        "confidence": reading.confidence,
        "consensus": reading.consensus,
        "direction": reading.direction,
        "advice": reading.advice,
        "price": result.price,
        "timeframes": {t: one.score.score for t, one in result.series.items()},
        "preset": preset,
        "source": market.source,
        "signal": {"id": str(signal.pk), "seq": signal.seq, "because": signal.because} if signal else None,
    }
    title, text = messages.told(event, rule.title, rule.text)
    return Alert(
        id=pk,
        rule=rule,
        rule_name=rule.name,
        symbol=reading.symbol,
        as_of=reading.as_of,
        created_ms=int(now.timestamp() * 1000),
        event=event,
        title=title[:300],
        text=text,
    )


def _put_out(found: Sequence[Found], now: datetime) -> None:
    if not found:
        return
    Alert.objects.bulk_create([one.alert for one in found], ignore_conflicts=True)
    at_once, together = [], []
    for rule, alert in found:
        due = due_at(now, rule.quiet, rule.digest_s)
        for target in rule.targets.all():
            if due is None:
                at_once.append((new_delivery(delivery_id(alert.pk, target), target, now, rule.quiet), alert))
            else:
                together.append((rule, target, due, alert))
    at_once += _gathered(together, now)
    Delivery.objects.bulk_create([delivery for delivery, _ in at_once], ignore_conflicts=True)
    _link((delivery.pk, alert.pk) for delivery, alert in at_once)


def new_delivery(
    pk: Any, target: Target, due: datetime, quiet: Any = None, kind: str = Delivery.Kind.ALERT
) -> Delivery:
    """Return a row of the outbox, not stored yet."""
    return Delivery(
        id=pk,
        kind=kind,
        target=target,
        target_name=target.name,
        created_ms=int(timezone.now().timestamp() * 1000),
        due_at=due,
        give_up_at=due + timedelta(hours=settings.ALERTS_GIVE_UP_HOURS),
        quiet=quiet,
    )


def _gathered(together: Sequence[tuple[Rule, Target, datetime, Alert]], now: datetime) -> list[tuple[Delivery, Alert]]:
    """Add alerts to their digests; return with a message of its own what comes too late for one."""
    rows = {
        digest_id(rule, target, due): new_delivery(
            digest_id(rule, target, due), target, due, rule.quiet, Delivery.Kind.DIGEST
        )
        for rule, target, due, _ in together
    }
    Delivery.objects.bulk_create([rows[pk] for pk in sorted(rows)], ignore_conflicts=True)
    # Locked in one order, and until the commit: whoever sends it meanwhile waits, and then sees what was added.
    locked = Delivery.objects.filter(pk__in=list(rows)).order_by("pk").select_for_update(of=("self",))
    open_ones = {one.pk for one in locked if one.status == Delivery.Status.PENDING and one.attempts == 0}
    links, late = [], []
    for rule, target, due, alert in together:
        pk = digest_id(rule, target, due)
        if pk in open_ones:
            links.append((pk, alert.pk))
        else:
            late.append((new_delivery(delivery_id(alert.pk, target), target, now, rule.quiet), alert))
    _link(links)
    return late


def _link(pairs: Iterable[tuple[Any, Any]]) -> None:
    through = Delivery.alerts.through
    rows = [through(delivery_id=delivery, alert_id=alert) for delivery, alert in pairs]
    through.objects.bulk_create(rows, ignore_conflicts=True)
