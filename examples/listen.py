"""Print the next three signals of every symbol, then score one. Usage: AGENT_URL=… AGENT_TOKEN=… python listen.py"""

import os
import sys
from itertools import islice

from realtime_agent_client import Agent

url = os.environ.get("AGENT_URL", "http://127.0.0.1:8000")
with Agent(url, os.environ.get("AGENT_TOKEN")) as agent:
    for signal in islice(agent.signals(), 3):
        sys.stdout.write(f"{signal['symbol']} #{signal['seq']} {signal['advice']} {signal['score']:.3f}\n")
    score = agent.score(signal["symbol"], "15m")
    strongest = max(score["components"], key=lambda part: abs(part["contribution"]))
    sys.stdout.write(f"{score['symbol']} 15m {score['score']:.3f}, above all: {strongest['reason']}\n")
