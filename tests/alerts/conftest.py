"""A receiver, and rules and targets as the API would store them."""

from ipaddress import ip_network

import pytest

from alerts import services
from alerts.fields import rule_changes
from alerts.models import Rule, Target
from tests.receiving import listening


@pytest.fixture
def receiver():
    with listening() as one:
        yield one


@pytest.fixture
def loopback_allowed(settings):
    settings.ALERTS_ALLOWED_NETWORKS = [ip_network("127.0.0.1")]


@pytest.fixture
def make_target(db):
    """Return a function that stores a target; its signing secret is at ``.secret``."""

    def make(url: str, name: str = "phone", kind: str = "webhook") -> Target:
        target = Target()
        target.secret = services.save_target(target, {"name": name, "kind": kind, "url": url})
        return target

    return make


@pytest.fixture
def make_rule(db):
    """Return a function that stores a rule from what the API would take."""

    def make(*targets: Target, name: str = "mine", **given) -> Rule:
        return services.save_rule(Rule(), rule_changes({"name": name, **given}), list(targets))

    return make
