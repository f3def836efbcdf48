"""``manage.py doctor`` names what departs from safe defaults, and says nothing of what does not."""

import pytest

from agent import departures as module
from agent.departures import departures

pytestmark = pytest.mark.django_db

EXPOSED = {"HOST": "192.0.2.1"}


def named(what):
    return [one for one in departures() if what in one.what]


@pytest.fixture
def database(monkeypatch, tmp_path):
    """The database as the settings have it; a test changes it in place."""
    given = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "none")}
    monkeypatch.setattr(module, "_database", lambda: given)
    return given


@pytest.fixture(autouse=True)
def safe(settings, tmp_path, database):
    """Values as a fresh installation has them, with control closed and somebody who can log in."""
    settings.OPEN_CONTROL = False
    settings.DEBUG = False
    settings.DATA_DIR = settings.BASE_DIR = tmp_path
    settings.REDIS_URL = settings.CELERY_BROKER_URL = ""


def test_a_closed_installation_on_this_machine_departs_in_nothing(admin_user):
    assert departures() == []


@pytest.mark.parametrize(
    ("change", "what", "grave"),
    [
        ({"DEBUG": True}, "DEBUG=true", True),
        ({"OPEN_CONTROL": True}, "OPEN_CONTROL=true", False),
        ({"OPEN_CONTROL": True} | EXPOSED, "OPEN_CONTROL=true", True),
        (EXPOSED, "HTTPS=false", True),
        (EXPOSED, "reachable as 192.0.2.1", False),
        ({"EXTRA_HOSTS": ["*.example.com"]}, "access.E005", True),
        ({"ALLOWED_ORIGINS": ["http://other.example.com"]}, "http://other.example.com", True),
        ({"ALLOWED_ORIGINS": ["https://other.example.com"]}, "https://other.example.com", False),
        ({"TRUSTED_PROXIES": ["192.0.2.9"]}, "192.0.2.9", False),
        ({"SECRET_KEY": "short"}, "SECRET_KEY", True),
        ({"THROTTLE_FACTOR": 0}, "THROTTLE_FACTOR=0", False),
        ({"THROTTLE_FACTOR": 0} | EXPOSED, "THROTTLE_FACTOR=0", True),
        ({"THROTTLE_FACTOR": 5}, "THROTTLE_FACTOR=5", False),
        ({"SOCKETS_PER_ADDRESS": 1000}, "SOCKETS_PER_ADDRESS=1000", False),
        ({"TOKEN_DAYS": 3650}, "TOKEN_DAYS=3650", False),
        ({"SIGNAL_DAYS": 7}, "SIGNAL_DAYS=7", False),
        ({"RUN_DAYS": 0}, "RUN_DAYS=0", False),
        ({"WATCHDOG_S": 3600.0}, "WATCHDOG_S=3600", False),
        ({"WRITE_PATH": "portable"}, "WRITE_PATH=portable", False),
        ({"REDIS_URL": "redis://192.0.2.3:6379/0"}, "REDIS_URL without a password", True),
        ({"REDIS_URL": "redis://:x@192.0.2.3:6379/0"}, "REDIS_URL without TLS", True),
    ],
)
def test_a_departure_is_named_with_what_it_means(settings, admin_user, monkeypatch, change, what, grave):
    monkeypatch.setattr("agent.checks.PATIENCE_S", 0.01)
    for name, value in change.items():
        setattr(settings, name, value)
    [one, *_] = named(what)
    assert one.grave is grave
    assert len(one.means) > 10


def test_a_database_elsewhere_wants_a_password_and_tls(database, admin_user):
    database |= {"ENGINE": "django.db.backends.postgresql", "HOST": "192.0.2.4", "NAME": "agent", "OPTIONS": {}}
    assert [one.grave for one in named("DATABASE_URL")] == [True, True]
    database |= {"PASSWORD": "x", "OPTIONS": {"sslmode": "verify-full"}}
    assert named("DATABASE_URL") == []


def test_a_secret_that_others_may_read_is_named(tmp_path, admin_user):
    key = tmp_path / "secret_key"
    key.write_text("x" * 50)
    key.chmod(0o600)
    assert named("secret_key") == []
    key.chmod(0o644)
    assert named("secret_key")[0].means == f"chmod 600 {key}"


def test_nobody_to_log_in_and_a_member_of_staff_without_a_role_are_named(django_user_model):
    assert named("no user who could log in")[0].grave
    django_user_model.objects.create_user("stray", is_staff=True)
    assert not named("no user who could log in")
    assert named("stray")
