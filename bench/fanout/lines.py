"""The publisher's door: a TCP port that takes lines ``SYMBOL \\t payload`` and hands on what one read brought."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

decode = msgspec.json.Decoder().decode  # as fast as can be: a real publisher has no JSON to read
Lines = list[tuple[str, bytes]]


async def publish_lines(port: int, send: Callable[[Lines], Awaitable[None]]) -> asyncio.Server:
    """Listen on ``port`` of loopback; ``send`` gets the lines, in order, one batch after the other."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = b""
        while data := await reader.read(1 << 18):
            *lines, rest = (rest + data).split(b"\n")
            pairs = (line.partition(b"\t") for line in lines)
            if batch := [(symbol.decode(), payload) for symbol, _, payload in pairs]:
                await send(batch)
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", port, limit=1 << 20)
