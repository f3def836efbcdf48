"""A scanner's memory of bars and of what was folded: whatever it has been through, it says what a new one says."""

import random

import pytest

from engine.score import Policy
from engine.steps import Steps
from engine.timeframes import INTERVAL_MS
from engine.window import Window
from market import ingest, side, snapshot
from market.holes import recorded
from market.models import Instrument, Market, Series
from market.windows import Windows
from presets.defaults import DEFAULTS
from signals.scoring import record, score_symbols
from tests.playing import FIVE, START, walk, without

pytestmark = pytest.mark.django_db

BARS, FIRST, STEPS = 7_000, 2_300, 25  # bars of 5 minutes; how many are there at first; events of a test
BESIDE = {"funding_rate": 1e-4, "open_interest": 1e6, "long_short_ratio": 1.2}
BESIDE_MS = INTERVAL_MS["4h"]
TIMEFRAMES = ["5m", "15m"]
# By symbol: the bars of 5 minutes that are missing, the last one there is, whether the end is known from the start.
MARKET = {
    "AAAUSDT": ([], BARS, False),
    "BBBUSDT": ([(2_600, 2_630), (3_300, 3_301)], BARS, True),
    "CCCUSDT": ([], 3_200, True),
    "DDDUSDT": ([(2_400, 3_000)], 4_100, False),
}
AHEAD = [1] * 6 + [2, 3, 12, 63, 64, 65, 66, 70, 150, 700]  # bars between two looks


class Life:
    """One scanner over a stored market, and what befalls it."""

    def __init__(self, folder, chance: random.Random) -> None:
        self._chance, self._path = chance, folder / "windows"
        self.market = Market.objects.create(key="test", source="test")
        self._bars: dict[Series, Window] = {}
        self.watched: dict[Instrument, list[Series]] = {}
        for seed, (symbol, (holes, last, known)) in enumerate(MARKET.items()):
            instrument = Instrument.objects.create(market=self.market, symbol=symbol)
            self.watched[instrument] = [self._series(instrument, t, seed, holes, last, known) for t in TIMEFRAMES]
        self.at = START
        self._windows, self._steps = Windows(), Steps()
        self.bars(FIRST)

    def _series(self, instrument, timeframe, seed, holes, last, known) -> Series:
        interval = INTERVAL_MS[timeframe]
        per = interval // FIVE
        bars = without(walk(BARS // per, seed, interval), [(a // per, b // per) for a, b in holes])
        ends = START + last // per * interval
        ended_at = ends if known else None
        one = Series.objects.create(instrument=instrument, timeframe=timeframe, first_open=START, ended_at=ended_at)
        self._bars[one] = bars.between(START, ends)
        return one

    def bars(self, count: int | None = None) -> None:
        """Some bars later."""
        before, self.at = self.at, min(self.at + (count or self._chance.choice(AHEAD)) * FIVE, START + BARS * FIVE)
        arrivals = []
        for one, bars in self._bars.items():
            new = bars.between(before - one.interval_ms + 1, self.at - one.interval_ms + 1)
            so_far = bars.open_times[bars.open_times <= self.at - one.interval_ms]
            arrivals.append((one, new, recorded(so_far, one.interval_ms)))
        ingest.store(self.market, arrivals)
        due = range(before // BESIDE_MS * BESIDE_MS + BESIDE_MS, self.at + 1, BESIDE_MS)
        for instrument in list(self.watched)[::2]:
            for kind, value in BESIDE.items():
                told = [side.Arrival(at, value * self._chance.uniform(0.9, 1.1)) for at in due]
                side.store(instrument, kind, told, known_at=self.at)

    def correction(self) -> None:
        """The exchange tells a bar of the last days anew."""
        one = self._chance.choice(list(self._bars))
        told = self._bars[one].between(self.at - 900 * one.interval_ms, self.at - one.interval_ms + 1)
        if len(told.open_times):
            at = self._chance.randrange(len(told.open_times))
            values = told.values[:, at : at + 1].copy()
            values[:4] *= self._chance.choice([0.98, 1.01])
            self._bars[one].values[:, self._bars[one].open_times == told.open_times[at]] = values
            ingest.store(self.market, [(one, Window(told.open_times[at : at + 1], values), [])])

    def file(self) -> None:
        """The windows are written down."""
        everyone = [one for members in self.watched.values() for one in members]
        snapshot.write(self._path, self._windows, everyone, Market.objects.get())

    def start(self) -> None:
        """The process is another one, which begins with the file of windows, however old it is."""
        self._windows, self._steps = Windows(), Steps()
        everyone = [one for members in self.watched.values() for one in members]
        snapshot.read(self._path, self._windows, everyone, Market.objects.get())

    def off(self) -> None:
        """Bars come while nobody looks."""
        for _ in range(self._chance.randrange(1, 4)):
            self.bars()

    def said(self, chosen: list[Instrument]):
        return self._told(chosen, self._windows, self._steps)

    def said_by_a_new_one(self, chosen: list[Instrument]):
        return self._told(chosen, Windows(), Steps())

    def _told(self, chosen: list[Instrument], windows: Windows, steps: Steps):
        """Return what is said of each symbol: every number, reason and digest of bars, or why there is none."""
        windows.refresh([one for instrument in chosen for one in self.watched[instrument]], self.at)
        asked = [(instrument, self.at, self.watched[instrument]) for instrument in chosen]
        results = score_symbols(asked, TIMEFRAMES, Policy(DEFAULTS["balanced"].weights, 0.1, 0.0), windows, steps)
        return {one.symbol: (one.as_of, record(one), one.skipped) for one in results}


def components(said):
    return [one for _, told, _ in said.values() for series in told.values() for one in series["components"]]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_a_scanner_has_been_through_it_says_what_a_new_one_says(seed, tmp_path):
    chance = random.Random(seed)
    life = Life(tmp_path, chance)
    scored, weighed = 0, False
    for number in range(STEPS):
        event = chance.choice([life.bars] * 4 + [life.correction, life.file, life.start, life.off])
        event()
        chosen = [one for one in life.watched if chance.random() < 0.9]  # a symbol may not be watched for a while
        said = life.said(chosen)
        assert said == life.said_by_a_new_one(chosen), f"event {number}, {event.__name__}, at {life.at}"
        scored += sum(len(told) for _, told, _ in said.values())
        weighed = weighed or any(c["name"] == "sentiment" and c["confidence"] > 0.0 for c in components(said))
    assert scored > 2 * STEPS
    assert weighed, "what lies beside the candles was never read"
