"""Settings from the environment and ``.env``."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from realtime_agent.environment import Environment, is_fernet_key

ROOT = Path(__file__).resolve().parent.parent


def test_an_unknown_name_in_dotenv_is_refused_by_name(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("COLOUR_OF_THE_PAGE=red\n")
    monkeypatch.delenv("COLOUR_OF_THE_PAGE", raising=False)
    environment = Environment(tmp_path / ".env")
    environment.read("PORT", "int", 8000)
    with pytest.raises(ImproperlyConfigured, match="COLOUR_OF_THE_PAGE"):
        environment.refuse_unknown()
    monkeypatch.delenv("COLOUR_OF_THE_PAGE", raising=False)


def test_the_environment_goes_before_dotenv(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("A_TEST_PORT=1\nA_TEST_HOST=there\n")
    monkeypatch.setenv("A_TEST_PORT", "2")
    monkeypatch.setenv("A_TEST_HOST", "")
    monkeypatch.delenv("A_TEST_HOST")
    environment = Environment(tmp_path / ".env")
    assert environment.read("A_TEST_PORT", "int", 3) == 2
    assert environment.read("A_TEST_HOST", "str", "here") == "there"
    monkeypatch.delenv("A_TEST_HOST", raising=False)


def test_every_setting_stands_in_the_example_and_nothing_else_does():
    source = (ROOT / "realtime_agent" / "settings.py").read_text()
    read = set(re.findall(r"_env\.(?:read|moment|networks)\(\s*\"(\w+)\"", source))
    shown = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read == shown


def test_the_page_of_the_configuration_says_of_every_setting_what_it_is_for():
    page = (ROOT / "docs" / "configuration.md").read_text()
    rows = {cells[1].strip(" `"): cells[4].strip() for line in page.splitlines() if len(cells := line.split("|")) > 4}
    for variable in settings.VARIABLES:
        assert len(rows.get(variable.name, "")) > 8, f"{variable.name}: a comment above it in .env.example"


def test_networks_are_read_and_one_that_is_none_is_named(tmp_path, monkeypatch):
    environment = Environment(tmp_path / ".env")
    monkeypatch.setenv("SOME_NETWORKS", "10.0.0.0/8,::1")
    assert [str(one) for one in environment.networks("SOME_NETWORKS")] == ["10.0.0.0/8", "::1/128"]
    for wrong in ("10.0.0.1/8", "localhost", "10.0.0.0/99"):
        monkeypatch.setenv("SOME_NETWORKS", wrong)
        with pytest.raises(ImproperlyConfigured, match="SOME_NETWORKS"):
            environment.networks("SOME_NETWORKS")
    assert environment.networks("NO_NETWORKS") == []


@pytest.mark.parametrize("text", ["", "short", "A" * 44, "ü" * 44, "A" * 42 + "==", "!" * 43 + "="])
def test_what_is_no_key_is_told_from_one(text):
    assert not is_fernet_key(text)
    assert is_fernet_key("A" * 43 + "=")


def test_a_wrong_key_stops_the_start_and_is_not_shown(tmp_path):
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "ALERTS_KEY": "hunter2"}
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "ALERTS_KEY: must be 32 bytes" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_a_generated_secret_is_for_its_owner_alone_and_the_same_at_the_next_start(tmp_path):
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)}
    program = "from realtime_agent import settings as s; print(s.SECRET_KEY, *s.ALERTS_KEYS)"
    command = [sys.executable, "-c", program]
    starts = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {one.communicate(timeout=60)[0] for one in starts}  # three at once, and yet one secret
    assert len(said) == 1 and len(said.pop().split()) == 2
    assert {one.stat().st_mode & 0o777 for one in (tmp_path / "secret_key", tmp_path / "alerts_key")} == {0o600}


def test_what_the_databases_url_asks_for_stays_beside_our_timeouts(tmp_path):
    url = "postgres://me@db.example/agent?sslmode=verify-full&options=-c%20work_mem%3D64MB"
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "DATABASE_URL": url}
    program = (
        "import json; from realtime_agent import settings as s; print(json.dumps(s.DATABASES['default']['OPTIONS']))"
    )
    command = [sys.executable, "-c", program]
    options = json.loads(subprocess.check_output(command, cwd=ROOT, env=environment, text=True, timeout=60))
    assert options["sslmode"] == "verify-full"
    assert "lock_timeout=2000" in options["options"] and options["options"].endswith("-c work_mem=64MB")


def test_lines_are_json_objects_where_it_is_asked_for_and_the_trail_is_shown_there_alone():
    code = (
        "import logging; from telemetry.logs import on_tick, trail\n"
        "with on_tick('1-tick-0'): trail.info('bars are in'); logging.getLogger('agent').warning('late')"
    )
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
    for form, expected in (("json", ["bars are in", "late"]), ("text", ["late"])):
        environment = {k: v for k, v in os.environ.items() if k != "LOG_LEVEL"} | {"LOG_FORMAT": form}
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        lines = ended.stderr.splitlines()
        if form == "json":
            lines = [json.loads(line) for line in lines]
            assert {line["tick"] for line in lines} == {"1-tick-0"}
            lines = [line["event"] for line in lines]
        assert [line.rpartition(": ")[2] for line in lines] == expected
