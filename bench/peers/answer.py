"""A peer's side of the pipe: measures what it is asked for, so that runs of ours and theirs alternate."""

import json
import sys
import time
from collections.abc import Callable


def answer(versions: dict[str, str], measures: dict[str, Callable[[], object]]) -> None:
    """Say the versions, then for each name on standard input run that measure and say its seconds."""
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        run = measures[line.strip()]
        begun = time.perf_counter()
        run()
        print(json.dumps(time.perf_counter() - begun), flush=True)
