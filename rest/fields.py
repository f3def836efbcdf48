"""Serializers and fields that refuse what they do not know."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from rest.errors import finite
from rest.symbols import normalise

MAX_SYMBOLS = 1000


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


class MomentField(serializers.Field[int, Any, int, Any]):
    """A time: ms since the epoch, or ISO-8601 (UTC unless it says otherwise). Gives ms."""

    default_error_messages = {"invalid": "must be ms since 1970 or an ISO-8601 time"}

    def to_internal_value(self, data: Any) -> int:
        text = str(data)
        try:
            if text.lstrip("-").isdigit():
                moment = int(text)
            else:
                parsed = datetime.fromisoformat(text)
                moment = int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)
        except (ValueError, OverflowError):
            self.fail("invalid")
        if not 0 <= moment < 2**53:
            self.fail("invalid")
        return moment

    def to_representation(self, value: int) -> int:
        return value
