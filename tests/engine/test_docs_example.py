"""The page about detectors: its example works and passes every check, and it knows every detector."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs.pictures import BARS, draw, markets, scene
from engine.bars import Span
from engine.catalogue import BUILT_IN
from engine.detector_checks import check, tile_of, walk
from engine.detectors import REGISTRY
from engine.detectors.base import Detector
from engine.evidence import fold, fresh_state

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
PAGE = (DOCS / "detectors.md").read_text()
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def example() -> Detector:
    """The detector of the page, made by running the page's own lines."""
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1)
    assert sum(1 for line in code.splitlines() if line) == 10
    names: dict = {}
    exec(compile(code, "docs/detectors.md", "exec"), names)
    return names["DETECTOR"]


def test_example_of_the_page_passes_every_check(example):
    assert check(example) == []


def test_example_of_the_page_speaks_for_both_sides(example):
    tile, only = tile_of([walk(1, 700)]), {example.name: example}
    said = fold(tile.bars, Span(0, 0, 255), fresh_state(1, only), detectors=only)
    spoken = said.score[said.confidence > 0.0]
    assert (spoken > 0.0).any()
    assert (spoken < 0.0).any()


def test_entry_point_on_the_page_is_that_of_the_example(example):
    assert f'realtime_agent.detectors"]\n{example.name} = "{example.name}:DETECTOR"' in PAGE


@pytest.mark.parametrize("name", BUILT_IN)
def test_detector_has_a_section_a_row_a_page_and_a_picture(name):
    assert re.search(rf"^### {name}$", PAGE, re.MULTILINE)
    assert re.search(rf"^\| {name} \|", PAGE, re.MULTILINE)
    page = (DOCS / "detectors" / f"{name}.md").read_text()
    for word in ("abstains", "score", "confidence", "known weakness"):
        assert word in page.lower(), word
    assert re.search(r"[A-Z]\. [A-Z][a-z]+.*\b(19|20)\d\d\b", page, re.DOTALL), "no source with its year"
    drawn = ElementTree.fromstring((DOCS / "detectors" / f"{name}.svg").read_text())
    assert drawn.find(f"{SVG}title").text.startswith(f"{name}: ")


def test_every_link_and_picture_on_the_page_exists():
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert len(links) > 2 * len(BUILT_IN)
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_a_picture_tints_exactly_the_bars_on_which_the_detector_speaks():
    detector, tile = REGISTRY["volatility"], markets()
    shown = scene(detector, tile)
    rows = slice(shown.first - 255, shown.last - 254)
    speaks = shown.evidence.confidence[0, rows, shown.lane] > 0.0
    assert 0 < speaks.sum() < BARS
    drawn = ElementTree.fromstring(draw(detector, shown))
    assert len(drawn.findall(f"{SVG}rect[@class='speaks']")) == speaks.sum()
