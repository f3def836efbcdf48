"""Settings from the environment and ``.env``."""

import re
from pathlib import Path

import pytest
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
    read = set(re.findall(r"_env\.(?:read|moment|networks)\(\s*\"(\w+)\"", source))
    shown = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read == shown
