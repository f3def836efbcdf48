"""``manage.py alerts list|deliveries|test|replay|send|rekey``."""

import signal
import threading
import uuid
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.table import Table

from alerts import outbox, services, vault
from alerts.models import Delivery, Rule, Target, deliveries_by_status
from rest.tables import console_on


class Command(BaseCommand):
    help = (
        "List alert rules, targets and deliveries; test a target; send dead letters again; work on the outbox; re-key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="rules, targets and how many deliveries there are of each status")
        deliveries = actions.add_parser("deliveries", help="the newest messages")
        deliveries.add_argument("--status", choices=list(Delivery.Status.values))
        deliveries.add_argument("--limit", type=int, default=20)
        actions.add_parser("test", help="send a test now; exit 1 if it is not taken").add_argument("target")
        replay = actions.add_parser("replay", help="send again under the same id: one message, or all dead letters")
        replay.add_argument("id", nargs="?", type=uuid.UUID)
        replay.add_argument("--dead", action="store_true", help="all that were given up")
        replay.add_argument("--target", help="with --dead: of this target alone")
        send = actions.add_parser("send", help="work on the outbox until SIGTERM, as every web process does")
        send.add_argument("--once", action="store_true", help="send what is due and end")
        actions.add_parser("rekey", help="encrypt all secrets with the first key of ALERTS_KEY")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except (services.NotReplayable, vault.Unreadable) as error:
            raise CommandError(str(error)) from error

    def _list(self, options: dict[str, Any]) -> None:
        rules = Table("rule", "on", "watches", "trigger", "targets", title="rules")
        for rule in Rule.objects.prefetch_related("targets"):
            names = ", ".join(target.name for target in rule.targets.all())
            rules.add_row(rule.name, "*" if rule.enabled else "", rule.watches, rule.trigger, names)
        targets = Table("target", "kind", "address", "on", "failures", title="targets")
        for target in Target.objects.all():
            on = "*" if target.enabled else ""
            targets.add_row(target.name, target.kind, target.shown, on, str(target.failures))
        console = console_on(self.stdout)
        console.print(rules)
        console.print(targets)
        console.print(", ".join(f"{count} {status}" for status, count in deliveries_by_status().items()), markup=False)

    def _deliveries(self, options: dict[str, Any]) -> None:
        rows = Delivery.objects.filter(**({"status": options["status"]} if options["status"] else {}))
        table = Table("id", "to", "status", "attempts", "due (UTC)", "error")
        for one in rows[: max(options["limit"], 1)]:
            due = f"{one.due_at:%Y-%m-%d %H:%M:%S}"
            table.add_row(str(one.pk), one.target_name, one.status, str(one.attempts), due, one.error)
        console_on(self.stdout).print(table)

    def _test(self, options: dict[str, Any]) -> None:
        target = self._target(options["target"])
        delivery, result = outbox.send_now(services.put_test(target))
        if result.error:
            raise CommandError(f"{target} did not take the test {delivery.pk}: {result.error}")
        self.stdout.write(f"{target} took the test {delivery.pk}")

    def _target(self, name: str) -> Target:
        target = Target.objects.filter(name=name).first()
        if target is None:
            names = ", ".join(Target.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f"there is no target {name!r}; there are: {names}")
        return target

    def _replay(self, options: dict[str, Any]) -> None:
        if (options["id"] is None) != options["dead"]:
            raise CommandError("give the id of one message, or --dead for all that were given up")
        if options["dead"]:
            target = self._target(options["target"]) if options["target"] else None
            self.stdout.write(f"{services.replay_dead(target)} put back into the outbox")
            return
        one = Delivery.objects.filter(pk=options["id"]).first()
        if one is None:
            raise CommandError(f"there is no message {options['id']}")
        self.stdout.write(f"{services.replay(one).pk} put back into the outbox")

    def _send(self, options: dict[str, Any]) -> None:
        stopping = threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            stopping.set()

        if not options["once"]:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, stop)
        tried = 0
        while not stopping.is_set():
            done = len(outbox.work())
            tried += done
            if done == 0:
                if options["once"]:
                    break
                stopping.wait(1.0)
        self.stdout.write(f"{tried} attempts")

    def _rekey(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"{services.reseal_all()} targets are encrypted with the first key")
