"""What the harness tells the processes under test, by files: how slow a scan is, what is lost, which guard is off."""

import os
from pathlib import Path


class Controls:
    """Values by name, 0 or empty where there is no file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def set(self, name: str, value: object) -> None:
        (self.folder / f"{name}.new").write_text(str(value))
        (self.folder / f"{name}.new").rename(self.folder / name)

    def number(self, name: str) -> float:
        return float(self.text(name) or 0.0)

    def text(self, name: str) -> str:
        try:
            return (self.folder / name).read_text()
        except FileNotFoundError:
            return ""


def of_this_process() -> Controls:
    return Controls(Path(os.environ["FAULTS_DIR"]))
