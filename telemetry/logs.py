"""Log lines: for people by default, as JSON objects with LOG_FORMAT=json; and the trail of a tick through them.

A tick's id stands in every line that is written while it is done, from the feed that brought its bars to the hub that
sent its signals, whichever process writes it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

# Of every tick some lines: shown with LOG_FORMAT=json, or with LOG_LEVEL=DEBUG.
trail = logging.getLogger("trail")


@contextmanager
def on_tick(tick: str) -> Iterator[None]:
    """Write ``tick`` into every line inside."""
    with structlog.contextvars.bound_contextvars(tick=tick):
        yield


def json_formatter() -> dict[str, Any]:
    """Return the formatter of LOGGING that makes one JSON object a line: ts, level, logger, event, tick and more."""
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(default=str),
        ],
        "foreign_pre_chain": [
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.format_exc_info,
        ],
    }
