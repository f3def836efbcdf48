"""The servers whose sockets can be reached from ASGI's ``send``, and the versions this was tested with.

What is read here is no public interface of theirs. Hence: exact versions, and whatever does not fit is left alone
(:mod:`signals.wire.paths` then uses ``send``). When a pin in requirements.txt moves, tests/wire says so; run
``make fuzz`` on the new version, then change TESTED.
"""

import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

TESTED = {
    "daphne": {"daphne": "4.2.3", "autobahn": "26.10.2", "Twisted": "26.10.0"},
    "uvicorn": {"uvicorn": "0.54.0", "websockets": "17.4", "uvloop": "0.22.1"},
}
OPTIONAL = {"uvloop"}
# Unsent bytes that the kernel takes for one client, above what is on its way: else it takes some MB, and a client that
# has stopped reading is noticed that much later.
KERNEL_UNSENT = 128 * 1024
_OPEN = 3  # autobahn: WebSocketProtocol.STATE_OPEN


class ServerSocket(Protocol):
    """One client's socket inside a server. All calls on the server's event loop."""

    server: str

    def is_open(self) -> bool:
        """Whether the handshake is done, no close frame went either way and the transport is not closing."""

    def is_plain(self) -> bool:
        """Whether bytes may go straight to the file descriptor: no TLS."""

    def unsent(self) -> int:
        """Return the bytes that wait in the server's own buffer."""

    def unsent_if_open(self) -> int:
        """Return the same. Raises ConnectionResetError unless it is open."""

    def send(self, data: bytes) -> int:
        """Write to the file descriptor; return how much it took, 0 when it is full or the server's buffer is not empty.

        Raises ConnectionResetError unless it is open, other OSErrors from writing.
        """

    def hand_over(self, data: bytes) -> None:
        """Append to the server's own buffer."""

    def patient_close(self, seconds: float) -> None:
        """Have the server wait that long for the answer to a close frame, where it would give up sooner."""

    def abort(self) -> None:
        """Drop the connection and what waits for it."""


class DaphneSocket:
    server = "daphne"
    __slots__ = ("_protocol", "_raw", "_transport")

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._transport = protocol.transport
        # Under TLS Twisted wraps the transport that has the buffer and lends the wrapper its attributes: ask its class.
        wrapped = not hasattr(type(self._transport), "dataBuffer")
        self._raw = self._transport.transport if wrapped else self._transport
        if self._raw.connected:
            _bound_kernel(self._raw.socket)

    def is_open(self) -> bool:
        raw = self._raw
        return self._protocol.state == _OPEN and raw.connected and not raw.disconnecting

    def is_plain(self) -> bool:
        return self._raw is self._transport

    def unsent(self) -> int:
        raw = self._raw
        return len(raw.dataBuffer) - raw.offset + raw._tempDataLen

    def unsent_if_open(self) -> int:
        raw = self._raw
        if self._protocol.state != _OPEN or not raw.connected or raw.disconnecting:
            raise ConnectionResetError("closed")
        return len(raw.dataBuffer) - raw.offset + raw._tempDataLen

    def send(self, data: bytes) -> int:
        raw = self._raw
        if self._protocol.state != _OPEN or not raw.connected or raw.disconnecting:
            raise ConnectionResetError("closed")
        if raw._tempDataLen or len(raw.dataBuffer) != raw.offset:
            return 0
        try:
            return raw.socket.send(data)
        except BlockingIOError:
            return 0

    def hand_over(self, data: bytes) -> None:
        self._raw.write(data)

    def patient_close(self, seconds: float) -> None:
        self._protocol.closeHandshakeTimeout = seconds

    def abort(self) -> None:
        self._transport.abortConnection()


class UvicornSocket:
    server = "uvicorn"
    __slots__ = ("_descriptor", "_protocol", "_transport")

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._transport = protocol.transport
        descriptor = self._transport.get_extra_info("socket")
        self._descriptor = descriptor.fileno()
        if not self._transport.is_closing():
            _bound_kernel(descriptor)

    def is_open(self) -> bool:
        # First is_closing: a closed descriptor's number may belong to another client by now.
        protocol = self._protocol
        return not self._transport.is_closing() and protocol.handshake_complete and not protocol.close_sent

    def is_plain(self) -> bool:
        return self._transport.get_extra_info("sslcontext") is None

    def unsent(self) -> int:
        return self._transport.get_write_buffer_size()

    def unsent_if_open(self) -> int:
        if not self.is_open():
            raise ConnectionResetError("closed")
        return self._transport.get_write_buffer_size()

    def send(self, data: bytes) -> int:
        transport, protocol = self._transport, self._protocol
        if transport.is_closing() or protocol.close_sent or not protocol.handshake_complete:
            raise ConnectionResetError("closed")
        if transport.get_write_buffer_size():
            return 0
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0

    def hand_over(self, data: bytes) -> None:
        self._transport.write(data)

    def patient_close(self, seconds: float) -> None:
        pass  # it waits 10 s by itself

    def abort(self) -> None:
        if self._protocol.disconnected:
            return  # the descriptor's number may be another client's by now
        with suppress(OSError):  # gone by itself
            # A reset, as Twisted's abort: else the kernel goes on offering what the client does not take.
            descriptor = self._transport.get_extra_info("socket")
            descriptor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


def find(send: Callable[..., Any]) -> tuple[ServerSocket | None, str]:
    """Return the socket behind a server's own ``send``, or None and why it cannot be reached."""
    kind, protocol = _protocol_behind(send)
    if kind is None:
        return None, f"the server is not known: {getattr(send, '__module__', None) or type(send).__module__}"
    if why := unfit(kind):
        return None, why
    try:
        reached: ServerSocket = DaphneSocket(protocol) if kind == "daphne" else UvicornSocket(protocol)
        reached.is_open(), reached.is_plain(), reached.unsent()  # all it will read is there
    except AttributeError as error:
        return None, f"{kind} is built otherwise: {error}"
    return reached, ""


def _bound_kernel(descriptor: Any) -> None:
    if hasattr(socket, "TCP_NOTSENT_LOWAT") and descriptor.family in (socket.AF_INET, socket.AF_INET6):
        descriptor.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, KERNEL_UNSENT)


def _protocol_behind(send: Callable[..., Any]) -> tuple[str | None, Any]:
    if isinstance(send, partial) and _is(getattr(send.func, "__self__", None), "daphne.server", "Server"):
        return "daphne", send.args[0]
    owner = getattr(send, "__self__", None)
    if _is(owner, "uvicorn.protocols.websockets.websockets_sansio_impl", "WebSocketsSansIOProtocol"):
        return "uvicorn", owner
    return None, None


def _is(thing: Any, module: str, name: str) -> bool:
    kinds = {(kind.__module__, kind.__name__) for kind in type(thing).__mro__}
    return (module, name) in kinds  # without importing either server


@cache
def unfit(server: str) -> str:
    """Return what is wrong with the installed versions of a server, "" if nothing is."""
    for package, tested in TESTED[server].items():
        try:
            installed = version(package)
        except PackageNotFoundError:
            if package in OPTIONAL:
                continue
            installed = "missing"
        if installed != tested:
            return f"{package} is {installed}, tested is {tested}"
    return ""
