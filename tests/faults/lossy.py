"""The project's own channel layer, but that it loses messages at random."""

import random

from signals.wire.layers import RedisLayer
from tests.faults.controls import of_this_process


class LossyLayer(RedisLayer):
    """Loses the share ``drop`` of the messages to groups, without a word, as the specification allows."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._controls, self._random = of_this_process(), random.Random(4)

    async def group_send_all(self, messages) -> None:
        drop = self._controls.number("drop")
        await super().group_send_all([one for one in messages if self._random.random() >= drop])
