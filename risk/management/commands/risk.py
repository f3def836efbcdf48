"""``manage.py risk status|size|limits``: the paper portfolio, a position's size, the limits."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.table import Table

from market.feeds import current_market
from market.models import Instrument
from rest.symbols import normalise
from rest.tables import console_on
from risk import calculating, services, status
from risk.limits import Bounds, Proposal, Unsound


class Command(BaseCommand):
    help = (
        "Show the paper portfolio and its risk (status), how much of a symbol the limits allow (size), and the limits "
        "(limits; --set NAME=VALUE stores a new version)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        shown = actions.add_parser("status", help="equity, exposure, value at risk, what is open")
        shown.add_argument("--json", action="store_true")
        size = actions.add_parser("size", help="how much of a symbol the limits allow")
        size.add_argument("symbol")
        size.add_argument("--entry", type=float, required=True)
        size.add_argument("--stop", type=float, required=True)
        size.add_argument("--equity", type=float, help="default: the paper portfolio's")
        size.add_argument("--json", action="store_true")
        limits = actions.add_parser("limits", help="show or set the limits")
        limits.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", dest="changes")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['action']}")(options)

    def _status(self, options: dict[str, Any]) -> None:
        found = status.status_json(current_market())
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        var = "-" if found["var95"] is None else f"{found['var95']:.2%}"
        why = f" ({found['var95_reason']})" if found["var95_reason"] else ""
        self.stdout.write(
            f"equity {found['equity']:.2f}, realised {found['realised']:+.2f}, unrealised {found['unrealised']:+.2f}, "
            f"drawdown {found['drawdown']:.2%}"
        )
        self.stdout.write(
            f"{found['open_positions']} open, leverage {found['leverage']:.2f}, exposure {found['exposure']:+.2f}, "
            f"value at risk (95 %) {var}{why}, lost today {found['lost_today']:.2f}"
        )
        table = Table("symbol", "side", "quantity", "entry", "mark", "stop", "target", "at risk", "unrealised")
        for one in found["positions"]:
            table.add_row(
                one["symbol"],
                one["side"],
                f"{one['quantity']:g}",
                *[_figure(one[name]) for name in ("entry_price", "mark_price", "stop_loss", "take_profit")],
                f"{one['risk_amount']:.2f}",
                f"{one['unrealised']:+.2f}",
            )
        if found["positions"]:
            console_on(self.stdout).print(table)
        for one in found["protections"]:
            self.stdout.write(f"{one['kind']} {one['symbol'] or 'everything'} until {one['until']}: {one['reason']}")

    def _size(self, options: dict[str, Any]) -> None:
        market, symbol = current_market(), normalise(options["symbol"])
        instrument = Instrument.objects.filter(market=market, symbol=symbol).first()
        if instrument is None:
            raise CommandError(f"{symbol[:40]} is not known to this market")
        entry, stop = options["entry"], options["stop"]
        side = 1 if stop <= entry else -1
        proposal = Proposal(symbol, side, entry, stop, None, instrument.step, instrument.min_notional)
        try:
            found = calculating.size_json(market, instrument, proposal, options["equity"])
        except Unsound as error:
            raise CommandError(f"{error.field}: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        self.stdout.write(
            f"{found['status']}: {found['side'].lower()} {found['quantity']:g} {symbol}, notional "
            f"{found['notional']:.2f}, at risk {found['risk_amount']:.2f} ({found['risk_share']:.2%})"
        )
        for one in found["breaches"]:
            self.stdout.write(f"{one['limit']}: {one['detail']}")
        for text in found["unchecked"]:
            self.stdout.write(text)

    def _limits(self, options: dict[str, Any]) -> None:
        changes = dict(map(_change, options["changes"]))
        if changes:
            try:
                services.set_limits(changes, by=None)
            except services.Refused as error:
                raise CommandError(f"{error.field}: {error}") from error
        found = services.limits_json()
        table = Table("limit", "value", "least", "most", title=f"version {found['version']}")
        for name in Bounds._fields:
            table.add_row(name, f"{found[name]:g}", *[f"{one:g}" for one in services.RANGES[name]])
        console_on(self.stdout).print(table)


def _change(text: str) -> tuple[str, float]:
    """Return (limit, value) of ``NAME=VALUE``. Raises CommandError."""
    name, _, value = text.partition("=")
    if name not in Bounds._fields:
        raise CommandError(f"--set: there is no limit {name!r}; there are {', '.join(Bounds._fields)}")
    try:
        return name, int(value) if name == "max_positions" else float(value)
    except ValueError as error:
        raise CommandError(f"--set {name}: {value!r} is no number") from error


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
