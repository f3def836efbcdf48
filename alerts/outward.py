"""The one door to the outside: who may be connected to, and for how long.

A target's address is what somebody typed in, and its name may mean another machine at each look-up. So it is not the
name that is checked but the address of every connection, at the moment of connecting, whichever library opens it: the
interpreter's audit events name it. A redirect is a connection like any other.
"""

import ipaddress
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Forbidden(OSError):
    """The connection was not made. An OSError, so that every library takes it as a connection that failed."""


class Guard:
    """What is opened while somebody talks to a target. ``refused``: why a connection was not made."""

    def __init__(self) -> None:
        self.refused = ""
        self.late = False
        self._lock = threading.Lock()
        self._opened: list[socket.socket] = []

    def check(self, event: str, connection: Any, address: Any) -> None:
        """Raise Forbidden unless ``address`` may be connected to."""
        host = address[0] if isinstance(address, tuple) else str(address)
        problem = problem_of(host) if isinstance(address, tuple) else "it is a socket of this machine"
        if problem:
            self.refused = f"{host} is not connected to: {problem}"
            raise Forbidden(self.refused)
        if event == "socket.connect" and isinstance(connection, socket.socket):
            with self._lock:
                # A second handle on the connection: TLS takes the first one over.
                self._opened.append(connection.dup())

    def end(self) -> None:
        """Cut every connection, from another thread, whatever it is waiting for."""
        with self._lock:
            self.late = True
            for one in self._opened:
                with suppress(OSError):  # closed by the other side meanwhile, which is all that is wanted
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            for one in self._opened:
                one.close()
            self._opened = []


# Of the context, not of the thread: Apprise sends in threads of its own, to which it hands the context on.
_guard: ContextVar[Guard | None] = ContextVar("alerts_guard", default=None)
_WATCHED = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


# The set as a default: a hook is called until the very end, when the names of its module are gone.
def _audit(event: str, arguments: tuple[Any, ...], watched: frozenset[str] = _WATCHED) -> None:
    if event not in watched:
        return
    guard = _guard.get()
    if guard is not None and arguments[1] is not None:
        guard.check(event, arguments[0], arguments[1])


sys.addaudithook(_audit)


@contextmanager
def outward(deadline_s: float) -> Iterator[Guard]:
    """Let what runs inside connect to allowed addresses alone, and cut what is still open after ``deadline_s``."""
    guard = Guard()
    timer = threading.Timer(deadline_s, guard.end)
    timer.daemon = True
    timer.start()
    token = _guard.set(guard)
    try:
        yield guard
    finally:
        _guard.reset(token)
        timer.cancel()
        guard.close()


def problem_of(host: str) -> str:
    """Return why an IP address is not connected to; empty if it may be."""
    try:
        address = _meant(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return "it is no IP address"
    if any(address in network for network in settings.ALERTS_ALLOWED_NETWORKS):
        return ""
    for name in ("loopback", "link_local", "multicast", "unspecified", "private", "reserved"):
        if getattr(address, f"is_{name}"):
            return f"the address is {name.replace('_', '-')} (ALERTS_ALLOWED_NETWORKS names exceptions)"
    return "" if address.is_global else "the address is not a public one (ALERTS_ALLOWED_NETWORKS names exceptions)"


def _meant(address: Address) -> Address:
    """Return the IPv4 address inside of an IPv6 one that only wraps it."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def host_problem(host: str) -> str:
    """Return why a host is refused at once: one of its addresses is. A name without address may get one later."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ""
    problems = (problem_of(str(address[0])) for *_, address in found)
    return next((f"{host} is refused: {problem}" for problem in problems if problem), "")
