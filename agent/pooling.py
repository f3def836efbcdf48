"""A process that does one thing at a time needs one connection, and a fork must not inherit a pool's threads."""

from django.db import connections


def without_pool() -> None:
    """Let this process, and those it forks, open plain connections."""
    for connection in connections.all():
        connection.settings_dict["OPTIONS"].pop("pool", None)
