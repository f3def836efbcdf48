"""One signal's way through the log: from the bars that came in to the sockets it went to, by the id of its tick."""

import io
import json
import logging
import logging.config

import pytest
from django.conf import settings

from agent.models import ScanRun
from agent.runner import EmbeddedRunner, MarketRunner
from market.feeds import current_market
from signals.models import Signal
from signals.threads import in_thread
from telemetry.logs import json_formatter
from tests.socket.test_socket import client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lines():
    """Return a function that gives what was logged as LOG_FORMAT=json writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    factory = logging.config.DictConfigurator({"version": 1})
    handler.setFormatter(factory.configure_formatter(json_formatter()))
    logger = logging.getLogger()
    trail = logging.getLogger("trail")
    level = trail.level
    logger.addHandler(handler)
    trail.setLevel("INFO")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    trail.setLevel(level)
    logger.removeHandler(handler)
