"""What the socket sends is what the AsyncAPI document says, and nothing else."""

import json

import jsonschema
import pytest
from channels.testing import WebsocketCommunicator

from realtime_agent.asgi import application
from signals.asyncapi import asyncapi_document
from signals.frames import FROM_SERVER
from signals.threads import in_thread

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE = {"backtest"}  # comes of a job: tests/backtest


def closed(document):
    """Return the document with its shapes closed: a field that is not described is an error."""
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return document


async def test_every_message_fits_its_schema(played):
    await in_thread(played)(30)
    document = closed(asyncapi_document())
    socket = WebsocketCommunicator(application, "/ws/realtime", headers=[(b"host", b"127.0.0.1:8000")])
    socket.scope["client"] = ["127.0.0.1", 50000]
    await socket.connect(timeout=10)
    asked = [
        {"action": "ping"},
        {"action": "nonsense"},
        {"action": "subscribe", "symbols": ["*"], "since": {"AAAUSDT": 0, "BBBUSDT": 10**6}},
    ]
    for said in asked:
        await socket.send_to(text_data=json.dumps(said))
    seen, left = {}, False
    while set(seen) != set(FROM_SERVER) - ELSEWHERE:
        if not left and {"signal", "history_lost"} <= seen.keys():  # before, it would end what they come from
            left = True
            await socket.send_to(text_data='{"action": "unsubscribe", "symbols": ["*"]}')
        event = await socket.receive_output(timeout=10)
        message = json.loads(event["text"])
        name = "history_lost" if message.get("code") == "history_lost" else message["type"]
        seen[name] = message
        schema = document["components"]["messages"][name]["payload"] | {"components": document["components"]}
        jsonschema.validate(message, schema)
    await socket.disconnect()
