"""``manage.py serve`` as its users run it."""

import json
import signal
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import websockets

from tests.process.conftest import Server, free_port

pytestmark = pytest.mark.process


@contextmanager
def subscribe(server, since=None, epoch=None, symbols=("*",)):
    request = {"action": "subscribe", "symbols": list(symbols)}
    if since:
        request |= {"since": since, "epoch": epoch}
    with server.socket() as socket:
        socket.send(json.dumps(request))
        yield socket


def take(socket, seen, until):
    """Read signals into ``seen`` (symbol to list of seq) until ``until(seen)``; return the epoch."""
    epoch = None
    while not until(seen):
        message = json.loads(socket.recv(timeout=60))
        if message["type"] == "signal":
            seen.setdefault(message["symbol"], []).append(message["seq"])
        elif message["type"] == "status":
            epoch = message["epoch"]
    return epoch


def test_a_client_misses_nothing_when_the_server_is_killed_and_restarted(server):
    server.start()
    seen: dict[str, list[int]] = {}
    with subscribe(server) as socket:
        epoch = take(socket, seen, lambda s: sum(map(len, s.values())) >= 5)
        server.stop(signal.SIGKILL)
    position = None
    for _ in range(2):
        server.start()
        if position is not None:
            assert server.get("/api/agent/status")["market"]["now"] >= position
        with subscribe(server, {s: seqs[-1] for s, seqs in seen.items()}, epoch) as socket:
            more = sum(map(len, seen.values())) + 4
            assert take(socket, seen, lambda s, n=more: sum(map(len, s.values())) >= n) == epoch
        position = server.get("/api/agent/status")["market"]["now"]
        server.stop(signal.SIGKILL)
    for symbol, seqs in seen.items():
        assert seqs == list(range(1, len(seqs) + 1)), symbol


def test_sigterm_tells_the_clients_to_come_back_and_ends_cleanly(server):
    server.start()
    with server.socket() as socket:
        socket.recv(timeout=60)
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            while True:
                socket.recv(timeout=60)
        assert closed.value.rcvd.code == 4012
    assert server.process.wait(timeout=60) == 0
    assert "stopped" in server.process.stdout.read()


def test_state_presets_and_the_position_survive_a_restart(server):
    server.start()
    server.put("/api/agent/toggle?enabled=false")
    assert server.manage("presets", "activate", "aggressive").returncode == 0
    time.sleep(1.0)  # the market moves on while the agent is off
    before = server.get("/api/agent/status")
    server.stop(signal.SIGINT)
    server.start()
    after = server.get("/api/agent/status")
    assert after["enabled"] is False
    assert after["running"] is False
    assert after["preset"] == "aggressive"
    assert after["market"]["now"] >= before["market"]["now"]
    assert after["last_scan"] == before["last_scan"]


def test_off_by_command_silences_the_feed_within_a_second_and_on_resumes_it(server):
    server.start()
    seen: dict[str, list[int]] = {}
    with subscribe(server) as socket:
        take(socket, seen, lambda s: sum(map(len, s.values())) >= 3)
        assert server.manage("agent", "off").stdout.startswith("agent off")
        time.sleep(1.0)
        stored = server.get("/api/metrics")["system"]["signals_total"]
        late = []
        quiet_until = time.monotonic() + 2.0
        while time.monotonic() < quiet_until:
            try:
                message = json.loads(socket.recv(timeout=0.2))
            except TimeoutError:
                continue
            if message["type"] == "signal":
                late.append(message)
        assert server.get("/api/metrics")["system"]["signals_total"] == stored
        server.put("/api/agent/toggle?enabled=true")
        total = sum(map(len, seen.values())) + len(late)
        for message in late:
            seen.setdefault(message["symbol"], []).append(message["seq"])
        take(socket, seen, lambda s: sum(map(len, s.values())) > total)
    for symbol, seqs in seen.items():
        assert seqs == list(range(1, len(seqs) + 1)), symbol


def test_two_agents_on_one_database_scan_each_tick_once(server, environment):
    server.start()
    other = Server(environment | {"PORT": str(free_port())})
    other.start()
    try:
        begun = server.get("/api/metrics")["agent"]["scans_total"]
        server.wait(lambda: server.get("/api/metrics")["agent"]["scans_total"] > begun + 30)
    finally:
        other.stop(signal.SIGTERM)
    server.stop(signal.SIGTERM)
    database = sqlite3.connect(Path(environment["DATA_DIR"]) / "agent.sqlite3")
    ticks = [due for (due,) in database.execute("select due_at from agent_scanrun order by due_at")]
    assert ticks == list(range(ticks[0], ticks[-1] + 1, 300_000))
    numbers = database.execute("select instrument_id, count(*), max(seq) from signals_signal group by 1").fetchall()
    assert all(count == highest for _, count, highest in numbers)
    database.close()


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
        ({"HOST": "0.0.0.0"}, "0.0.0.0 is not a loopback address"),
    ],
)
def test_a_bad_setting_stops_the_start_in_one_line_that_names_it(environment, change, named):
    server = Server(environment)
    if not set(change) & {"DATABASE_URL", "PORT", "LOG_LEVEL"}:
        assert server.manage("migrate", "-v0").returncode == 0
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


def test_the_page_says_what_market_it_shows(server):
    import urllib.request

    server.start()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/") as page:
        text = page.read().decode()
    assert "no orders are placed" in text
    for path in ("home.js", "home.css"):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/static/{path}") as file:
            assert file.status == 200
