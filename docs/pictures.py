"""``python -m docs.pictures``: draw docs/detectors/<name>.svg: made-up candles and what a detector said of them."""

from pathlib import Path
from textwrap import wrap
from typing import NamedTuple
from xml.sax.saxutils import escape

import numpy as np

from engine.bars import FloatArray, Span
from engine.detector_checks import Tile, tile_of, walk, with_side
from engine.detectors import REGISTRY
from engine.detectors.base import Detector
from engine.evidence import Evidence, fold, fresh_state
from engine.pivots import SWINGS_STATE, find_swings
from engine.timeframes import MIN_BARS, WINDOW_BARS

FOLDER = Path(__file__).resolve().parent / "detectors"
MARKETS, BARS = 64, 110
FIRST = MIN_BARS - 1
LINES = {"trend": ("ema20", "ema50", "ema200"), "sar": ("stop",), "fibonacci": ("level",)}
ON_SWINGS = {"price_action", "smc", "fibonacci", "harmonic", "elliott"}
WIDTH, STEP, LEFT = 960, 8, 40
TOP, PRICES, GAP, VOICE = 30, 300, 20, 34
UP, DOWN, QUIET, INK = "#2a78c2", "#d5722a", "#8a8f98", "#222222"
LINE_COLOURS = ("#7a5fb5", "#3f9a6b", "#b5985f")


class Scene(NamedTuple):
    """The bars [first, last] of one lane of a tile, and the detector's evidence on them."""

    tile: Tile
    lane: int
    first: int
    last: int
    evidence: Evidence


def markets() -> Tile:
    """Return seeded walks side by side, each a full window."""
    return tile_of([with_side(walk(seed, WINDOW_BARS, 100.0, 0.004), seed) for seed in range(MARKETS)])


def scene(detector: Detector, tile: Tile) -> Scene:
    """Return the stretch on which the detector speaks most for the side for which it speaks less."""
    only = {detector.name: detector}
    evidence = fold(tile.bars, Span(0, 0, FIRST), fresh_state(MARKETS, only), explain=True, detectors=only)
    said = evidence.score[0] * evidence.confidence[0]
    sums = [np.cumsum(np.maximum(side * said, 0.0), axis=0) for side in (1.0, -1.0)]
    bullish, bearish = (total[BARS:] - total[:-BARS] for total in sums)
    row, lane = np.unravel_index(int(np.argmax(np.minimum(bullish, bearish))), bullish.shape)
    last = FIRST + BARS + int(row)
    return Scene(tile, int(lane), last - BARS + 1, last, evidence)


class Axis(NamedTuple):
    """ln price to the height on the page."""

    low: float
    high: float

    def y(self, value: float) -> float:
        return TOP + PRICES * (self.high - value) / (self.high - self.low)


def draw(detector: Detector, shown: Scene) -> str:
    """Return the picture as SVG: candles, the levels that the detector read, its voice, and one sentence of it."""
    bars, lane, at = shown.tile.bars, shown.lane, slice(shown.first, shown.last + 1)
    low, high = float(bars.low[at, lane].min()), float(bars.high[at, lane].max())
    margin = 0.04 * (high - low)
    axis = Axis(low - margin, high + margin)
    score = shown.evidence.score[0, at.start - FIRST : at.stop - FIRST, lane]
    confidence = shown.evidence.confidence[0, at.start - FIRST : at.stop - FIRST, lane]
    loudest = int(np.argmax(np.abs(score) * confidence))
    parts = [*_shades(score, confidence), *_candles(shown, axis), *_swings(detector, shown, axis)]
    parts += [*_lines(detector, shown, axis), *_voice(score, confidence)]
    sentence = wrap(detector.reason(_readings(detector, shown, shown.first + loudest)), 125)
    below = TOP + PRICES + GAP + 2 * VOICE + 24
    x = _x(loudest)
    parts.append(f'<path d="M{x:.1f} {below - 14:.1f}l-4 8h8z" fill="{INK}"/>')
    parts += [_text(LEFT, below + 16 * (i + 1) - 4, line) for i, line in enumerate(sentence)]
    title = f"{detector.name}: the bars on which it speaks, on made-up candles; below, the sentence at the marked bar"
    title += "; dashed, the newest swings" if detector.name in ON_SWINGS else ""
    height = below + 16 * len(sentence) + 12
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
            f'font-size="13"><title>{escape(title)}</title>',
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            _text(LEFT, 20, title),
            *parts,
            "</svg>\n",
        ]
    )


def _x(bar: int) -> float:
    return LEFT + STEP * (bar + 0.5)


def _text(x: float, y: float, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{INK}">{escape(words)}</text>'


def _colour(score: float) -> str:
    return UP if score > 0.0 else DOWN


def _readings(detector: Detector, shown: Scene, bar: int) -> dict[str, float]:
    values = shown.evidence.readings[0][:, bar - FIRST, shown.lane]
    return dict(zip(detector.readings, values.tolist(), strict=True))


def _shades(score: FloatArray, confidence: FloatArray) -> list[str]:
    """Tint the bars on which the detector speaks, the stronger the more it says."""
    return [
        f'<rect class="speaks" x="{_x(i) - STEP / 2:.1f}" y="{TOP}" width="{STEP}" height="{PRICES}" '
        f'fill="{_colour(s)}" opacity="{0.06 + 0.24 * abs(s) * c:.2f}"/>'
        for i, (s, c) in enumerate(zip(score, confidence, strict=True))
        if c > 0.0 and s != 0.0
    ]


def _candles(shown: Scene, axis: Axis) -> list[str]:
    drawn = []
    for i, bar in enumerate(range(shown.first, shown.last + 1)):
        start, high, low, close = (float(column[bar, shown.lane]) for column in shown.tile.bars[:4])
        top, height = axis.y(max(start, close)), max(axis.y(min(start, close)) - axis.y(max(start, close)), 1.0)
        body = "#ffffff" if close > start else QUIET
        drawn.append(
            f'<path d="M{_x(i):.1f} {axis.y(high):.1f}V{axis.y(low):.1f}" stroke="{QUIET}"/>'
            f'<rect x="{_x(i) - 2.5:.1f}" y="{top:.1f}" width="5" height="{height:.1f}" '
            f'fill="{body}" stroke="{QUIET}"/>'
        )
    return drawn


def _swings(detector: Detector, shown: Scene, axis: Axis) -> list[str]:
    """Join the newest swings that were known at the last bar, where the detector reads swings."""
    if detector.name not in ON_SWINGS:
        return []
    known = find_swings(shown.tile.bars, Span(0, 0, FIRST), np.zeros((SWINGS_STATE, MARKETS)))
    row, count = shown.last - FIRST, int(known.known[shown.last - FIRST, shown.lane])
    points = [(int(known.at[k, row, shown.lane]), float(known.price[k, row, shown.lane])) for k in range(count)]
    inside = [f"{_x(at - shown.first):.1f},{axis.y(price):.1f}" for at, price in points if at >= shown.first]
    return [f'<polyline points="{" ".join(inside)}" fill="none" stroke="{INK}" stroke-dasharray="4 3"/>']


def _lines(detector: Detector, shown: Scene, axis: Axis) -> list[str]:
    """Draw the prices among the readings of the detector, bar by bar."""
    drawn = []
    for name, colour in zip(LINES.get(detector.name, ()), LINE_COLOURS, strict=False):
        values = [_readings(detector, shown, bar)[name] for bar in range(shown.first, shown.last + 1)]
        marks = [
            f"M{_x(i) - 3:.1f} {axis.y(value):.1f}h6" for i, value in enumerate(values) if axis.low < value < axis.high
        ]
        drawn.append(f'<path d="{"".join(marks)}" stroke="{colour}" stroke-width="2" fill="none"/>')
        drawn.append(f'<text x="{LEFT + 90 * len(drawn) / 2:.1f}" y="{TOP + 14}" fill="{colour}">{name}</text>')
    return drawn


def _voice(score: FloatArray, confidence: FloatArray) -> list[str]:
    """Draw score x confidence bar by bar, up for bullish and down for bearish."""
    middle = TOP + PRICES + GAP + VOICE
    drawn = [
        f'<path d="M{LEFT} {middle}H{_x(len(score)):.1f}" stroke="{QUIET}"/>',
        f'<text x="{LEFT - 6}" y="{middle - 18}" fill="{UP}" text-anchor="end">up</text>',
        f'<text x="{LEFT - 2}" y="{middle + 26}" fill="{DOWN}" text-anchor="end">down</text>',
    ]
    for i, said in enumerate((score * confidence).tolist()):
        if said != 0.0:
            size = VOICE * abs(said)
            y = middle - size if said > 0.0 else middle
            drawn.append(
                f'<rect x="{_x(i) - 3:.1f}" y="{y:.1f}" width="6" height="{size:.1f}" fill="{_colour(said)}"/>'
            )
    return drawn


def main() -> None:
    tile = markets()
    for name, detector in REGISTRY.items():
        (FOLDER / f"{name}.svg").write_text(draw(detector, scene(detector, tile)))


if __name__ == "__main__":
    main()
