"""``manage.py risk`` and the admin: the same limits, sizes and orders as over the API."""

import json

import pytest
from django.core.management import CommandError, call_command

from risk.models import Limits, Order, Portfolio, Position, Protection
from tests.risk.conftest import HOUR, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def trading(paper):
    """A long in AAAUSDT, opened at bar 1."""
    paper.signal(behind=0)
    paper.bar(1, 100, 101, 99.5)
    paper.close(1)
    return paper


def said(capsys, *arguments):
    call_command("risk", *arguments)
    return capsys.readouterr().out


def test_status_says_what_is_held_and_what_it_may_lose(trading, capsys):
    told = said(capsys, "status")
    assert "1 open, leverage 0.25" in told
    assert "value at risk (95 %) - (insufficient data (0 bars, 130 needed))" in told
    assert "AAAUSDT" in told
    assert json.loads(said(capsys, "status", "--json"))["open_positions"] == 1


def test_status_of_an_empty_portfolio_is_empty(paper, capsys):
    told = said(capsys, "status")
    assert "equity 10000.00, realised +0.00" in told
    assert "0 open, leverage 0.00, exposure +0.00, value at risk (95 %) 0.00%" in told


def test_size_says_how_much_and_which_limit_cut_it(trading, capsys):
    told = said(capsys, "size", "aaa/usdt", "--entry", "100", "--stop", "99.9", "--equity", "1000")
    assert "sized_down: long" in told
    assert "max_single_asset" in told
    told = json.loads(said(capsys, "size", "AAAUSDT", "--entry", "100", "--stop", "120", "--equity", "1000", "--json"))
    assert (told["side"], told["quantity"]) == ("SHORT", pytest.approx(0.5))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("size", "NONEUSDT", "--entry", "100", "--stop", "90"), "not known to this market"),
        (("size", "AAAUSDT", "--entry", "100", "--stop", "100"), "stop_loss: equals the entry"),
        (("size", "AAAUSDT", "--entry", "nan", "--stop", "100"), "entry_price: must be a price above 0"),
        (("size", "AAAUSDT", "--entry", "100", "--stop", "90", "--equity", "0"), "equity: must be above 0"),
        (("limits", "--set", "max_positions=0"), "max_positions: must be 1 to 1000, was 0"),
        (("limits", "--set", "max_positions=2.5"), "is no number"),
        (("limits", "--set", "max_drawdown=nan"), "max_drawdown: must be"),
        (("limits", "--set", "max_luck=1"), "there is no limit 'max_luck'"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason_and_changes_nothing(trading, arguments, says):
    with pytest.raises(CommandError, match=says):
        call_command("risk", *arguments)
    assert not Limits.objects.exists()


def test_limits_are_shown_and_set(paper, capsys):
    assert "version 0" in said(capsys, "limits")
    told = said(capsys, "limits", "--set", "max_positions=4", "max_leverage=1.5")
    assert "version 1" in told
    newest = Limits.objects.get()
    assert (newest.max_positions, newest.max_leverage, newest.created_by) == (4, 1.5, None)


# The admin


@pytest.fixture
def admin(admin_client):
    admin_client.defaults["HTTP_HOST"] = "127.0.0.1"
    return admin_client


def test_the_admin_sets_limits_as_a_new_version_and_refuses_bad_ones(paper, admin):
    page = admin.get("/admin/risk/limits/add/")
    values = {name: page.context["adminform"].form[name].value() for name in page.context["adminform"].form.fields}
    answer = admin.post("/admin/risk/limits/add/", values | {"max_drawdown": 2})
    assert b"must be 0.001 to 1, was 2" in answer.content
    assert admin.post("/admin/risk/limits/add/", values | {"max_positions": 3}).status_code == 302
    newest = Limits.objects.get()
    assert (newest.version, newest.max_positions, newest.created_by.username) == (1, 3, "admin")
    assert admin.get(f"/admin/risk/limits/{newest.pk}/change/").status_code == 200
    assert admin.post(f"/admin/risk/limits/{newest.pk}/change/", values).status_code == 403


def test_the_admin_places_an_order_and_closes_a_position(trading, admin):
    pk = trading.instrument().pk
    form = {"instrument": pk, "side": 1, "stop": 150, "target": "", "quantity": ""}
    assert b"must lie below the entry" in admin.post("/admin/risk/order/add/", form).content
    assert Order.objects.count() == 1
    close = {"action": "close_by_hand", "_selected_action": [Position.objects.get().pk]}
    admin.post("/admin/risk/position/", close)
    trading.bar(2, 100, 101, 99.5)
    trading.close(2)
    assert Position.objects.get().how == "hand"
    Protection.objects.update(until=0)
    answer = admin.post("/admin/risk/order/add/", form | {"stop": 95})
    assert answer.status_code == 302, answer.context["errors"]
    assert Order.objects.latest("pk").by == "admin"


def test_the_admin_lifts_protections_and_resets_the_day(trading, admin):
    portfolio = Portfolio.objects.get()
    rest = Protection.objects.create(portfolio=portfolio, kind="cooldown", since=at(2), until=at(2) + HOUR, reason="x")
    admin.post("/admin/risk/protection/", {"action": "lift", "_selected_action": [rest.pk]})
    rest.refresh_from_db()
    assert (rest.lifted_at, rest.lifted_by) == (at(2), "admin")
    admin.post("/admin/risk/portfolio/", {"action": "reset_daily", "_selected_action": [portfolio.pk]})
    assert Portfolio.objects.get().counted_from == at(2)


@pytest.mark.parametrize("page", ["limits", "portfolio", "position", "order", "protection", "equitypoint"])
def test_every_page_of_the_admin_opens(trading, admin, page):
    assert admin.get(f"/admin/risk/{page}/").status_code == 200


def test_the_admin_changes_the_policy_and_nothing_else_of_the_portfolio(trading, admin):
    portfolio = Portfolio.objects.get()
    form = {"fee": 0.002, "slippage": 0.001, "target_r": 3, "cash": 1e9}
    assert admin.post(f"/admin/risk/portfolio/{portfolio.pk}/change/", form).status_code == 302
    changed = Portfolio.objects.get()
    assert (changed.fee, changed.follows, changed.cash) == (0.002, False, portfolio.cash)
