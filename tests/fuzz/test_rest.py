"""schemathesis over the OpenAPI document: requests that fit it and requests that do not, with all checks."""

import copy
from functools import cache

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from knox.models import AuthToken
from schemathesis.generation import GenerationMode

from access.roles import Role, give_role
from engine.catalogue import DETECTORS
from rest.schema import openapi_document
from tests.scale import tries

REQUESTS = tries(1500, 5000)
SYMBOLS = ["AAAUSDT", "BBBUSDT", "CCCUSDT"]
START, END = 1_700_980_000_000, 1_701_000_000_000  # within the played candles

counted = []


def closed_shapes(document):
    """Return the document with every shape of an answer closed: a field that is not described is an error."""
    document = copy.deepcopy(document)
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        if "properties" in schema and not schema.get("additionalProperties"):
            schema["additionalProperties"] = False
    return document


@cache
def operations():
    schema = schemathesis.openapi.from_dict(closed_shapes(openapi_document()))
    schema.app = get_wsgi_application()
    return [result.ok() for result in schema.get_all_operations()]


def even(weights):
    return dict.fromkeys(DETECTORS, 0.0) | {"trend": 0.25, "momentum": 0.75} if isinstance(weights, dict) else weights


# What the document cannot say: these values exist, and these fields fit together.
SENSIBLE = {
    "symbol": lambda given: "AAAUSDT",
    "symbols": lambda given: SYMBOLS[: len(given)] if isinstance(given, list) else "AAAUSDT,BBBUSDT",
    "with": lambda given: SYMBOLS[1:],
    "preset": lambda given: "balanced",
    "names": lambda given: "balanced",
    "weights": even,
    "timeframe": lambda given: "15m",
    "timeframes": lambda given: ["5m", "15m"] if isinstance(given, list) else "5m,15m",
    "start_date": lambda given: START,
    "end_date": lambda given: END,
    "candles": lambda given: None,
    "cursor": lambda given: None,
    "after_seq": lambda given: None,
    "username": lambda given: "someone",
    "url": lambda given: "https://8.8.8.8/x",
    "password": lambda given: "something",
}
ONE_OF = {"/api/backtest/run": [("symbol", "symbols"), ("timeframe", "timeframes")]}
# Refused for what is stored or for how values stand to each other, not for what the document says: names that are
# taken, a file with a name twice, a stop above the entry of a long, limits that contradict each other.
UNKNOWN_TO_IT = {
    "/api/config/import-presets", "/api/backtest/run", "/api/alerts/rules", "/api/alerts/rules/{rule_id}",
    "/api/alerts/targets", "/api/alerts/targets/{target_id}", "/api/alerts/deliveries/replay",
    "/api/risk/calculate-position", "/api/risk/calculate-stop-loss", "/api/risk/orders", "/api/risk/limits",
}  # fmt: skip


def sensible(value):
    if isinstance(value, dict):
        changed = {k: SENSIBLE[k](v) if k in SENSIBLE else sensible(v) for k, v in value.items()}
        return {k: v for k, v in changed.items() if v is not None or k not in SENSIBLE}
    return [sensible(one) for one in value] if isinstance(value, list) else value


def make_sensible(case):
    if case.operation.path == "/api/agent/toggle":
        case.query, case.body = {"enabled": "true"}, {"enabled": True}
    if isinstance(case.query, dict):
        case.query = sensible(case.query)
    if isinstance(case.body, dict):
        case.body = sensible(case.body)
        for first, second in ONE_OF.get(case.operation.path, []):
            if first in case.body:
                case.body.pop(second, None)


@pytest.fixture
def asked(played_market, replay, db):
    """Settings and a user for the fuzzer; control is closed, so that a missing token is an error."""
    replay.OPEN_CONTROL, replay.THROTTLE_FACTOR, replay.LOGIN_TRIES = False, 0, (10**9,) * 3
    replay.ALLOWED_HOSTS = [*replay.ALLOWED_HOSTS, "testserver"]
    replay.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user = User.objects.create_user("fuzzer", password="x")
    give_role(user, Role.ADMIN)
    # As Django's own test client does: the test's transaction lives longer than a request.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield user
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("index", range(sum(map(len, openapi_document()["paths"].values()))))
def test_no_request_fails_and_no_answer_is_undocumented(asked, index, mode):
    operation = operations()[index]
    share = 1 + (REQUESTS * 2 // (3 * len(operations())))

    @settings(
        max_examples=share, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case):
        excluded = []
        if mode is GenerationMode.POSITIVE:
            make_sensible(case)
        if case.operation.path in UNKNOWN_TO_IT:
            excluded.append(schemathesis.checks.positive_data_acceptance)
        counted.append(case.operation.path)
        token = AuthToken.objects.create(asked)[1]  # a new one each: some requests revoke theirs
        case.call_and_validate(headers={"Authorization": f"Token {token}"}, excluded_checks=excluded)

    try:
        run()
    except Unsatisfiable:
        if mode is GenerationMode.POSITIVE:
            raise
        pytest.skip("nothing that is sent there is malformed")


def test_the_number_of_requests_was_reached():
    if not set(counted) >= {o.path for o in operations()}:
        pytest.skip("only some operations were asked")
    assert len(counted) >= REQUESTS
