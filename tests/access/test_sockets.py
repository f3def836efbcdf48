"""What opens a socket, and what closes it again."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from access import credentials, tickets
from access.models import Ticket
from realtime_agent.asgi import application
from signals import consumer, hub

pytestmark = pytest.mark.django_db(transaction=True)

STRANGER = ["192.0.2.7", 40000]
LOOPBACK = ["127.0.0.1", 40000]


class Socket:
    def __init__(self, query="", client=STRANGER, headers=()):
        host = (b"host", b"127.0.0.1:8000")
        path = "/ws/realtime" + (f"?ticket={query}" if query else "")
        self.inner = WebsocketCommunicator(application, path, headers=[host, *headers])
        self.inner.scope["client"] = client

    async def __aenter__(self):
        connected, _ = await self.inner.connect(timeout=10)
        assert connected
        return self

    async def __aexit__(self, *args):
        await self.inner.disconnect()

    async def first(self):
        """Return ``status`` if it was let in, else the close code."""
        event = await self.inner.receive_output(timeout=10)
        return event.get("code") or "status"

    async def pong(self):
        """Ping, and return when it is answered."""
        await self.inner.send_to(text_data='{"action": "ping"}')
        while '"pong"' not in (event := await self.inner.receive_output(timeout=10)).get("text", ""):
            assert event["type"] == "websocket.send", event

    async def closed_with(self, within=10):
        while True:
            event = await self.inner.receive_output(timeout=within)
            if event["type"] == "websocket.close":
                return event["code"]


async def opens(*arguments, **more):
    async with Socket(*arguments, **more) as socket:
        return await socket.first()


@sync_to_async
def ticket_of(client):
    return client.post("/api/auth/ws-ticket").json()["ticket"]


@pytest.fixture
def viewer(closed, user_of, token_client):
    return token_client(user_of("viewer"))


async def test_without_a_credential_a_socket_is_closed_with_4501(closed):
    assert await opens() == 4501
    assert await opens(client=LOOPBACK) == 4501


async def test_where_control_is_open_this_machine_needs_none_and_others_do(replay):
    assert await opens(client=LOOPBACK) == "status"
    assert await opens(client=STRANGER) == 4501
    assert await opens(client=LOOPBACK, headers=[(b"x-forwarded-for", b"192.0.2.7")]) == 4501


async def test_a_ticket_opens_one_socket_once(viewer):
    ticket = await ticket_of(viewer)
    assert await opens(ticket) == "status"
    assert await opens(ticket) == 4501


async def test_of_two_sockets_at_once_with_one_ticket_one_opens(viewer):
    ticket = await ticket_of(viewer)
    assert sorted(map(str, await asyncio.gather(*(opens(ticket) for _ in range(5))))) == ["4501"] * 4 + ["status"]


async def test_a_tampered_or_old_ticket_opens_nothing_and_uses_nothing_up(viewer):
    ticket = await ticket_of(viewer)
    for wrong in (ticket[:-1], ticket + "x", ticket.swapcase(), "%00", "x" * 5000, "é", "' or 1=1 --", "a&ticket=b"):
        assert await opens(wrong) == 4501, wrong
    assert await opens(ticket) == "status"
    old = await ticket_of(viewer)
    await Ticket.objects.aupdate(expires_at=timezone.now() - timedelta(seconds=1))
    assert await opens(old) == 4501


async def test_a_ticket_of_a_token_revoked_meanwhile_opens_nothing(viewer):
    ticket = await ticket_of(viewer)
    await AuthToken.objects.all().adelete()
    assert await opens(ticket) == 4501


@pytest.mark.parametrize("how", ["revoke", "delete", "deactivate", "role"])
async def test_a_socket_is_closed_at_once_when_its_token_loses_its_right(viewer, how):
    """At once: long before the look that is taken at times."""
    assert credentials.RECHECK_S >= 60
    async with Socket(await ticket_of(viewer)) as socket:
        assert await socket.first() == "status"
        user = viewer.stored.user
        if how == "revoke":
            assert (await sync_to_async(viewer.post)("/api/auth/token/revoke")).status_code == 204
        elif how == "delete":
            await sync_to_async(user.delete)()
        elif how == "deactivate":
            user.is_active = False
            await sync_to_async(user.save)()
        else:
            await sync_to_async(user.groups.clear)()
        assert await socket.closed_with() == 4501


async def test_a_change_that_takes_no_right_away_closes_nothing(viewer):
    async with Socket(await ticket_of(viewer)) as socket:
        assert await socket.first() == "status"
        user = viewer.stored.user
        user.email = "new@example.com"
        await sync_to_async(user.save)()
        await asyncio.sleep(3 * hub.STATUS_POLL_S)
        await socket.pong()


async def test_an_expired_token_loses_its_socket_at_the_next_look(viewer, monkeypatch):
    assert credentials.RECHECK_S <= 300
    monkeypatch.setattr(hub, "RECHECK_S", 0.2)
    async with Socket(await ticket_of(viewer)) as socket:
        assert await socket.first() == "status"
        await AuthToken.objects.aupdate(expiry=timezone.now() - timedelta(seconds=1))  # as time does: no signal is sent
        assert await socket.closed_with() == 4501


@pytest.mark.parametrize("how", ["log out", "session gone", "password"])
async def test_a_browsers_socket_is_closed_when_its_session_ends(closed, user_of, how):
    user = await sync_to_async(user_of)("viewer")
    browser = Client(HTTP_HOST="127.0.0.1:8000")
    await sync_to_async(browser.force_login)(user)
    cookie = (b"cookie", f"sessionid={browser.cookies['sessionid'].value}".encode())
    async with Socket(headers=[cookie]) as socket:
        assert await socket.first() == "status"
        if how == "log out":
            await sync_to_async(browser.logout)()
        elif how == "session gone":
            await sync_to_async(lambda: Session.objects.get().delete())()
        else:
            user.set_password("another")
            await sync_to_async(user.save)()
        assert await socket.closed_with() == 4501


async def test_a_neighbour_stays_when_a_token_is_revoked(viewer, user_of, token_client):
    other = await sync_to_async(lambda: token_client(user_of("operator")))()
    async with Socket(await ticket_of(other)) as neighbour, Socket(await ticket_of(viewer)) as socket:
        assert await neighbour.first() == await socket.first() == "status"
        await sync_to_async(viewer.stored.delete)()
        assert await socket.closed_with() == 4501
        await neighbour.pong()


async def test_one_address_may_hold_so_many_sockets_and_gets_room_again(closed, viewer):
    closed.SOCKETS_PER_ADDRESS = 2
    async with Socket(await ticket_of(viewer)) as first:
        async with Socket(await ticket_of(viewer)) as second:
            assert await first.first() == await second.first() == "status"
            assert await opens(await ticket_of(viewer)) == 4029
            assert await opens(await ticket_of(viewer), client=["192.0.2.8", 1]) == "status"
        assert await opens(await ticket_of(viewer)) == "status"
    assert not consumer._sockets


def test_a_ticket_lives_long_enough_to_connect_and_no_longer():
    assert 10 <= tickets.LIFE_S <= 60
