"""A publisher process for stock Channels: ``python -m bench.fanout.stock_publisher PORT``."""

import asyncio
import sys

from bench.fanout.lines import publish_lines
from bench.fanout.stock import send_each


async def main() -> None:
    server = await publish_lines(int(sys.argv[1]), send_each)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
