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

from realtime_agent.environment import Environment

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
    read = set(re.findall(r"_env\.(?:read|moment)\(\s*\"(\w+)\"", source))
    shown = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read == shown


def test_the_page_of_the_configuration_says_of_every_setting_what_it_is_for():
    page = (ROOT / "docs" / "configuration.md").read_text()
    rows = {cells[1].strip(" `"): cells[4].strip() for line in page.splitlines() if len(cells := line.split("|")) > 4}
    for variable in settings.VARIABLES:
        assert len(rows.get(variable.name, "")) > 8, f"{variable.name}: a comment above it in .env.example"


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
