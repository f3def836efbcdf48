"""Slows scans down so that a kill hits one, shortens the lease, and takes single guards away.

A fault test whose guard is away must fail: what it proves is then known to come from the guard.
"""

import os
import time
from datetime import timedelta

from django.apps import AppConfig

from tests.faults.controls import of_this_process

LEASE = timedelta(seconds=1.5)  # of 5: the same thing sooner
PATIENT = bool(os.environ.get("FAULTS_PATIENT"))  # leave the times as they are


class Broken(AppConfig):
    name = "tests.faults"
    label = "faults"

    def ready(self) -> None:
        from agent import claims

        if not PATIENT:
            claims.LEASE = LEASE
        controls = of_this_process()
        _slow(controls)
        _without_fence(controls)
        _without_unique_row(controls)
        _without_gap_fill(controls)


def _slow(controls) -> None:
    """A scan waits before and within its transaction, half of ``slow`` seconds each."""
    from agent import cycle

    decide, finish = cycle.decide_all, cycle.finish

    def slow_decide(*args):
        time.sleep(controls.number("slow") / 2)
        return decide(*args)

    def slow_finish(*args):
        time.sleep(controls.number("slow") / 2)
        return finish(*args)

    cycle.decide_all, cycle.finish = slow_decide, slow_finish


def _without_fence(controls) -> None:
    """Whoever has scored commits, whether or not the shard is still its own."""
    from django.utils import timezone

    from agent import cycle
    from agent.models import ScanRun, ScanShard
    from market.models import Market
    from signals import services

    hold, is_news, finish, move = cycle.hold, services.is_news, cycle.finish, Market.move
    off = lambda: controls.text("without") == "fence"  # noqa: E731

    def anyone_finishes(market, claimed, *counts):
        if off():
            ScanRun.objects.filter(pk=claimed.run.pk).update(status=ScanRun.Status.RUNNING)
        return finish(market, claimed, *counts)

    def hold_whatever_the_fence(claimed):
        if off():
            ScanShard.objects.filter(pk=claimed.shard.pk).update(finished_at=timezone.now())
        else:
            hold(claimed)

    cycle.hold = hold_whatever_the_fence
    cycle.finish = anyone_finishes
    services.is_news = lambda *args: off() or is_news(*args)
    Market.move = lambda market, until: move(market, until) or off()


def _without_unique_row(controls) -> None:
    """Every scheduler begins a run of its own (the harness takes the constraint out of the database)."""
    from agent import claims, ticking
    from agent.models import ScanRun, ScanShard
    from presets.services import active_version

    run_of = claims.run_of

    def run_for_each(market, kind, due, market_time, shards=1):
        if controls.text("without") != "unique":
            return run_of(market, kind, due, market_time, shards)
        run = ScanRun(market=market, kind=kind, due_at=due, market_time=market_time, preset_version=active_version())
        run.save(force_insert=True)
        ScanShard.objects.bulk_create(ScanShard(run=run, shard=number) for number in range(shards))
        return run, True

    ticking.run_of = run_for_each


def _without_gap_fill(controls) -> None:
    """A connection that sees a jump in the numbers goes on behind it."""
    from signals.connection import Connection

    catch_up = Connection._catch_up

    def ignore(connection, symbol):
        if controls.text("without") == "gap fill":
            connection.position[symbol] = connection._head[symbol]
        else:
            catch_up(connection, symbol)

    Connection._catch_up = ignore
