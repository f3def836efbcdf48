"""Database calls of coroutines, in threads of their own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from asgiref.sync import SyncToAsync
from django.db import close_old_connections


class _DatabaseThread(SyncToAsync):
    """Gives the connection back when the call is done.

    As Channels' own class does, but that one is switched off by Channels' test kit, under which every call would keep
    a connection until the pool is empty.
    """

    def thread_handler(self, loop: Any, *args: Any, **kwargs: Any) -> Any:
        close_old_connections()
        try:
            return super().thread_handler(loop, *args, **kwargs)
        finally:
            close_old_connections()


# Not the one thread that sync_to_async shares by default: there, one slow query would hold up every socket.
in_thread: Callable[..., Any] = partial(_DatabaseThread, thread_sensitive=False)
