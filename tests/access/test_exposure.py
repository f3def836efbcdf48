"""What keeps ``serve`` from listening beyond this machine, and what mends it."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from access.checks import problems_of

ROOT = Path(__file__).resolve().parents[2]
GOOD_SECRET = "q8Zr-3mWx_Lk7vTn2BpYc5Hd9JsFg4Ra6UeXi1Oo0PzQwEt"
SETTINGS = {
    "DEBUG": (True, "access.E001", "DEBUG=false"),
    "OPEN_CONTROL": (True, "access.E002", "OPEN_CONTROL=false"),
    "SECRET_KEY": ("django-insecure-" + "x1y2z3" * 10, "access.E003", "SECRET_KEY"),
    "USER": (None, "access.E004", "createsuperuser"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [c for n in range(5) for c in itertools.combinations(SETTINGS, n)])
def test_each_fault_is_named_with_the_line_that_mends_it(settings, wrong):
    settings.DEBUG, settings.OPEN_CONTROL, settings.SECRET_KEY = False, False, GOOD_SECRET
    for name in set(wrong) - {"USER"}:
        setattr(settings, name, SETTINGS[name][0])
    if "USER" not in wrong:
        User.objects.create_user("someone")
    problems = problems_of("0.0.0.0")
    assert [p.id for p in problems] == [SETTINGS[name][1] for name in SETTINGS if name in wrong]
    for problem, name in zip(problems, [name for name in SETTINGS if name in wrong], strict=True):
        assert SETTINGS[name][2] in problem.hint
    assert problems_of("127.0.0.1") == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.1", "example.com", "", "127.0.0.1.example.com", "2130706433", "0"]
)
def test_what_is_no_loopback_address_is_refused_with_open_control(settings, host):
    assert "access.E002" in {p.id for p in problems_of(host)}


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["*", ".example.com", "*.example.com"])
def test_a_host_name_that_means_many_is_refused(settings, name):
    settings.EXTRA_HOSTS = [name]
    assert "access.E005" in {p.id for p in problems_of("127.0.0.1")}


@pytest.mark.django_db
def test_another_name_for_this_server_counts_as_exposed(settings):
    settings.EXTRA_HOSTS = ["agent.example.com"]
    assert "access.E002" in {p.id for p in problems_of("127.0.0.1")}


def manage(tmp_path, *arguments, **environment):
    known = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=known | {"DATA_DIR": str(tmp_path / "data")} | environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.process
def test_the_deployment_check_is_clean_in_production_settings(tmp_path):
    production = {"HOST": "0.0.0.0", "HTTPS": "true", "OPEN_CONTROL": "false", "ALLOWED_HOSTS": "agent.example.com"}
    ended = manage(tmp_path, "check", "--deploy", "--tag", "security", "--fail-level", "WARNING", **production)
    assert ended.returncode == 0, ended.stderr
    assert "no issues" in ended.stdout
    ended = manage(
        tmp_path,
        "check",
        "--deploy",
        "--tag",
        "security",
        "--fail-level",
        "WARNING",
        **production | {"OPEN_CONTROL": "true"},
    )
    assert ended.returncode != 0
    assert "access.E002" in ended.stderr


@pytest.mark.process
def test_serve_names_every_fault_and_does_not_listen(tmp_path, migrated):
    (tmp_path / "data").mkdir()
    shutil.copy(migrated, tmp_path / "data")
    ended = manage(tmp_path, "serve", "--host", "0.0.0.0", DEBUG="true", SECRET_KEY="change-me")
    assert ended.returncode != 0
    for _, check, cure in SETTINGS.values():
        assert check in ended.stderr
        assert cure in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.process
def test_the_secret_is_generated_once_for_its_owner_alone_and_never_logged(tmp_path):
    first = manage(tmp_path, "check", LOG_LEVEL="DEBUG")
    path = tmp_path / "data" / "secret_key"
    secret = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(secret) >= 50
    second = manage(tmp_path, "check", LOG_LEVEL="DEBUG")
    assert path.read_text() == secret
    assert secret not in first.stdout + first.stderr + second.stdout + second.stderr
