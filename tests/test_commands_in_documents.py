"""Every command in a box of README and runbook runs, or says what it needs that a test has not.

``# needs: …`` behind a command marks it; pytest's summary lists those. Commands of ``manage.py`` run in this process.
"""

import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/runbook.md", "CONTRIBUTING.md")
BY_CI = ("make check", "make test")  # .ci/run: this very run is part of it
NEEDS = {
    "a terminal", "Docker", "PostgreSQL", "another machine", "a server", "a log", "a played market", "an older release",
    "the server stopped", "hours", "a network", "an exchange",
}  # fmt: skip
MANAGE = ".venv/bin/python manage.py "


class Boxed(NamedTuple):
    page: str
    command: str
    needs: str


def boxed() -> list[Boxed]:
    """Return the commands of every box of shell, with their marks."""
    found = []
    for page in PAGES:
        for box in re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S):
            for line in box.replace("\\\n", " ").splitlines():
                command, _, comment = line.partition("#")
                if command.strip():
                    found.append(Boxed(page, command.strip(), comment.partition("needs: ")[2].strip()))
    return found


COMMANDS = boxed()


def test_boxes_are_found_and_no_box_of_commands_goes_by_another_name():
    assert len(COMMANDS) > 20
    for page in PAGES:
        languages = set(re.findall(r"^```(\w*)$", (ROOT / page).read_text(), re.M)) - {""}
        assert languages <= {"sh"}, page
    assert {one.needs for one in COMMANDS if one.needs} <= NEEDS


@pytest.mark.parametrize("one", COMMANDS, ids=lambda one: f"{one.page}: {one.command}")
@pytest.mark.django_db(transaction=True)
def test_a_command_in_a_document_runs(one, replay, tmp_path, monkeypatch, capfd):
    if one.needs:
        pytest.skip(f"{one.page}: `{one.command}` needs: {one.needs}")
    if one.command in BY_CI:
        assert one.command in (ROOT / ".ci" / "run").read_text().splitlines()
    elif one.command.startswith(MANAGE):
        monkeypatch.chdir(tmp_path)  # what it writes, it writes there
        call_command(*shlex.split(one.command.removeprefix(MANAGE), comments=True))
    else:
        assert subprocess.run(["sh", "-c", one.command], cwd=ROOT, check=False).returncode == 0, capfd.readouterr()
