"""The changes to the agent that a user can see, and what it says of itself."""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from access import audit
from agent.models import AgentState, Runner, ScanRun
from engine.rules import Rules
from engine.score import Policy
from engine.timeframes import DEFAULT_TIMEFRAMES, INTERVAL_MS
from market.feeds import current_market, is_live, speed
from market.models import Instrument, Market
from presets.defaults import FALLBACK
from presets.models import PresetVersion
from presets.services import activate_preset, active_version

AGENT = 1  # the primary key of the one row
UNFED_S = 30.0  # wall time; an exchange's clock is moved on every second
UNFED = f"no process has fed this market for {UNFED_S:.0f} s"


def agent_state() -> AgentState:
    """Return the agent's row; its first values come from the settings."""
    first = {
        "enabled": settings.REALTIME_AGENT_ENABLED,
        "scan_interval_ms": settings.REALTIME_SCAN_INTERVAL_MS,
        "timeframes": list(DEFAULT_TIMEFRAMES),
    }
    return AgentState.objects.get_or_create(pk=AGENT, defaults=first)[0]


def toggle(enabled: bool) -> bool:
    """Turn the agent on or off everywhere. Return False if it already was."""
    agent_state()
    with transaction.atomic():
        # The old state is in the WHERE: of two at once one writes, and is audited.
        changed = AgentState.objects.filter(pk=AGENT).exclude(enabled=enabled)
        if not changed.update(enabled=enabled, version=F("version") + 1):
            return False
        audit.record("agent.toggle", "agent", {"enabled": not enabled}, {"enabled": enabled})
        return True


WATCHED = ("scan_interval_ms", "symbols", "timeframes", "rules")


@transaction.atomic
def configure(changes: dict[str, Any]) -> AgentState:
    """Change what the agent watches and how; ``changes`` are checked fields of the config."""
    agent_state()
    state = AgentState.objects.select_for_update().get(pk=AGENT)
    before = {name: getattr(state, name) for name in WATCHED}
    for name in WATCHED:
        if name in changes:
            setattr(state, name, changes[name])
    state.version += 1
    state.save()
    old, new = audit.changed(before, {name: getattr(state, name) for name in WATCHED})
    if new:
        audit.record("agent.configure", "agent", old, new)
    if "preset" in changes:
        activate_preset(changes["preset"])
    return state


def default_config() -> dict[str, Any]:
    """Return what PUT sets where its body is silent."""
    return {
        "scan_interval_ms": settings.REALTIME_SCAN_INTERVAL_MS,
        "symbols": None,
        "timeframes": list(DEFAULT_TIMEFRAMES),
        "preset": FALLBACK,
        "rules": {},
    }


def rules_of(state: AgentState) -> Rules:
    """Return the rules in force; ``min_confidence`` is no rule of ``decide`` but of the policy."""
    return Rules(**{name: value for name, value in state.rules.items() if name != "min_confidence"})


def policy_of(state: AgentState, preset: PresetVersion) -> Policy:
    """Return the preset's policy, with the agent's own min_confidence if it has one."""
    own = state.rules.get("min_confidence")
    return preset.policy() if own is None else replace(preset.policy(), min_confidence=own)


def watchlist(state: AgentState, market: Market) -> list[Instrument]:
    """Return the instruments the agent watches, by symbol."""
    known = Instrument.objects.filter(market=market, watched=True)
    return list(known if state.symbols is None else known.filter(symbol__in=state.symbols))


def config_json(state: AgentState, market: Market) -> dict[str, Any]:
    """Return the config of the contract."""
    return {
        "scan_interval_ms": state.scan_interval_ms,
        "symbols": [i.symbol for i in watchlist(state, market)],
        "timeframes": state.timeframes,
        "preset": active_version().preset.name,
        "rules": vars(Rules()) | state.rules,
    }


def market_json(market: Market, timeframes: list[str]) -> dict[str, Any]:
    """Return what the status says of the market."""
    smallest = min(INTERVAL_MS[t] for t in timeframes)
    # Bars of a tick under way are stored already; nobody is told of them before it is done.
    told = None if market.position is None or market.last_close is None else min(market.last_close, market.position)
    lag = None if market.position is None or told is None else market.position - told
    if market.position is None or _unfed(market):
        status = "down"
    elif market.ended:
        status = "ended"
    else:
        status = "stale" if lag is None or lag >= 2 * smallest else "live"
    return {
        "source": market.source,
        "status": status,
        "now": market.position,
        "last_candle_at": told,
        "lag_ms": lag,
        "problem": market.blocked or market.state.get("problem") or (UNFED if _unfed(market) else None),
    }


def _unfed(market: Market) -> bool:
    """Whether nobody moves an exchange's clock on: its process is gone, and the stored bars seem as fresh as ever."""
    at = market.delivered_at
    return is_live(market) and at is not None and (timezone.now() - at).total_seconds() > UNFED_S


def status_json() -> dict[str, Any]:
    """Return AgentStatus."""
    state, market = agent_state(), current_market()
    last = ScanRun.objects.filter(market=market).exclude(status=ScanRun.Status.RUNNING).first()
    position = market.position
    interval = state.scan_interval_ms
    going = state.enabled and position is not None and not market.ended
    return {
        "enabled": state.enabled,
        "running": state.enabled and Runner.alive().exists(),
        "scan_interval_ms": interval,
        "subscribed_symbols": [i.symbol for i in watchlist(state, market)],
        "timeframes": state.timeframes,
        "preset": active_version().preset.name,
        "market": market_json(market, state.timeframes) | {"speed": speed(market)},
        "last_scan": last.as_json() if last else None,
        "next_scan_at": position // interval * interval + interval if going and position is not None else None,
        "version": settings.VERSION,
    }
