"""The house of the design: a floor imports only floors below it."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {
    "realtime_agent_client": 0,
    "rest": 0,
    "telemetry": 0,
    "engine": 1,
    "access": 1,
    "market": 2,
    "presets": 2,
    "signals": 3,
    "backtest": 4,
    "risk": 4,
    "alerts": 4,
    "agent": 5,
    "realtime_agent": 6,
}
# presets/thresholds.py reads candle files to derive `act`: the one door between two rooms of a floor.
ALLOWED = {("presets/thresholds.py", "market"), ("presets/management/commands/derive_thresholds.py", "market")}
# They hand the ASGI application to the server: the places that need the wiring.
ALLOWED |= {("agent/daphne_server.py", "realtime_agent"), ("agent/uvicorn_server.py", "realtime_agent")}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def crossings():
    for package, floor in FLOORS.items():
        for path in (ROOT / package).rglob("*.py"):
            for name in imports(path):
                if name in FLOORS and name != package and FLOORS[name] >= floor:
                    yield str(path.relative_to(ROOT)), name


def test_a_floor_imports_only_floors_below_it():
    assert set(crossings()) == ALLOWED


def test_the_engine_knows_no_django_and_no_clock():
    for path in (ROOT / "engine").rglob("*.py"):
        if path.name == "warm.py":
            continue  # the command that compiles tells how long it took
        assert not {"django", "rest_framework", "channels", "time", "datetime", "random"} & set(imports(path)), path
