"""``manage.py transfer``: everything arrives as it was, whatever happens on the way."""

from contextlib import contextmanager
from io import StringIO

import pytest
from django.apps import apps
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from agent.models import AgentState
from agent.services import agent_state, toggle
from agent.transfer.databases import SOURCE, TARGET, both_ends
from agent.transfer.moving import Transfer
from agent.transfer.tables import Table
from market.feeds import current_market
from market.models import Candle, Instrument, Market
from signals.models import Signal, Stream

pytestmark = pytest.mark.django_db(transaction=True)

RESTORED = {"agent_agentstate"}  # the agent is on again at the target, off at the source


class Killed(BaseException):
    """Ends a transfer at a point of the test's choosing, as a kill would: nothing catches it."""


@pytest.fixture(autouse=True)
def other_databases(transactional_db, monkeypatch):
    """Let tests connect to databases besides their own, which Django's test case forbids."""
    guarded = BaseDatabaseWrapper.ensure_connection

    def ensure_connection(self):
        if self.alias not in (SOURCE, TARGET):
            guarded(self)
        elif self.connection is None:
            with self.wrap_database_errors:
                self.connect()

    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", ensure_connection)


@pytest.fixture
def to(request, tmp_path) -> str:
    """The URL of an empty database: SQLite, or of the kind that the test is called with."""
    if getattr(request, "param", "sqlite") == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'moved.sqlite3'}"


either = pytest.mark.parametrize("to", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def played(play, replay):
    """A market with signals, and people with rights who did something."""
    replay.REPLAY_SYMBOLS = ["AAAUSDT"]
    play(3)
    boss = User.objects.create_superuser("boss", password="a long password")
    group = Group.objects.create(name="desk")
    group.permissions.set(Permission.objects.all()[:3])
    boss.groups.add(group)
    LogEntry.objects.create(
        user=boss, content_type=ContentType.objects.get_for_model(Group), object_id=group.pk, action_flag=ADDITION
    )
    Market.objects.update(state={"prices": {"A": -0.0, "B": 1e22, "C": 0.1}, "ä": ["\u2028", None, True]})


def transfer(to, batch=500):
    out = StringIO()
    call_command("transfer", to=to, batch=batch, stdout=out)
    return out.getvalue()


def rows(using: str) -> dict[str, list[tuple]]:
    """Every row of every table, as Django reads it, in an order of its own."""
    tables = [Table(m) for m in apps.get_models(include_auto_created=True) if m._meta.managed]
    return {
        t.name: sorted(t.model._base_manager.using(using).values_list(*(f.attname for f in t.fields)), key=repr)
        for t in tables
    }


@contextmanager
def target(to):
    with both_ends(to):
        yield TARGET


@either
def test_every_row_of_every_table_arrives_and_the_agent_goes_on_there_alone(played, to):
    moment = Signal.objects.latest("created_at").created_at
    assert "equal at both ends" in transfer(to)
    here = rows("default")  # that the agent was turned off is audited, and moves as well
    assert agent_state().enabled is False
    with target(to) as there:
        arrived = rows(there)
        assert {name for name in here if arrived[name] != here[name]} == RESTORED
        assert AgentState.objects.using(there).get().enabled is True
        assert User.objects.using(there).get(username="boss").check_password("a long password")
        assert Signal.objects.using(there).latest("created_at").created_at == moment
        assert "transfer_progress" not in connections[there].introspection.table_names()
    assert min(len(here[n]) for n in ("market_candle", "signals_signal", "django_admin_log", "auth_user_groups")) > 0


def test_an_agent_that_was_off_stays_off_at_both_ends(played, to):
    toggle(False)
    transfer(to)
    with target(to) as there:
        assert AgentState.objects.using(there).get().enabled is False


@either
def test_new_rows_at_the_target_get_numbers_behind_those_that_came(played, to):
    transfer(to)
    newest = {m: m.objects.latest("pk").pk for m in (Instrument, User, LogEntry)}
    with target(to) as there:
        market = Market.objects.using(there).get(pk=current_market().pk)
        user = User.objects.db_manager(there).create_user("next")
        assert Instrument.objects.using(there).create(market=market, symbol="NEXTUSDT").pk > newest[Instrument]
        assert user.pk > newest[User]


@pytest.mark.parametrize(("after", "to"), [(0, "sqlite"), (4, "postgres"), (15, "sqlite")], indirect=["to"])
def test_a_transfer_killed_on_the_way_goes_on_behind_the_last_whole_batch(played, to, after, monkeypatch):
    written, write, done = [], Table.write, []

    def write_until(self, connection, part):
        if len(written) == after:
            raise Killed
        write(self, connection, part)
        written.append((self.name, len(part)))

    with monkeypatch.context() as patch:
        patch.setattr(Table, "write", write_until)
        with pytest.raises(Killed):
            transfer(to, batch=100)
    assert agent_state().enabled is False
    done = list(written)
    written.clear()
    with monkeypatch.context() as patch:
        patch.setattr(Table, "write", lambda *a: (write(*a), written.append((a[0].name, len(a[2])))))
        transfer(to, batch=100)
    here = rows("default")
    copied = {name: sum(n for at, n in done + written if at == name) for name in here}
    assert copied == {name: len(found) for name, found in here.items()}  # nothing twice
    with target(to) as there:
        assert {n for n, found in rows(there).items() if found != here[n]} == RESTORED
        assert AgentState.objects.using(there).get().enabled is True


@either
def test_what_changed_at_the_source_between_two_runs_is_copied_again(played, to, monkeypatch):
    compare = Transfer._compare
    monkeypatch.setattr(Transfer, "_compare", lambda *a: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        transfer(to)
    Candle.objects.filter(pk=Candle.objects.earliest("open_time").pk).update(volume=123.0)
    Candle.objects.filter(pk=Candle.objects.latest("open_time").pk).delete()
    User.objects.create_user("late")
    monkeypatch.setattr(Transfer, "_compare", compare)
    transfer(to)
    here = rows("default")
    with target(to) as there:
        assert {n for n, found in rows(there).items() if found != here[n]} == RESTORED


def test_a_row_that_got_lost_on_the_way_would_be_noticed(played, to, monkeypatch):
    write = Table.write
    lossy = {"market_candle": 1}
    monkeypatch.setattr(Table, "write", lambda t, there, part: write(t, there, part[lossy.get(t.name, 0) :]))
    with pytest.raises(CommandError, match=r"market_candle: .* the target cannot be used"):
        transfer(to)


def test_an_agent_turned_on_meanwhile_stops_the_transfer(played, to, monkeypatch):
    compare = Transfer._compare
    monkeypatch.setattr(Transfer, "_compare", lambda *a: (compare(*a), toggle(True))[0])
    with pytest.raises(CommandError, match="turned on meanwhile"):
        transfer(to)
    monkeypatch.setattr(Transfer, "_compare", compare)
    assert "equal at both ends" in transfer(to)
    with target(to) as there:
        heads = dict(Stream.objects.using(there).values_list("pk", "last_seq"))
    assert heads == dict(Stream.objects.values_list("pk", "last_seq"))


@either
def test_a_database_with_anything_in_it_is_left_alone_and_the_agent_on(played, to):
    with target(to) as there, connections[there].cursor() as cursor:
        cursor.execute("CREATE TABLE payroll (id integer)")
    with pytest.raises(CommandError, match=r"is not empty, it has the tables payroll\."):
        transfer(to)
    assert agent_state().enabled is True
    with target(to) as there:
        assert connections[there].introspection.table_names() == ["payroll"]


def test_a_finished_target_is_not_written_to_again(played, to):
    transfer(to)
    with pytest.raises(CommandError, match="is not empty"):
        transfer(to)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("nonsense", "--to"),
        ("mysql://u:secret@h/x", "must be postgres"),
        ("postgres://u:secret@127.0.0.1:1/x", "127.0.0.1:1/x"),
        ("", "--to"),
    ],
)
def test_a_bad_target_is_named_without_its_password(db, url, named):
    with pytest.raises(CommandError) as refused:
        transfer(url)
    assert named in str(refused.value)
    assert "secret" not in str(refused.value)
