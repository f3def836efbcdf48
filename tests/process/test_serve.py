"""``manage.py serve`` as its users run it."""

import http.client
import json
import signal
import sqlite3
import threading
import time
import urllib.request
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
import websockets

from tests.playing import FIVE, START
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
    assert "stopped" in server.said()


def ask_for_backtest(server, capital):
    """Ask for something that takes a while, beside others longer than the server's own last words."""
    order = {"symbols": ["AAAUSDT", "BBBUSDT"], "timeframe": "5m", "initial_capital": capital}
    order |= {"start_date": START + 1000 * FIVE, "end_date": START + 3200 * FIVE}
    headers = {"Content-Type": "application/json"}
    url = f"http://127.0.0.1:{server.port}/api/backtest/run"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(order).encode(), headers), timeout=60) as answer:
        assert json.load(answer)["metrics"]


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_a_server_that_is_asked_all_the_time_answers_what_is_under_way_and_ends_when_it_is_told_to(server, kind):
    server.environment |= {"SERVER": kind, "THROTTLE_FACTOR": "0"}
    server.start()
    over, answered, cut_off, numbers = threading.Event(), [], [], count(1000)

    def ask():
        while not over.is_set():
            begun = time.monotonic()
            try:
                ask_for_backtest(server, capital=next(numbers))
                answered.append(begun)
            except (OSError, http.client.HTTPException, ValueError):
                cut_off.append(begun)
                over.wait(0.01)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    server.wait(lambda: len(answered) > 20)
    told = time.monotonic()
    try:
        assert server.stop() == 0
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert [round(told - begun, 3) for begun in cut_off if begun < told] == []


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
