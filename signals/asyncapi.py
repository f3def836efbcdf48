"""The AsyncAPI 3 document of the socket, from the types of its messages."""

from typing import Any

import msgspec
from django.conf import settings

from signals.codes import CloseCode
from signals.frames import FROM_CLIENT, FROM_SERVER

SCHEMAS = "#/components/schemas/{name}"
CLOSE_CODES = {
    CloseCode.TOO_SLOW: "read too slowly: come back with since",
    CloseCode.RESTARTING: "the server restarts: come back with since",
    CloseCode.TOO_MANY_SOCKETS: "too many sockets from this address: come back later",
    CloseCode.CREDENTIALS: "without a credential that may read, or it has ended: do not come back with it",
    CloseCode.ABUSE: "too many messages or pings: do not come back",
    CloseCode.TOO_LARGE: "a message above 64 KiB: do not come back",
}


def asyncapi_document() -> dict[str, Any]:
    """Return the document; its operations are named from the server's side: what it receives, what it sends."""
    types = FROM_CLIENT | FROM_SERVER
    references, schemas = msgspec.json.schema_components(list(types.values()), ref_template=SCHEMAS)
    payloads = dict(zip(types, references, strict=True))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Real-time opportunity agent: live feed",
            "version": settings.VERSION,
            "description": "Signals as they are stored, in order, each once. Close codes: "
            + "; ".join(f"{code.value} {why}" for code, why in sorted(CLOSE_CODES.items())),
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": f"127.0.0.1:{settings.PORT}", "protocol": "ws"}},
        "channels": {"realtime": _channel(types)},
        "operations": {
            "receive": _operation("receive", FROM_CLIENT),
            "send": _operation("send", FROM_SERVER),
        },
        "components": {
            "messages": {name: _message(name, types[name], payloads[name]) for name in types},
            "schemas": schemas,
        },
    }


def _channel(types: dict[str, Any]) -> dict[str, Any]:
    ticket = {"type": "string", "description": "from POST /api/auth/ws-ticket; a session, or open control, needs none"}
    return {
        "address": "/ws/realtime",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in types},
        "bindings": {"ws": {"method": "GET", "query": {"type": "object", "properties": {"ticket": ticket}}}},
    }


def _operation(action: str, types: dict[str, Any]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/realtime"},
        "messages": [{"$ref": f"#/channels/realtime/messages/{name}"} for name in types],
    }


def _message(name: str, message_type: Any, payload: dict[str, Any]) -> dict[str, Any]:
    said = {"name": name, "payload": payload}
    summary = (message_type.__doc__ or "").strip()
    return said | ({"summary": summary} if summary else {})
