"""``manage.py services``: whether the servers that the settings name are there, and how to get one that is not."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agent.reachable import database_address, unreachable

HOW = {
    "DATABASE_URL": (
        "PostgreSQL 15 or later: apt-get install postgresql, or: docker compose up -d postgres; "
        "then: createdb -h HOST -U USER NAME"
    ),
    "REDIS_URL": "Redis 7 or later: apt-get install redis-server, or: docker compose up -d redis",
    "CELERY_BROKER_URL": "a broker, by default the Redis of REDIS_URL",
}


class Command(BaseCommand):
    help = "Say whether database, channel layer and broker answer; exit 1 if one does not."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        faults = unreachable()
        if faults:
            raise CommandError("\n".join(f"{fault}\n  {HOW[fault.partition(':')[0]]}" for fault in faults))
        self.stdout.write(f"all servers answer; the database is {database_address()}")
