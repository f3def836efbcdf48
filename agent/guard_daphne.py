"""What daphne leaves to its user: a client that floods with control frames, which no consumer ever sees."""

from daphne.ws_protocol import WebSocketProtocol

from signals.codes import CloseCode
from signals.consumer import PATIENCE, RateLimit


class GuardedSocket(WebSocketProtocol):
    """Answers pings at the rate of messages; who goes on beyond patience is closed, as with messages."""

    def onConnect(self, request):
        self.pings = RateLimit()
        return super().onConnect(request)

    def onPing(self, payload):
        if self.pings.allows():
            super().onPing(payload)
        elif self.pings.refused > PATIENCE:
            self.sendClose(code=int(CloseCode.ABUSE))
