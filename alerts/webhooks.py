"""Signed webhooks, as https://www.standardwebhooks.com describes them: id, time and body under one HMAC-SHA256."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import ssl
import time
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from alerts.outward import outward
from alerts.results import Result

PREFIX = "whsec_"
WAIT_S = 5.0  # for a connection, and for the next byte
WHOLE_S = 10.0  # for it all, however slowly it comes


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_problem(secret: str) -> str | None:
    """Return why ``secret`` is none, or None."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    good = secret.startswith(PREFIX) and 24 <= len(key) <= 64
    return None if good else f"must be {PREFIX} and 24 to 64 bytes in base64; leave it out and one is made"


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header ``webhook-signature`` of one attempt. timestamp: seconds since the epoch."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def headers(secret: str, message_id: str, body: bytes) -> dict[str, str]:
    now = int(time.time())
    return {
        "content-type": "application/json",
        "user-agent": f"realtime-agent/{settings.VERSION}",
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": sign(secret, message_id, now, body),
    }


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates to trust: read once, which takes longer than a message does."""
    return httpx.create_ssl_context()


def send(url: str, secret: str, message_id: str, message: dict[str, Any]) -> Result:
    """POST a message once and say how it went. Follows no redirect and reads no more than the head of the answer."""
    body = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    with outward(WHOLE_S) as guard:
        try:
            with (
                # Without the environment's proxies: they would be asked for addresses that are refused here.
                httpx.Client(timeout=WAIT_S, follow_redirects=False, trust_env=False, verify=_trusted()) as client,
                client.stream("POST", url, content=body, headers=headers(secret, message_id, body)) as answer,
            ):
                return result_of(answer.status_code, answer.headers.get("retry-after"))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            if guard.refused:
                return Result(error=guard.refused, final=True)
            late = guard.late or isinstance(error, httpx.TimeoutException)
            return Result(error="no answer in time" if late else f"no answer: {error}"[:300])


def result_of(status: int, retry_after: str | None) -> Result:
    """Return what an HTTP status means for the message."""
    if 200 <= status < 300:
        return Result(answer=status)
    if 300 <= status < 400:
        return Result(answer=status, error=f"answered {status}, a redirect: none is followed, give the final address")
    if status == 410:
        return Result(answer=status, error="answered 410: it is gone", final=True)
    return Result(answer=status, error=f"answered {status}", wait_s=wait_of(retry_after))


def wait_of(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which may be a date; None without one that can be read."""
    if not retry_after:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def url_problem(url: str) -> str | None:
    """Return why ``url`` cannot be a webhook's, or None. Where its name leads is checked at each connection."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        return "is no URL"
    if parts.scheme not in ("https", "http"):
        return "must begin with https:// or http://"
    return None if host else "names no host"


def host_of(url: str) -> str | None:
    return urlsplit(url).hostname


def shown(url: str) -> str:
    """Return a webhook's address without what may be secret in it."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}/" + ("…" if parts.path.strip("/") or parts.query else "")
