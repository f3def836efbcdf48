"""A symbol as one process hears it: how far it is, and who listens here."""

from typing import TYPE_CHECKING

from signals.wire.outbox import Outbox
from signals.wire.payload import Payload

if TYPE_CHECKING:
    from signals.connection import Connection


class Topic:
    """The live signals of one symbol.

    Listeners in step were given everything up to ``seq``: the next signal goes straight to their outboxes, and that is
    nearly all of them nearly always. Those apart lack something, or have read ahead in the database: each looks for
    itself, and falls into step when it is where the topic is.
    """

    __slots__ = ("apart", "in_step", "seq", "symbol")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.seq = 0  # the last that came by; 0 before the first
        self.in_step: dict[Connection, Outbox] = {}
        self.apart: set[Connection] = set()

    def count(self) -> int:
        """Return how many listen."""
        return len(self.in_step) + len(self.apart)

    def take(self, seq: int, payload: Payload) -> None:
        """A live signal: to all who lack it, once."""
        if seq == self.seq + 1:
            for outbox in self.in_step.values():
                outbox.put(payload)
        elif seq > self.seq:
            self._part()
        self.seq = max(seq, self.seq)
        for connection in list(self.apart):
            connection.offer(self, seq, payload)
            self.settle(connection)

    def take_head(self, seq: int) -> int:
        """A seq that is known to exist: whoever lacks it reads it. Return how many the channel layer lost."""
        if seq <= self.seq:
            return 0  # every listener was offered it
        lost = seq - self.seq if self.seq else 0
        self._part()
        self.seq = seq
        for connection in list(self.apart):
            connection.note_head(self, seq)
            self.settle(connection)
        return lost

    def settle(self, connection: "Connection") -> None:
        """Put a listener where its position says."""
        if connection.is_at(self.symbol, self.seq):
            self.apart.discard(connection)
            self.in_step[connection] = connection.outbox
            connection.keep_step(self.symbol)
        else:
            self.apart.add(connection)

    def leave(self, connection: "Connection") -> None:
        self.in_step.pop(connection, None)
        self.apart.discard(connection)

    def _part(self) -> None:
        """There is something that those in step were not given."""
        for connection in self.in_step:
            connection.position[self.symbol] = self.seq
        self.apart.update(self.in_step)
        self.in_step.clear()
