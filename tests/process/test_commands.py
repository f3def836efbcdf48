"""``manage.py serve`` and the other commands: what they refuse, and what they show."""

import json
import re
import urllib.request

import pytest
from django.conf import settings

from tests.conftest import absent
from tests.process.conftest import Server

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"PORT": "eighty"}, "PORT"),
        ({"PORT": "70000"}, "PORT"),
        ({"REPLAY_SPEED": "-1"}, "REPLAY_SPEED"),
        ({"REPLAY_SPEED": "nan"}, "REPLAY_SPEED"),
        ({"REPLAY_START": "yesterday"}, "REPLAY_START"),
        ({"REPLAY_START": "2031-01-01"}, "REPLAY_START"),
        ({"REPLAY_SYMBOLS": "NOPE"}, "NOPE"),
        ({"REALTIME_AGENT_ENABLED": "perhaps"}, "REALTIME_AGENT_ENABLED"),
        ({"REALTIME_SCAN_INTERVAL_MS": "10"}, "REALTIME_SCAN_INTERVAL_MS"),
        ({"MARKET_SOURCE": "nasdaq"}, "MARKET_SOURCE"),
        ({"MARKET_SOURCE": "replay:/does/not/exist"}, "/does/not/exist"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
        ({"DATABASE_URL": "mysql://u:p@127.0.0.1/x"}, "DATABASE_URL"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
    ],
)
def test_a_bad_setting_stops_the_start_in_one_line_that_names_it(environment, change, named):
    server = Server(environment)
    server.environment = environment | change
    ended = server.manage("serve")
    assert ended.returncode != 0
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_port_that_is_taken_is_said_so(server, environment):
    server.start()
    ended = Server(environment).manage("serve")
    assert ended.returncode != 0
    assert "cannot listen on 127.0.0.1" in ended.stderr


def test_commands_show_what_the_api_shows(server):
    server.start()
    server.wait(lambda: server.get("/api/agent/status")["last_scan"])
    server.put("/api/agent/toggle?enabled=false")
    scan = server.manage("scan", "--timeframes", "5m,15m")
    assert scan.returncode == 0, scan.stderr
    assert "REPLAY market" in scan.stdout
    assert "AAAUSDT" in scan.stdout
    score = server.manage("score", "aaausdt", "15m")
    assert "trend" in score.stdout
    assert "contribution" in score.stdout
    assert json.loads(server.manage("agent", "status").stdout)["market"]["source"] == "replay"
    assert "balanced" in server.manage("presets", "list").stdout
    assert "trend" in server.manage("presets", "show", "balanced").stdout
    for wrong in (["scan", "NOPE"], ["scan", "--timeframes", "9m"], ["score", "NOPE", "1h"], ["presets", "show", "x"]):
        ended = server.manage(*wrong)
        assert ended.returncode != 0
        assert "Traceback" not in ended.stderr


def test_the_page_carries_the_built_dashboard_under_a_strict_policy(server):
    if not (settings.FRONTEND_DIST / "manifest.json").is_file():
        absent("the dashboard is not built, so its page is not tested: make frontend")
    server.start()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/symbol/BTCUSDT") as page:
        text, policy = page.read().decode(), page.headers["Content-Security-Policy"]
    assert "no orders are placed" in text
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    scripts = re.findall(r'<script[^>]*src="([^"]+)"[^>]*></script>', text)
    assert scripts
    assert text.count("<script") == len(scripts)
    for path in [*scripts, *re.findall(r'rel="stylesheet" href="([^"]+)"', text)]:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as file:
            assert "immutable" in file.headers["Cache-Control"]
