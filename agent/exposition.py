"""``/metrics``: what every process counts, and what the database knows, as Prometheus text."""

import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db.models import Count, Min, OuterRef, Q, Subquery
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from agent.figures import every_process
from agent.health import MARKET, PATIENCE_S
from agent.models import AgentState, Runner, Tally
from agent.services import agent_state, market_json
from agent.tally import SEPARATOR
from agent.watchdog import overdue
from backtest.models import Backtest
from engine.timeframes import INTERVAL_MS
from market.feeds import current_market, is_live
from market.models import Candle, Hole, Market, Series
from signals.models import Signal
from telemetry.catalogue import CATALOGUE

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
Found = Iterator[tuple[str, dict[str, str], float]]  # metric, labels, value


def exposition() -> str:
    """Return the answer to a scrape. Every metric of the catalogue is in it, and no other."""
    registry = CollectorRegistry()
    registry.register(_Everything())
    return generate_latest(registry).decode()


class _Everything(Collector):
    def collect(self) -> Iterator[Metric]:
        metrics = {name: Metric(name, about.help, about.kind) for name, about in CATALOGUE.items()}
        for process, kind, samples in every_process():
            for name, rows in samples.items():
                if name in metrics:  # another release may know more
                    for sample, labels, value in rows:
                        metrics[name].add_sample(sample, {**labels, "process": process}, value)
            _count(metrics["agent_processes"], {"kind": kind})
        for name, labels, value in _stored():
            metric = metrics[name]
            metric.add_sample(f"{name}_total" if metric.type == "counter" else name, labels, value)
        yield from metrics.values()


def _count(metric: Metric, labels: dict[str, str]) -> None:
    known = next((s for s in metric.samples if s.labels == labels), None)
    if known is None:
        metric.add_sample(metric.name, labels, 1)
    else:
        metric.samples[metric.samples.index(known)] = known._replace(value=known.value + 1)


def _stored() -> Found:
    state, market = agent_state(), current_market()
    yield "agent_build_info", {"version": settings.VERSION, "python": platform.python_version()}, 1
    yield from _agent(state)
    yield from _tallies(market)
    yield from _market(state, market)
    yield from _queues(market)


def _agent(state: AgentState) -> Found:
    yield "agent_enabled", {}, state.enabled
    yield "agent_running", {}, state.enabled and Runner.alive().exists()
    yield "agent_scan_overdue_seconds", {}, overdue(LONG_AGO) or 0.0


def _tallies(market: Market) -> Found:
    for row in Tally.objects.filter(market=market).order_by("name", "labels"):
        names = CATALOGUE[row.name].labels
        values = row.labels.split(SEPARATOR) if names else []
        yield row.name, dict(zip(names, values, strict=True)), row.value


def _market(state: AgentState, market: Market) -> Found:
    yield "agent_market_live", {}, MARKET[market_json(market, state.timeframes)["status"]] == "ok"
    if market.position is not None:
        yield "agent_market_time_seconds", {}, market.position / 1000
        for timeframe, newest in _newest_closes(state, market):
            yield "agent_feed_lag_seconds", {"timeframe": timeframe}, max(market.position - newest, 0) / 1000
    holes = Hole.objects.filter(series__instrument__market=market).order_by("reason")
    for reason, count in holes.values_list("reason").annotate(Count("pk")):
        yield "agent_holes", {"reason": reason}, count
    if is_live(market):
        yield from _exchange(market.state)


def _newest_closes(state: AgentState, market: Market) -> Iterator[tuple[str, int]]:
    """Yield by watched timeframe the close of the newest candle of the series that is furthest behind."""
    newest = Candle.objects.filter(series=OuterRef("pk")).order_by("-open_time").values("open_time")[:1]
    going = Q(ended_at=None) | Q(ended_at__gt=market.position)
    watched = Series.objects.filter(
        going, instrument__market=market, instrument__watched=True, timeframe__in=state.timeframes
    )
    if state.symbols is not None:
        watched = watched.filter(instrument__symbol__in=state.symbols)
    opens = watched.annotate(newest=Subquery(newest)).exclude(newest=None).order_by()
    for timeframe, open_time in opens.values_list("timeframe").annotate(Min("newest")):
        yield timeframe, open_time + INTERVAL_MS[timeframe]


def _exchange(told: dict[str, Any]) -> Found:
    for of, value in (told.get("weight") or {}).items():
        yield "agent_exchange_weight", {"of": of}, value
    for of, value in ((told.get("derivatives") or {}).get("weight") or {}).items():
        yield "agent_exchange_weight", {"of": f"derivatives_{of}"}, value
    for event, count in (told.get("counts") or {}).items():
        yield "agent_exchange_events", {"event": event}, count


def _queues(market: Market) -> Found:
    waiting = Signal.objects.filter(published=False, instrument__market=market).count()  # a partial index
    yield "agent_queue_depth", {"queue": "unsent_signals"}, waiting
    yield "agent_queue_depth", {"queue": "backtests"}, Backtest.objects.filter(status__in=Backtest.ACTIVE).count()
    if urlsplit(settings.CELERY_BROKER_URL).scheme in ("redis", "rediss", "unix"):
        depth = _broker_depth()
        if depth is not None:
            yield "agent_queue_depth", {"queue": "broker"}, depth


def _broker_depth() -> int | None:
    """Return how many tasks wait at a broker on Redis; None while it does not answer, which ``/health`` says."""
    url, patience = settings.CELERY_BROKER_URL, {"socket_connect_timeout": PATIENCE_S, "socket_timeout": PATIENCE_S}
    try:
        with redis.Redis.from_url(url, **patience) as client:
            return int(client.llen(settings.CELERY_TASK_DEFAULT_QUEUE))
    except (OSError, RedisError):
        return None
