"""What uvicorn leaves to its user: a client that floods with pings, and what a handshake leaves in memory."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from agent.inbox import Inbox
from signals.codes import CloseCode
from signals.consumer import PATIENCE, RateLimit
from signals.wire.servers import unfit


class GuardedSocket(WebSocketsSansIOProtocol):
    """Answers pings at the rate of messages; who goes on beyond patience is closed, as with messages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not unfit("uvicorn"):
            self.queue = Inbox()  # type: ignore[assignment]
        self.pings = RateLimit()

    def start_keepalive(self) -> None:
        """The last that it does for a handshake: nothing reads these again."""
        super().start_keepalive()
        if not unfit("uvicorn"):
            self.request.headers.clear()  # the frame of the parser keeps the request itself
            del self.request, self.response, self.scope

    def handle_ping(self) -> None:
        if self.pings.allows():
            super().handle_ping()
        elif self.pings.refused <= PATIENCE:
            self.conn.data_to_send()  # the pong that is not sent
        elif not self.close_sent and not self.transport.is_closing():
            self.close_sent = True
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": int(CloseCode.ABUSE)})
            self.conn.fail(int(CloseCode.ABUSE), "too many pings")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
