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
    "": False,
}
ORIGINS = {
    None: True,
    f"http://{OWN}": True,
    f"https://{OWN}": False,
    "http://127.0.0.1": False,
    "http://127.0.0.1:8001": False,
    "http://localhost:8000": False,
    "http://example.com": False,
    "null": False,
    "": False,
    "file://": False,
}


@pytest.mark.django_db
@pytest.mark.parametrize("origin", ORIGINS)
def test_a_write_from_a_foreign_page_is_403_and_a_read_is_not(client, origin):
    headers = {"Host": OWN} | ({} if origin is None else {"Origin": origin})
    write = client.put("/api/agent/toggle?enabled=true", headers=headers)
    assert write.status_code == (200 if ORIGINS[origin] else 403)
    assert client.get("/api/agent/status", headers=headers).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("host", HOSTS)
def test_only_this_servers_own_names_are_served(client, host):
    assert client.get("/health/live", headers={"Host": host}).status_code == (200 if HOSTS[host] else 400)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("host", "origin", "accepted"),
    [(OWN, origin, accepted) for origin, accepted in ORIGINS.items()]
    + [(host, None, accepted) for host, accepted in HOSTS.items()],
)
async def test_a_handshake_from_a_foreign_page_or_for_another_host_is_refused(host, origin, accepted):
    headers = [(b"host", host.encode())] + ([] if origin is None else [(b"origin", origin.encode())])
    socket = WebsocketCommunicator(application, "/ws/realtime", headers=headers)
    connected, _ = await socket.connect()
    assert connected is accepted
    await socket.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_an_unknown_socket_path_is_refused():
    socket = WebsocketCommunicator(application, "/ws/other", headers=[(b"host", OWN.encode())])
    connected, _ = await socket.connect()
    assert not connected
