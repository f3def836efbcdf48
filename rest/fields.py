"""Serializers and fields that refuse what they do not know."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from rest.errors import finite
from rest.symbols import normalise

MAX_SYMBOLS = 1000
WHOLE = re.compile(r"-?[0-9]+(\.0+)?")  # 5.0 is a whole number in JSON


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer to which an unknown field is an error: a misspelt option must not pass as its default."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                known = ", ".join(self.fields) or "none"
                raise serializers.ValidationError(
                    {str(name)[:80]: [f"unknown field; known are: {known}"] for name in unknown[:20]}, code="unknown"
                )
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "format": "symbol", "minLength": 1, "maxLength": 40})
class SymbolField(serializers.CharField):
    """One symbol: ``BTC/USDT`` and ``btcusdt`` become ``BTCUSDT``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=40, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return normalise(super().to_internal_value(data))


class SymbolsField(serializers.ListField):
    """A list of symbols, each once, in the order given."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=SymbolField(), min_length=1, max_length=MAX_SYMBOLS, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        return list(dict.fromkeys(super().to_internal_value(data)))


class NumberField(serializers.FloatField):
    """A finite JSON number; a string or a boolean is none."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        try:
            return finite(super().to_internal_value(data))
        except OverflowError:
            self.fail("invalid")


@extend_schema_field(
    {"oneOf": [{"type": "integer", "minimum": 0, "maximum": 2**53 - 1}, {"type": "string", "format": "date-time"}]}
)
class MomentField(serializers.Field[int, Any, int, Any]):
    """A time: ms since the epoch, or ISO-8601 (UTC unless it says otherwise). Gives ms."""

    default_error_messages = {"invalid": "must be ms since 1970 or an ISO-8601 time"}

    def to_internal_value(self, data: Any) -> int:
        text = str(data)
        try:
            if WHOLE.fullmatch(text):
                moment = int(text.partition(".")[0])
            else:
                parsed = datetime.fromisoformat(text)
                aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
                moment = max(0, int(aware.timestamp() * 1000))  # before 1970 there is nothing
        except (ValueError, OverflowError):
            self.fail("invalid")
        if not 0 <= moment < 2**53:
            self.fail("invalid")
        return moment

    def to_representation(self, value: int) -> int:
        return value
