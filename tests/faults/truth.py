"""What the market of the fault tests must give: the same replay, played by one process without any fault.

Run as a program: plays as far as the control ``upto`` says, and adds a JSON line a signal and one a tick to the file
named, in order.
"""

import json
import sys
import time
from pathlib import Path


def main(path: Path) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from agent import services
    from agent.runner import MarketRunner
    from market.feeds import current_market
    from signals.publish import mark_published
    from tests.faults.controls import of_this_process

    services.configure({"rules": {"hysteresis": 0.0, "step": 0.01, "cooldown_s": 0}})
    runner, controls = MarketRunner(current_market()), of_this_process()
    with path.open("w", buffering=1) as out:
        while True:
            if runner.market.position >= controls.number("upto"):
                time.sleep(0.05)
                continue
            signals = runner.step().signals
            mark_published(signals)
            for one in signals:
                row = [one.instrument.symbol, one.seq, one.as_of, one.score, one.confidence, one.because]
                out.write(json.dumps(row) + "\n")
            out.write(json.dumps(current_market().position) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
