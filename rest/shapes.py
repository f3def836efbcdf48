"""Words of the wire that every answer shares; the type hints of answers are what the OpenAPI schema is made from."""

from typing import Annotated, Literal

from msgspec import Meta

Unit = Annotated[float, Meta(ge=0, le=1)]
Ts = Annotated[int, Meta(description="ms since the Unix epoch, UTC")]
At = Annotated[str, Meta(description="ISO-8601 with Z", extra_json_schema={"format": "date-time"})]
Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Url = Annotated[str, Meta(extra_json_schema={"format": "uri"})]

Timeframe = Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d"]
DirectionWord = Literal["BULLISH", "BEARISH", "NEUTRAL"]
AdviceWord = Literal["BUY", "SELL", "HOLD"]
RiskWord = Literal["LOW", "MEDIUM", "HIGH"]
