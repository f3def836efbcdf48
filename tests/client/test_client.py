"""realtime_agent_client: typed, resuming, and independent of the house."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import realtime_agent_client
from realtime_agent_client import messages
from realtime_agent_client.agents import Agent
from realtime_agent_client.position import FIRST_PAUSE_S, LONGEST_PAUSE_S, Gap, Pause, Position
from signals import frames

FOLDER = Path(realtime_agent_client.__file__).parent


def test_it_imports_nothing_of_the_house_and_not_django(tmp_path):
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                known = {*sys.stdlib_module_names, "httpx", "websockets", "realtime_agent_client"}
                assert top in known, (path.name, name)
    code = "import realtime_agent_client, sys; assert 'django' not in sys.modules"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(FOLDER.parent)}, check=False).returncode == 0


@pytest.mark.parametrize(
    ("own", "sent"),
    [("Signal", "SignalMessage"), ("Status", "StatusMessage"), ("HistoryLost", "HistoryLostMessage")],
)
def test_its_types_have_the_fields_that_the_server_sends(own, sent):
    assert getattr(messages, own).__required_keys__ == getattr(frames, sent).__required_keys__


def signal(seq, symbol="A"):
    return {"type": "signal", "symbol": symbol, "seq": seq}


def status(epoch):
    return {"type": "status", "epoch": epoch, "seq": {}}


def test_a_repeat_is_dropped_and_a_hole_is_not_passed_over():
    position = Position(("A",))
    assert [position.take(signal(seq)) for seq in (4, 5, 5, 4, 6)] == [True, True, False, False, True]
    with pytest.raises(Gap):
        position.take(signal(8))
    assert position.seen == {"A": 6}


def test_it_asks_for_what_it_missed_by_the_epoch_of_its_own_numbers():
    position = Position(("A",))
    assert "since" not in position.request()
    position.take(status("one"))
    position.take({"type": "subscription_confirmed", "symbols": ["A"], "seq": {"A": 41}})
    position.take(signal(42))
    assert position.request() == {"action": "subscribe", "symbols": ["A"], "since": {"A": 42}, "epoch": "one"}
    again = Position(("A",), position.seen, position.epoch)
    assert again.request() == position.request()


def test_a_client_that_saw_no_signal_yet_comes_back_from_the_head_it_was_told():
    position = Position(())
    position.take(status("one"))
    position.take({"type": "subscription_confirmed", "symbols": ["*"], "seq": {"A": 3, "B": 0}})
    assert position.request()["since"] == {"A": 3, "B": 0}


def test_lost_history_moves_the_position_to_the_head():
    position = Position(("A",), {"A": 5}, "one")
    position.take({"type": "error", "code": "history_lost", "symbol": "A", "oldest_seq": 9, "head_seq": 12})
    assert position.take(signal(13))


def test_pauses_grow_up_to_a_bound_are_spread_and_begin_again():
    pause = Pause()
    waits = [pause.next_s() for _ in range(12)]
    assert FIRST_PAUSE_S / 2 <= waits[0] <= FIRST_PAUSE_S
    assert all(LONGEST_PAUSE_S / 2 <= wait <= LONGEST_PAUSE_S for wait in waits[7:])
    assert len(set(waits)) == len(waits)
    pause.reset()
    assert pause.next_s() <= FIRST_PAUSE_S


@pytest.mark.parametrize(
    ("url", "ticket", "socket"),
    [
        ("http://127.0.0.1:8000", None, "ws://127.0.0.1:8000/ws/realtime"),
        ("https://agent.example.com/", "t", "wss://agent.example.com/ws/realtime?ticket=t"),
    ],
)
def test_the_socket_is_where_the_server_is(url, ticket, socket):
    with Agent(url) as agent:
        assert agent._socket_url(ticket) == socket
