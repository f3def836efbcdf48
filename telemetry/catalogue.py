"""Every metric there is: its name, labels and meaning. ``docs/metrics.md`` is made from this; nothing else is exposed.

Metrics that a process counts are declared here as objects of ``prometheus_client``; those that the database or a
queue knows are only described, and are read at the scrape.
"""

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()
SHORT_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
LONG_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Described(NamedTuple):
    """``kind``: counter, gauge or histogram; ``source``: who knows the value, ``process`` or ``database``."""

    kind: str
    help: str
    labels: tuple[str, ...]
    source: str


CATALOGUE: dict[str, Described] = {}


def _describe(kind: str, name: str, help: str, labels: tuple[str, ...], source: str) -> None:
    assert name not in CATALOGUE, name
    CATALOGUE[name] = Described(kind, help, labels, source)


def _counter(name: str, help: str, *labels: str) -> Counter:
    _describe("counter", name, help, labels, "process")
    return Counter(name, help, labels, registry=REGISTRY)


def _histogram(name: str, buckets: tuple[float, ...], help: str, *labels: str) -> Histogram:
    _describe("histogram", name, help, labels, "process")
    return Histogram(name, help, labels, buckets=buckets, registry=REGISTRY)


# What a process counts
STAGE_SECONDS = _histogram(
    "agent_scan_stage_seconds",
    LONG_S,
    "Duration of each stage of a shard of a scan: claim, load, score, rules, store, publish.",
    "stage",
)
SEND_SECONDS = _histogram(
    "agent_publish_to_send_seconds",
    SHORT_S,
    "From the publishing of a signal until its frame was given to the sockets of this process.",
)
FAILURES = _counter(
    "agent_task_failures",
    "Work that failed and is tried again. expected: true for what the design foresees (a server away, a claim lost).",
    "task",
    "expected",
)
RESUMES = _counter(
    "agent_resumes",
    "Symbols that a client asked for with since. result: resumed, or history_lost.",
    "result",
)
LAYER_LOSSES = _counter(
    "agent_layer_losses",
    "Signals whose message the channel layer had not brought when their number was seen; read from the database.",
)

# What a process has at the moment of the scrape: signals/figures.py
_OF_SOCKETS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("gauge", "agent_sockets", "Open sockets.", ()),
    ("gauge", "agent_subscriptions", "Subscriptions of open sockets; * counts as one.", ()),
    ("counter", "agent_messages_sent", "Frames given to sockets.", ()),
    ("gauge", "agent_socket_queue_depth", "Frames that wait for slow clients, and for the fullest one.", ("of",)),
    ("counter", "agent_sockets_dropped", "Sockets that the server closed, by close code (4008: too slow).", ("code",)),
    ("gauge", "agent_process_start_time_seconds", "When the process began, seconds since 1970.", ()),
)
for _kind, _name, _help, _labels in _OF_SOCKETS:
    _describe(_kind, _name, _help, _labels, "process")

# What is counted in the transaction of what it counts: agent/tally.py
TALLIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "agent_scans": ("Scans that ended: complete, partial or missed.", ("status",)),
    "agent_symbols_scored": ("Symbols that got a score and a decision.", ()),
    "agent_series_scored": ("Series that got a score.", ("timeframe",)),
    "agent_series_skipped": ("Series that got no score, and why.", ("timeframe", "reason")),
    "agent_signals": ("Signals stored.", ("advice",)),
    "agent_decisions_held": ("Decisions that were not told, and what held them back.", ("reason",)),
}
for _name, (_help, _labels) in TALLIES.items():
    _describe("counter", _name, _help, _labels, "database")

# What is read at the scrape: agent/exposition.py
_READ: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("agent_build_info", "1. What runs at the web process that answers.", ("version", "python")),
    ("agent_enabled", "1 while the agent is on.", ()),
    ("agent_running", "1 while it is on and a runner showed a heartbeat in the last 5 s.", ()),
    ("agent_processes", "Processes that told their figures in the last 30 s.", ("kind",)),
    ("agent_scan_overdue_seconds", "For how long a tick has been due beyond the watchdog's patience; else 0.", ()),
    ("agent_market_time_seconds", "Market time, seconds since 1970.", ()),
    ("agent_market_live", "1 while the market is live or has ended as planned; 0: stale or down.", ()),
    ("agent_feed_lag_seconds", "Market time behind the close of the newest candle; the worst series.", ("timeframe",)),
    ("agent_holes", "Stretches of missing candles, by reason.", ("reason",)),
    (
        "agent_exchange_weight",
        "Request weight of the exchange in this minute: used, limit; of its perpetuals' host: derivatives_…",
        ("of",),
    ),
    ("agent_queue_depth", "What waits: tasks at the broker, signals stored but not sent, backtests.", ("queue",)),
)
for _name, _help, _labels in _READ:
    _describe("gauge", _name, _help, _labels, "database")
_describe(
    "counter", "agent_exchange_events", "What the feed of an exchange has met since it began.", ("event",), "database"
)
