"""When a message may go: quiet hours and digests, in the wall time of the people they are for."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo


def is_quiet(at: datetime, quiet: dict[str, Any] | None) -> bool:
    """Whether ``at`` lies in the quiet hours: from ``start`` until before ``end``, over midnight if end is earlier."""
    if quiet is None:
        return False
    start, end = time.fromisoformat(quiet["start"]), time.fromisoformat(quiet["end"])
    local = at.astimezone(ZoneInfo(quiet["timezone"])).time()
    return start <= local < end if start < end else local >= start or local < end


def after_quiet(at: datetime, quiet: dict[str, Any] | None) -> datetime:
    """Return ``at``, or the end of the quiet hours that it lies in (UTC)."""
    if quiet is None or not is_quiet(at, quiet):
        return at
    zone, end = ZoneInfo(quiet["timezone"]), time.fromisoformat(quiet["end"])
    local = at.astimezone(zone)
    day = local.date() if local.time() < end else local.date() + timedelta(days=1)
    return datetime.combine(day, end, zone).astimezone(UTC)


def due_at(now: datetime, quiet: dict[str, Any] | None, digest_s: int) -> datetime | None:
    """Return when what was found at ``now`` goes together with its like; None: it goes at once, alone.

    Digests end on multiples of ``digest_s`` since the epoch, so that every process puts it in the same one.
    """
    due = now
    if digest_s:
        seconds = (int(now.timestamp()) // digest_s + 1) * digest_s
        due = datetime.fromtimestamp(seconds, UTC)
    due = after_quiet(due, quiet)
    return due if due > now else None
