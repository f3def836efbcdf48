"""Who is connected to, and for how long: loopback and private addresses are not, whoever says otherwise."""

import socket
import threading
from ipaddress import ip_network

import pytest

from alerts import apprise_services, webhooks
from alerts.outward import Forbidden, host_problem, outward, problem_of

SECRET = webhooks.new_secret()


def post(url, **more):
    return webhooks.send(url, SECRET, "id", {"title": "t", **more})


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::", "ff02::1",
        "localhost", "",
    ],
)  # fmt: skip
def test_what_is_not_a_public_address_is_refused(address):
    assert problem_of(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_not(address):
    assert problem_of(address) == ""


def test_exceptions_are_networks_and_no_more_than_that(settings):
    settings.ALERTS_ALLOWED_NETWORKS = [ip_network("10.1.2.0/24"), ip_network("fd00::/8")]
    asked = ("10.1.2.9", "10.1.3.9", "fd00::5", "::ffff:10.1.2.9")
    assert [problem_of(one) == "" for one in asked] == [True, False, True, True]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_a_webhook_on_this_machine_is_refused_at_the_door_however_it_is_written(receiver, host):
    result = post(f"http://{host}:{receiver.server_address[1]}/")
    assert "is not connected to" in result.error and result.final
    assert receiver.got == []


def test_a_name_that_means_another_machine_at_the_time_of_sending_is_refused_then(receiver, monkeypatch):
    answers = iter(["8.8.8.8", "127.0.0.1", "127.0.0.1"])
    real = socket.getaddrinfo

    def resolve(host, port, *arguments, **more):
        if host == "rebound.example":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port or 0))]
        return real(host, port, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert host_problem("rebound.example") == ""  # what it was when it was stored
    result = post(f"http://rebound.example:{receiver.server_address[1]}/")
    assert result.final and "loopback" in result.error
    assert receiver.got == []


@pytest.mark.usefixtures("loopback_allowed")
def test_a_redirect_is_not_followed_by_a_webhook(receiver):
    receiver.answers = [(307, {"Location": receiver.url + "/elsewhere"})]
    result = post(receiver.url + "/hook")
    assert "redirect" in result.error and not result.final
    assert [one.path for one in receiver.got] == ["/hook"]


def test_a_redirect_to_a_private_address_is_not_followed_by_a_service_either(receiver, settings):
    settings.ALERTS_ALLOWED_NETWORKS = [ip_network("127.0.0.1")]
    port = receiver.server_address[1]
    receiver.answers = [(307, {"Location": f"http://127.0.0.2:{port}/private"})]
    result = apprise_services.send(f"json://127.0.0.1:{port}/hook?redirect=yes", "t", "x")
    assert "127.0.0.2 is not connected to" in result.error
    assert [one.path for one in receiver.got] == ["/hook"]


@pytest.mark.usefixtures("loopback_allowed")
def test_a_webhook_that_never_answers_is_left(receiver, monkeypatch):
    monkeypatch.setattr(webhooks, "WAIT_S", 0.3)
    receiver.silent.set()
    assert post(receiver.url).error == "no answer in time"


@pytest.mark.usefixtures("loopback_allowed")
@pytest.mark.parametrize("send", ["webhook", "service"])
def test_an_answer_that_drips_is_cut_off_as_a_whole(receiver, monkeypatch, send):
    receiver.drip_s = 0.05
    monkeypatch.setattr(webhooks, "WHOLE_S", 0.5)
    monkeypatch.setattr(apprise_services, "WHOLE_S", 0.5)
    done = []
    call = (
        (lambda: done.append(post(receiver.url)))
        if send == "webhook"
        else lambda: done.append(apprise_services.send(receiver.url.replace("http", "json"), "t", "x"))
    )
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(20)
    assert done, "it still waits for the end of an answer that has none"
    assert done[0].error


def test_nobody_else_is_watched(receiver):
    with outward(1.0), pytest.raises(Forbidden):
        socket.create_connection(receiver.server_address)
    socket.create_connection(receiver.server_address).close()
    elsewhere = []

    def connect():
        socket.create_connection(receiver.server_address).close()
        elsewhere.append(True)

    with outward(1.0):
        thread = threading.Thread(target=connect)
        thread.start()
        thread.join()
    assert elsewhere == [True]


def test_datagrams_and_sockets_of_this_machine_are_refused_too(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, outward(1.0), pytest.raises(Forbidden):
        one.sendto(b"x", ("127.0.0.1", 9))
    with socket.socket(socket.AF_UNIX) as one, outward(1.0), pytest.raises(Forbidden):
        one.connect(str(tmp_path / "socket"))


@pytest.mark.usefixtures("loopback_allowed")
def test_what_a_service_answers_is_told_and_429_makes_it_wait(receiver):
    url = receiver.url.replace("http", "json")
    receiver.answers = [(200, {}), (500, {}), (429, {})]
    assert apprise_services.send(url, "t", "x").error == ""
    assert receiver.got[0].json["message"] == "x"
    assert apprise_services.send(url, "t", "x").answer == 500
    throttled = apprise_services.send(url, "t", "x")
    assert (throttled.answer, throttled.wait_s) == (429, apprise_services.THROTTLED_S)


@pytest.mark.usefixtures("loopback_allowed")
def test_markup_reaches_a_service_that_shows_html_escaped(receiver):
    url = receiver.url.replace("http", "json") + "/?format=html"
    apprise_services.send(url, "<b>t</b>", "<script>alert(1)</script>")
    assert "<script" not in receiver.got[0].json["message"]
    assert "&lt;script&gt;" in receiver.got[0].json["message"]


def test_a_send_leaves_no_thread_and_no_open_socket_behind(receiver, settings):
    settings.ALERTS_ALLOWED_NETWORKS = [ip_network("127.0.0.1")]
    before = {one for one in threading.enumerate() if isinstance(one, threading.Timer)}
    for _ in range(3):
        assert post(receiver.url).error == ""
    after = {one for one in threading.enumerate() if isinstance(one, threading.Timer) and not one.finished.is_set()}
    assert after <= before


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", None),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", None),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", None),
        ("mailtos://user:pw@mail.example.com", "mail.example.com"),
        ("json://10.0.0.1/x", "10.0.0.1"),
    ],
)
def test_a_token_in_the_place_of_a_host_is_never_looked_up(url, host):
    assert apprise_services.host_of(url) == host
