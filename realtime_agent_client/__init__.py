"""Client of the real-time opportunity agent: its feed, which comes back by itself and misses nothing, and its REST API.

    from realtime_agent_client import Agent
    for signal in Agent("http://127.0.0.1:8000").signals("BTCUSDT"):
        print(signal["symbol"], signal["advice"], signal["score"])

``AsyncAgent`` is the same for asyncio. Needs httpx and websockets, and nothing of the server.
"""

from realtime_agent_client.agents import Agent, AsyncAgent
from realtime_agent_client.errors import AgentError, Refused, Stopped
from realtime_agent_client.messages import HistoryLost, Message, Signal, Status

__all__ = ["Agent", "AgentError", "AsyncAgent", "HistoryLost", "Message", "Refused", "Signal", "Status", "Stopped"]
