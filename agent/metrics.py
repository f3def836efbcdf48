"""The figures of ``/api/metrics``."""

import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from agent.models import ScanRun
from agent.services import agent_state, market_json
from market.feeds import current_market, is_live
from market.models import Hole, Series
from signals.hub import hub_figures
from signals.models import Advice, Signal

STARTED_AT = time.time()
FEED = ("counts", "delays", "history", "sockets", "weight", "clock_offset_ms", "derivatives")


def metrics_json() -> dict[str, Any]:
    """Return the figures of this process (websocket, uptime) and of the agent and market as stored."""
    state, market = agent_state(), current_market()
    done = ScanRun.objects.filter(market=market, status=ScanRun.Status.COMPLETE)
    last = done.first()
    recent = done.filter(finished_at__gte=timezone.now() - timedelta(seconds=60)).count()
    return {
        "websocket": hub_figures(),
        "agent": {
            "enabled": state.enabled,
            "scan_interval_ms": state.scan_interval_ms,
            "scans_total": done.count(),
            "scans_per_min": recent,
            "last_scan_latency_ms": last.as_json()["duration_ms"] if last else None,
            "last_scan_at": last.as_json()["started_at"] if last else None,
        },
        "market": market_json(market, state.timeframes)
        | {
            "series": Series.objects.filter(instrument__market=market).count(),
            "holes": Hole.objects.filter(series__instrument__market=market).count(),
            "feed": {name: market.state[name] for name in FEED if is_live(market) and name in market.state},
        },
        "system": {
            "version": settings.VERSION,
            "active_signals": Signal.objects.newest(market).exclude(advice=Advice.HOLD).count(),
            "signals_total": Signal.objects.filter(instrument__market=market).count(),
            "uptime_seconds": int(time.time() - STARTED_AT),
        },
    }
