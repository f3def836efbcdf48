"""A transfer from begin to end: stop the agent, copy, compare, let the agent go on at the target."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from django.core.management.color import no_style
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F

from agent.models import AgentState
from agent.services import AGENT, agent_state, toggle
from agent.transfer import TransferError
from agent.transfer.databases import (
    SOURCE,
    TARGET,
    both_ends,
    identity,
    make_tables,
    require_empty,
    require_migrated,
)
from agent.transfer.progress import Progress
from agent.transfer.tables import Contents, Table, all_tables
from signals.models import Stream


class Transfer:
    """Copies every table to the database at ``url``; ``tell(phase, table, rows done, rows in all)`` hears of it.

    May be killed at any point and run again with the same url: it goes on behind the last whole batch. Everything is
    compared at the end, so what changed at the source between two runs is noticed and copied again.
    """

    def __init__(self, url: str, batch: int, tell: Callable[[str, str, int, int], None]) -> None:
        self._url, self._batch, self._tell = url, batch, tell
        self.tables = all_tables()

    def run(self) -> dict[str, Contents]:
        """Return what each table holds, the same at both ends. Raises TransferError saying what to do."""
        require_migrated()
        self._begin()
        with both_ends(self._url) as (_, target):
            progress = Progress(target)
            self._prepare(target, progress)
            for table in self.tables:
                self._copy(table, target, progress)
            contents = self._compare(target)
            self._reset_sequences(target)
            self._require_source_stood_still()
            self._finish(target, progress)
        return contents

    def _begin(self) -> None:
        """Turn the agent off at the source and remember at the target whether it was on, before anything is copied."""
        with both_ends(self._url) as (source, target):
            progress, origin = Progress(target), identity(source.settings_dict)
            if not progress.exists():
                require_empty(target)
                with transaction.atomic(using=TARGET):
                    progress.create()
                    progress["source"], progress["enabled"] = origin, agent_state().enabled
            elif progress["source"] != origin:
                raise TransferError(f"--to: a transfer from {progress['source']} is under way there")
        toggle(False)

    def _prepare(self, target: BaseDatabaseWrapper, progress: Progress) -> None:
        if progress["prepared"]:
            return
        make_tables(target)
        with transaction.atomic(using=TARGET):
            for table in reversed(self.tables):
                table.clear(target)  # rows that migrations made: the source has its own
            progress["prepared"] = True

    def _copy(self, table: Table, target: BaseDatabaseWrapper, progress: Progress) -> None:
        done = progress[table.name] or {"rows": 0, "last": None, "complete": False}
        total = table.count(SOURCE)
        self._tell("copy", table.name, done["rows"], total)
        if done["complete"]:
            return
        with transaction.atomic(using=TARGET, savepoint=False) if table.refers_to_itself() else nullcontext():
            for rows, last in table.batches(SOURCE, self._batch, done["last"]):
                done = {"rows": done["rows"] + len(rows), "last": last, "complete": False}
                with _naming(table), transaction.atomic(using=TARGET):
                    table.write(target, rows)
                    progress[table.name] = done
                self._tell("copy", table.name, done["rows"], total)
        progress[table.name] = done | {"complete": True}

    def _compare(self, target: BaseDatabaseWrapper) -> dict[str, Contents]:
        """Compare every table; copy those that changed since they were copied once more."""
        contents = {table.name: table.contents(SOURCE, self._batch) for table in self._told("compare")}
        different = [t for t in self._told("compare") if t.contents(TARGET, self._batch) != contents[t.name]]
        if different:
            self._copy_again(different, target)
        for table in different:
            there = table.contents(TARGET, self._batch)
            if there != contents[table.name]:
                raise TransferError(f"{table}: {contents[table.name]} here, {there} there: the target cannot be used")
        return contents

    def _told(self, phase: str) -> Iterator[Table]:
        for n, table in enumerate(self.tables, start=1):
            yield table
            self._tell(phase, table.name, n, len(self.tables))

    def _copy_again(self, different: list[Table], target: BaseDatabaseWrapper) -> None:
        with transaction.atomic(using=TARGET):  # one: rows that refer to each other go and come together
            for table in reversed(different):
                table.clear(target)
            for table in different:
                with _naming(table):
                    for rows, _ in table.batches(SOURCE, self._batch):
                        table.write(target, rows)
                self._tell("copy again", table.name, 1, 1)

    def _reset_sequences(self, target: BaseDatabaseWrapper) -> None:
        with target.cursor() as cursor:
            for sql in target.ops.sequence_reset_sql(no_style(), [table.model for table in self.tables]):
                cursor.execute(sql)

    def _require_source_stood_still(self) -> None:
        heads = [dict(Stream.objects.using(u).values_list("pk", "last_seq")) for u in ("default", TARGET)]
        if agent_state().enabled or heads[0] != heads[1]:
            raise TransferError("the agent was turned on meanwhile: turn it off and run the transfer again")

    def _finish(self, target: BaseDatabaseWrapper, progress: Progress) -> None:
        with transaction.atomic(using=TARGET):
            if progress["enabled"]:
                AgentState.objects.using(TARGET).filter(pk=AGENT).update(enabled=True, version=F("version") + 1)
            progress.drop()


@contextmanager
def _naming(table: Table) -> Iterator[None]:
    """Let an error of the database say which table it is about."""
    try:
        yield
    except DatabaseError as error:
        raise TransferError(f"{table}: {str(error).strip().splitlines()[0]}") from error
