"""Host and Origin, for REST and for the handshake."""

import pytest
from channels.testing import WebsocketCommunicator

from realtime_agent.asgi import application

OWN = "127.0.0.1:8000"
HOSTS = {
    OWN: True,
    "localhost:8000": True,
    "[::1]:8000": True,
    "127.0.0.1": True,
    "example.com": False,
    "127.0.0.1.example.com": False,
    "localhost.example.com:8000": False,
    "127.0.0.1@example.com": False,
    "2130706433": False,
    "": False,
}
# By Origin: the Host at which it is this server's own page, True for any, False for none.
ORIGINS = {
    None: True,
    f"http://{OWN}": OWN,
    "http://localhost:8000": "localhost:8000",
    "http://127.0.0.1": "127.0.0.1",
    "http://[::1]:8000": "[::1]:8000",
    f"https://{OWN}": False,
    "http://127.0.0.1:8001": False,
    "http://example.com": False,
    "null": False,
    "": False,
    "file://": False,
    f"http://{OWN}.example.com": False,
}
TABLE = [
    (host, origin, known, known and ORIGINS[origin] in (True, host))
    for host, known in HOSTS.items()
    for origin in ORIGINS
]


def test_the_table_has_120_cases():
    assert len(TABLE) == 120


@pytest.mark.django_db
@pytest.mark.parametrize(("host", "origin", "known", "own"), TABLE)
def test_a_write_from_a_foreign_page_is_403_and_for_a_foreign_host_400(client, host, origin, known, own):
    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
    write = client.put("/api/agent/toggle?enabled=true", headers=headers)
    assert write.status_code == (200 if own else 403 if known else 400)
    assert client.get("/api/agent/status", headers=headers).status_code == (200 if known else 400)


@pytest.mark.django_db
@pytest.mark.parametrize("host", HOSTS)
def test_only_this_servers_own_names_are_served(client, host):
    assert client.get("/health/live", headers={"Host": host}).status_code == (200 if HOSTS[host] else 400)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("host", "origin", "known", "own"), TABLE)
async def test_a_handshake_from_a_foreign_page_or_for_another_host_is_refused(host, origin, known, own):
    headers = [(b"host", host.encode())] + ([] if origin is None else [(b"origin", origin.encode())])
    socket = WebsocketCommunicator(application, "/ws/realtime", headers=headers)
    connected, _ = await socket.connect()
    assert connected is own
    await socket.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_an_unknown_socket_path_is_refused():
    socket = WebsocketCommunicator(application, "/ws/other", headers=[(b"host", OWN.encode())])
    connected, _ = await socket.connect()
    assert not connected
