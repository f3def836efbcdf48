"""SQLite under everything at once: one writer, many threads, and nobody hears of a lock."""

import json
import os
import random
import threading
import time
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.process

SECONDS = float(os.environ.get("SQLITE_SECONDS", "6"))  # a minute in full
SYMBOLS = ["AAAUSDT", "BBBUSDT", "CCCUSDT"]
SCAN = {"symbols": SYMBOLS, "timeframes": ["5m", "15m"]}
CALLS = [
    ("GET", "/api/signals?limit=50", None),
    ("GET", "/api/metrics", None),
    ("POST", "/api/scanner/run", SCAN),
    ("POST", "/api/signals/score", {"symbol": "AAAUSDT", "timeframe": "5m"}),
    ("PATCH", "/api/agent/config", {"rules": {"cooldown_s": 60}}),
    ("POST", "/api/agent/subscribe", {"symbols": SYMBOLS}),
    ("PUT", "/api/agent/toggle?enabled=true", {}),
    ("POST", "/api/config/weight-presets/aggressive/activate", {}),
    ("POST", "/api/config/weight-presets/balanced/activate", {}),
]


def call(server, method, path, body):
    """Return (status, text) of an answer, also of an error."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", data=data, method=method)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def ask(server, until, seed, answers):
    chance = random.Random(seed)
    while time.monotonic() < until:
        method, path, body = chance.choice(CALLS)
        answers.append((method, path, *call(server, method, path, body)))


def listen(server, until, seqs):
    with server.socket() as socket:
        socket.send(json.dumps({"action": "subscribe", "symbols": SYMBOLS, "since": dict.fromkeys(SYMBOLS, 0)}))
        while time.monotonic() < until:
            try:
                message = json.loads(socket.recv(timeout=0.5))
            except TimeoutError:
                continue
            assert message["type"] != "error", message
            if message["type"] == "signal":
                seqs.setdefault(message["symbol"], []).append(message["seq"])


def prune(server, until, ended):
    while time.monotonic() < until:
        ended.append(server.manage("prune"))


def test_eight_threads_of_scans_api_sockets_and_pruning_never_hear_of_a_lock(server, environment):
    environment |= {"REPLAY_SPEED": "30000", "RUN_DAYS": "1"}
    server.start()
    until = time.monotonic() + SECONDS
    answers: list[tuple] = []
    heard: list[dict] = [{}, {}]
    ended: list = []
    work = [lambda seed=seed: ask(server, until, seed, answers) for seed in range(5)]
    work += [lambda seqs=seqs: listen(server, until, seqs) for seqs in heard]
    work.append(lambda: prune(server, until, ended))
    failed: list[BaseException] = []

    def guarded(job):
        try:
            job()
        except BaseException as error:  # told in the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [a for a in answers if a[2] >= 500 or "locked" in a[3]] == []
    assert {a[1] for a in answers if a[2] == 200} == {path for _, path, _ in CALLS}
    assert [(e.returncode, e.stderr) for e in ended if e.returncode] == []
    for seqs in heard:
        assert set(seqs) == set(SYMBOLS)
        for symbol, got in seqs.items():
            assert got == list(range(1, len(got) + 1)), symbol
    server.stop()
    output = server.said()
    assert "locked" not in output, output[-5000:]
    assert "Traceback" not in output, output[-5000:]
