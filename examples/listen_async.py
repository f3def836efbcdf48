"""The same with asyncio, for two symbols at once. Usage: AGENT_URL=… AGENT_TOKEN=… python listen_async.py"""

import asyncio
import os
import sys

from realtime_agent_client import AsyncAgent


async def main() -> None:
    url = os.environ.get("AGENT_URL", "http://127.0.0.1:8000")
    async with AsyncAgent(url, os.environ.get("AGENT_TOKEN")) as agent:
        symbols = (await agent.status())["subscribed_symbols"][:2]
        async for signal in agent.signals(*symbols):
            sys.stdout.write(f"{signal['symbol']} #{signal['seq']} {signal['advice']} {signal['score']:.3f}\n")
            break


asyncio.run(main())
