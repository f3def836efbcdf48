"""Request bodies: JSON, and not without end."""

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from rest_framework import parsers, status
from rest_framework.exceptions import APIException, ParseError

MAX_BODY_BYTES = 1024 * 1024  # the longest sensible one, 1,000 symbols with weights, has 20 KiB


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = f"a body has at most {MAX_BODY_BYTES} bytes"


class JSONParser(parsers.JSONParser):
    """DRF's, up to MAX_BODY_BYTES. Nesting too deep for Python's parser is malformed, not a failure."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        data = stream.read(MAX_BODY_BYTES + 1)
        if len(data) > MAX_BODY_BYTES:
            raise TooLarge
        try:
            return super().parse(BytesIO(data), media_type, parser_context)
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply") from error
