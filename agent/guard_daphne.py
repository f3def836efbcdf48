"""What daphne leaves to its user: a client that floods with control frames, and what a handshake leaves in memory."""

from functools import lru_cache
from typing import Any, Self

from daphne.ws_protocol import WebSocketProtocol
from twisted.web.http import HTTPChannel

from signals.codes import CloseCode
from signals.consumer import PATIENCE, RateLimit
from signals.wire.payload import text_frame
from signals.wire.servers import unfit

HANDSHAKE = (  # attributes that autobahn and daphne read no more when it is done
    "_raw_query_string", "_wskey", "application_deferred", "clean_headers", "http_headers", "http_request_data",
    "http_request_host", "http_request_params", "http_request_path", "http_request_uri", "http_response_data",
    "http_status_line", "websocket_extensions", "websocket_protocols",
)  # fmt: skip


@lru_cache(maxsize=16)
def _framed(text: str) -> bytes:
    return text_frame(text.encode())


class GuardedSocket(WebSocketProtocol):
    """Answers pings at the rate of messages; who goes on beyond patience is closed, as with messages."""

    @classmethod
    def with_options(cls, factory: Any) -> type[Self]:
        """Return the class with the factory's options: autobahn copies onto each connection those that it lacks."""
        given = {name: getattr(factory, name) for name in cls.CONFIG_ATTRS}
        return type(cls.__name__, (cls,), {name: option for name, option in given.items() if not callable(option)})

    def onConnect(self, request):
        self.pings = RateLimit()
        return super().onConnect(request)

    def onOpen(self):
        super().onOpen()
        if not unfit("daphne"):
            self._forget_handshake()
            self._leave_http()

    def _forget_handshake(self):
        for name in HANDSHAKE:
            vars(self).pop(name, None)
        self.request.headers = {}

    def _leave_http(self):
        """Let go of the HTTP channel, which is the transport's producer still but does nothing, and its request."""
        channel = getattr(self.transport, "producer", None)
        self.unregisterProducer()
        if isinstance(channel, HTTPChannel):
            channel.requests.clear()  # a cycle, in which they would wait for the collector

    def serverSend(self, content, binary=False):
        """As daphne does it, but what goes to many, one after the other, is framed once."""
        if binary or self.state != self.STATE_OPEN:
            super().serverSend(content, binary)
        else:
            self.sendData(_framed(content))

    def sendData(self, data, sync=False, chopsize=None):
        """As autobahn does it, but for the words of a debug line: they are most of what a message costs."""
        if sync or chopsize or self.send_queue:
            super().sendData(data, sync, chopsize)
        else:
            self.transport.write(data)  # type: ignore[union-attr,call-arg]  # Twisted declares no methods of it

    def onPing(self, payload):
        if self.pings.allows():
            super().onPing(payload)
        elif self.pings.refused > PATIENCE:
            self.sendClose(code=int(CloseCode.ABUSE))
