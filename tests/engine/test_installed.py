"""A package with an entry point is enough to have a further detector: known, weighed, part of the scoring version."""

import json
import os
import subprocess
import sys
from pathlib import Path

from engine.catalogue import BUILT_IN, DETECTORS

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = """
from engine.detectors.base import Detector
def fold(bars, shared, span, state, out):
    out.score[:] = 0.5
    out.confidence[:] = 1.0
DETECTOR = Detector({name!r}, fold, 0, (), lambda readings: "always 0.5 up, against 0", 0)
"""
ASK = """
import json, sys
from engine.catalogue import DETECTORS
from engine.score import Policy
from engine.version import scoring_version
without_numba = "numba" not in sys.modules and "planted_b" not in sys.modules
from engine.detector_checks import walk
from engine.detectors import REGISTRY
from engine.evidence import scan
said = scan([walk(1, 300)])[0].score[:, 0, 0].tolist()
weights = Policy({"planted_b": 1.0}, 0.1, 0.1).weight_vector()
print(json.dumps([DETECTORS, list(REGISTRY), weights, said, without_numba, scoring_version()]))
"""


def install(folder: Path, name: str, version: str) -> None:
    """Lay a package into a folder as pip does."""
    (folder / f"{name}.py").write_text(MODULE.format(name=name))
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[realtime_agent.detectors]\n{name} = {name}:DETECTOR\n")


def ask(folder: Path, script: str = ASK) -> list:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}
    answer = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    return json.loads(answer.stdout)


def test_installed_detectors_come_behind_ours_by_name_and_speak_and_can_be_weighed(tmp_path):
    for name in ("planted_b", "planted_a"):
        install(tmp_path, name, "1.0")
    names, registered, weights, said, _, _ = ask(tmp_path)
    assert names == registered == [*BUILT_IN, "planted_a", "planted_b"]
    assert weights == [0.0] * (len(names) - 1) + [1.0]
    assert said[-2:] == [0.5, 0.5]


def test_names_of_installed_detectors_are_known_without_their_code_and_without_numba(tmp_path):
    install(tmp_path, "planted_b", "1.0")
    assert ask(tmp_path)[4] is True


def test_each_version_of_an_installed_detector_is_a_scoring_version_of_its_own(tmp_path):
    script = "import json; from engine.version import scoring_version; print(json.dumps([scoring_version()]))"
    versions = set()
    for version in ("none", "1.0", "1.1"):
        folder = tmp_path / version
        folder.mkdir()
        if version != "none":
            install(folder, "planted_b", version)
        versions.add(ask(folder, script)[0])
    assert len(versions) == 3


def test_without_installed_detectors_the_catalogue_is_ours(tmp_path):
    script = "import json; from engine.catalogue import DETECTORS; print(json.dumps(DETECTORS))"
    assert ask(tmp_path, script) == list(BUILT_IN)
    assert DETECTORS[: len(BUILT_IN)] == BUILT_IN
