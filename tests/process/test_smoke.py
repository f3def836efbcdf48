"""``manage.py smoke`` and ``manage.py doctor``: what a person runs after a deployment, and before."""

import re

import pytest

from agent.smoke import Smoke
from realtime_agent_client import Agent
from tests.process.conftest import Server

pytestmark = pytest.mark.process

STEPS = ["health", "status", "toggle", "metrics", "prometheus", "scanner", "score", "socket", "backtest", "risk"]


def lines_of(printed):
    return {line.split()[1]: line.split()[0] for line in printed.splitlines() if re.match("pass|FAIL|skip", line)}


def test_a_deployment_passes_every_step_and_its_switch_is_where_it_was(server):
    server.environment["OPEN_CONTROL"] = "false"
    server.start()
    token = server.manage("create_token", "robot", "--role", "operator").stdout.strip()
    with Agent(f"http://127.0.0.1:{server.port}", token) as agent:
        server.wait(lambda: agent.call("GET", "/api/metrics")["system"]["signals_total"])
        told = {line.name: line for line in Smoke(agent).run()}
        assert {name: line.good for name, line in told.items()} == dict.fromkeys(STEPS, True), told
        assert told["toggle"].said == "turned and back: on"
        agent.toggle(False)
        assert Smoke(agent).toggle() == "turned and back: off"
        assert agent.status()["enabled"] is False
    # Without a token all but health is refused, line by line, and the exit code says so.
    refused = server.manage("smoke", agent.url)
    assert refused.returncode == 1
    assert lines_of(refused.stdout)["health"] == "pass"
    assert {lines_of(refused.stdout)[step] for step in STEPS[1:9]} == {"FAIL"}
    assert "Traceback" not in refused.stderr


def test_where_nothing_answers_the_first_line_says_so_and_is_the_last(environment):
    ended = Server(environment).manage("smoke", "http://127.0.0.1:9")
    assert ended.returncode == 1
    assert lines_of(ended.stdout) == {"health": "FAIL"}
    assert "Traceback" not in ended.stderr


def test_a_fresh_installation_departs_in_nothing_grave_and_an_exposed_one_does(environment):
    server = Server(environment)
    clean = server.manage("doctor")
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert clean.stdout.startswith("note   OPEN_CONTROL=true")
    server.environment = environment | {"HOST": "192.0.2.1"}
    ill = server.manage("doctor")
    assert ill.returncode == 1
    assert ill.stdout.startswith("GRAVE")
    assert "grave of" in ill.stderr
    assert "Traceback" not in ill.stderr
