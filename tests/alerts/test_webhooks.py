"""What a receiver gets, and the check that the documentation gives it."""

import base64
import hashlib
import hmac
import re
import time
from pathlib import Path

import pytest

from alerts import messages, webhooks
from alerts.messages import template_problem
from alerts.outbox import backoff_s

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def is_genuine():
    """The receiver's check as docs/alerts.md prints it."""
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "alerts.md").read_text(), re.DOTALL)
    names: dict = {}
    exec(code[1], names)
    return names["is_genuine"]


@pytest.fixture
def sent(receiver, loopback_allowed):
    """A request as it arrived, and the secret it was signed with."""
    secret = webhooks.new_secret()
    assert webhooks.send(receiver.url, secret, "an-id", {"title": "ü", "n": 1}).error == ""
    return receiver.got[0], secret


def test_the_documented_check_takes_what_is_sent(sent, is_genuine):
    request, secret = sent
    assert request.headers["webhook-id"] == "an-id"
    assert request.headers["content-type"] == "application/json"
    assert is_genuine(secret, request.headers, request.body)


def test_the_documented_check_refuses_everything_else(sent, is_genuine):
    request, secret = sent
    headers, body = request.headers, request.body
    stamp = int(headers["webhook-timestamp"])
    assert not is_genuine(webhooks.new_secret(), headers, body)
    assert not is_genuine(secret, headers, body + b" ")
    assert not is_genuine(secret, headers | {"webhook-id": "another-id"}, body)
    assert not is_genuine(secret, headers | {"webhook-timestamp": str(stamp + 1)}, body)
    assert not is_genuine(secret, headers | {"webhook-timestamp": "yesterday"}, body)
    assert not is_genuine(secret, headers | {"webhook-signature": "v1,ü"}, body)
    assert not is_genuine(secret, {name: v for name, v in headers.items() if name != "webhook-signature"}, body)
    old = stamp - 301
    replayed = {"webhook-timestamp": str(old), "webhook-signature": webhooks.sign(secret, "an-id", old, body)}
    assert not is_genuine(secret, headers | replayed, body)
    assert is_genuine(secret, headers | replayed, body, tolerance_s=600)
    both = f"v1,AAAA {headers['webhook-signature']}"  # a sender that rotates its secret signs with two
    assert is_genuine(secret, headers | {"webhook-signature": both}, body)


def test_the_signature_is_that_of_the_standard():
    """The example of the specification's reference implementations."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    assert webhooks.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )
    key = base64.b64decode(secret.removeprefix("whsec_"))
    by_hand = hmac.new(key, b"a.1." + body, hashlib.sha256).digest()
    assert webhooks.sign(secret, "a", 1, body) == "v1," + base64.b64encode(by_hand).decode()
    assert abs(int(webhooks.headers(secret, "a", body)["webhook-timestamp"]) - time.time()) < 5


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!", "whsec_AAAA", "whsec_ü"]
)
def test_a_secret_that_is_none_is_refused(secret):
    assert webhooks.secret_problem(secret)


@pytest.mark.parametrize(
    "url", ["", "ftp://x/", "x", "https://", "http://[::1", "http://a:99999/", "javascript:alert(1)"]
)
def test_an_address_that_is_none_is_refused(url):
    assert webhooks.url_problem(url)


def test_an_address_is_shown_without_what_is_secret_in_it():
    assert (
        webhooks.shown("https://user:pw@hooks.example.com:8443/T000/B000?key=1") == "https://hooks.example.com:8443/…"
    )
    assert webhooks.shown("http://[2606:4700::1111]/") == "http://[2606:4700::1111]/"


EVENT = {
    "rule": "{symbol} <b>", "symbol": "AAAUSDT", "ts": 1_700_006_400_000, "score": 0.7614, "confidence": 0.5,
    "consensus": 1.0, "direction": "BULLISH", "advice": "BUY", "price": 64012.5, "timeframes": {"1h": 0.7},
    "preset": "balanced", "source": "binance",
}  # fmt: skip


def test_a_template_is_filled_once_and_names_what_is_not_the_real_market():
    assert messages.told(EVENT, "{rule} {score}", "")[0] == "{symbol} <b> 0.761"
    assert messages.told(EVENT | {"source": "simulated"}, "{symbol}", "x") == ("[SIMULATED] AAAUSDT", "[SIMULATED] x")
    title, text = messages.told(EVENT, "", "")
    assert title == "AAAUSDT BUY 0.761"
    assert "64,012.5" in text and "2023-11-15 00:00 UTC" in text


@pytest.mark.parametrize(
    "template",
    [
        "{{7*7}}", "{% load x %}", "{symbol.__class__}", "{symbol!r}", "{0}", "{}", "{score:>99999}", "{", "}", "a}b{c",
        "{unknown}", "{symbol", "\x00", "\x1b[31m", "{settings}",
    ],
)  # fmt: skip
def test_what_is_no_template_is_refused(template):
    assert template_problem(template)


@pytest.mark.parametrize(
    "template", ["", "{symbol} {score}", "<script>alert(1)</script>", "50 % off", "a\nb", "${symbol}"]
)
def test_markup_in_a_template_is_text_like_any_other(template):
    assert template_problem(template) is None


def test_a_digest_names_so_many_and_counts_the_rest():
    titles = [f"t{n}" for n in range(60)]
    title, text = messages.digest(titles, titles)
    assert title == "60 alerts"
    assert text.splitlines()[-2:] == ["t49", "and 10 more"]


def test_the_wait_doubles_up_to_an_hour():
    assert [backoff_s(n) for n in (1, 2, 3, 10, 11, 40)] == [5.0, 10.0, 20.0, 2560.0, 3600.0, 3600.0]
