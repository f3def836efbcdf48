"""numba's cache does not see an edited callee in another file; the name of our cache folder does."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import engine
from engine import jit

# A kernel in a file that is not edited; what it calls, and what that calls in turn, lies in engine/.
PROBE = """
import numpy as np
from engine.bars import Span
from engine.indicators import centred_rsi, side, squash
from engine.jit import kernel

@kernel
def probe(close, state):
    return squash(centred_rsi(close, 14, Span(0, 0, 0), state)[-1, 0]), side(1e-9)

close = np.log(100.0 + np.cumsum(np.sin(np.arange(40.0) ** 1.3)))[:, None]
print(*map(repr, map(float, probe(close, np.zeros((2, 1))))), sum(probe.stats.cache_hits.values()))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A scratch copy of engine/ with a probe beside it, as the kernels of another folder would lie."""
    source = Path(engine.__file__).parent
    shutil.copytree(source, tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "probe.py").write_text(PROBE)
    return tmp_path


def _run(folder: Path) -> tuple[float, float, int]:
    """Return the probe's numbers in a fresh process, and how often it came out of the cache."""
    done = subprocess.run(
        [sys.executable, "-c", "import probe"], cwd=folder, capture_output=True, text=True, check=True, timeout=120
    )
    squashed, side, hits = done.stdout.split()
    return float(squashed), float(side), int(hits)


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file.name} no longer has {old!r} once: choose another line to edit"
    file.write_text(text.replace(old, new))


def test_edited_helper_and_constant_change_what_a_caller_in_another_file_gives(copy):
    before, side, hits = _run(copy)
    assert (side, hits) == (1.0, 0)
    assert _run(copy) == (before, side, 1), "the second process did not use the cache: nothing would be proved below"

    _edit(copy / "engine" / "indicators.py", "return x / (1.0 + abs(x))", "return x / (3.0 + abs(x))")
    _edit(copy / "engine" / "bars.py", "EPSILON = 1e-12", "EPSILON = 1e-06")
    squashed, side, hits = _run(copy)
    rsi = before / (1.0 - abs(before))  # what squash() was given
    assert rsi != 0.0
    assert squashed == pytest.approx(rsi / (3.0 + abs(rsi)), rel=1e-12), "the caller still has the old squash()"
    assert side == 0.0, "the caller still has the old EPSILON"
    assert hits == 0
    assert len(list((copy / ".cache" / "numba").iterdir())) == 2


def test_a_checkout_that_was_copied_with_its_cache_does_not_take_its_kernels_for_compiled(monkeypatch, tmp_path):
    here = jit.cache_dir().name
    monkeypatch.setattr(jit, "CACHE_ROOT", tmp_path)
    assert jit.cache_dir().name != here
