"""A filter by many ids that stays one parameter."""

from collections.abc import Iterable
from typing import Any

from django.db.models import BooleanField, F, Func, Value


class Among(Func):
    """Whether a column's value is one of ``ids``.

    ``__in`` has a parameter for each id; for the 2,000 series of a scan that took Django and the driver longer than
    the database took to answer.
    """

    output_field = BooleanField()

    def __init__(self, column: str, ids: Iterable[int]) -> None:
        super().__init__(F(column), Value(",".join(map(str, ids))))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._written(compiler, "%(column)s IN (SELECT value FROM json_each('[' || %(ids)s || ']'))")

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._written(compiler, "%(column)s = ANY(('{' || %(ids)s || '}')::bigint[])")

    def _written(self, compiler: Any, template: str) -> Any:
        column, of_column = compiler.compile(self.source_expressions[0])
        ids, of_ids = compiler.compile(self.source_expressions[1])
        return template % {"column": column, "ids": ids}, [*of_column, *of_ids]
