"""The sockets of this process as metrics, read at the scrape."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.registry import Collector

from signals.hub import hub_depths, hub_figures
from telemetry.catalogue import CATALOGUE, REGISTRY


class HubCollector(Collector):
    """What the hub counts for ``/api/metrics`` anyway, as samples."""

    def collect(self) -> Iterator[Metric]:
        figures, depths = hub_figures(), hub_depths()
        yield _one("agent_sockets", figures["connections"])
        yield _one("agent_subscriptions", figures["subscriptions"])
        yield _one("agent_messages_sent", figures["messages_sent"])
        depth = _empty("agent_socket_queue_depth")
        depth.add_sample("agent_socket_queue_depth", {"of": "all"}, sum(depths))
        depth.add_sample("agent_socket_queue_depth", {"of": "fullest"}, max(depths, default=0))
        yield depth
        dropped = _empty("agent_sockets_dropped")
        for code, count in figures["closed"].items():
            dropped.add_sample("agent_sockets_dropped_total", {"code": code}, count)
        yield dropped


def _empty(name: str) -> Metric:
    described = CATALOGUE[name]
    return Metric(name, described.help, described.kind)


def _one(name: str, value: float) -> Metric:
    metric = _empty(name)
    metric.add_sample(f"{name}_total" if metric.type == "counter" else name, {}, value)
    return metric


def register() -> None:
    """Let the sockets be counted; once a process."""
    REGISTRY.register(HubCollector())
