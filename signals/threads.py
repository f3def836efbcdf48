"""Database calls of coroutines, in threads of their own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from channels.db import DatabaseSyncToAsync

# Not the one thread that sync_to_async shares by default: there, one slow query would hold up every socket.
in_thread: Callable[..., Any] = partial(DatabaseSyncToAsync, thread_sensitive=False)
