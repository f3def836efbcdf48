"""Which past a search may learn from and which future it is judged by: rolling or anchored windows with a gap."""

from collections.abc import Iterator
from typing import NamedTuple


class Fold(NamedTuple):
    """One step of a walk-forward, ms: trained on closes in (train_start, train_end], tested in (test_start, test_end].

    What happens between train_end and test_start is in neither: the last trained outcome is known by then.
    """

    train_start: int
    train_end: int
    test_start: int
    test_end: int


def folds(start: int, end: int, train: int, test: int, gap: int, anchored: bool) -> Iterator[Fold]:
    """Yield the steps from ``start`` to ``end``; ``train``, ``test``, ``gap`` are lengths, all in ms.

    Tests follow each other without overlap; a last one shorter than half of ``test`` is left out. Anchored: all
    train from ``start``. Raises ValueError for lengths that are none, or when not one step fits.
    """
    for name, value, least in (("train", train, 1), ("test", test, 1), ("gap", gap, 0)):
        if value < least:
            raise ValueError(f"{name} must be at least {least} ms, was {value}")
    at = start + train + gap
    if end - at < test // 2 or end <= at:
        raise ValueError("the range is too short for one window to train on, the gap and one to test on")
    while end - at >= max(test // 2, 1):
        yield Fold(start if anchored else at - gap - train, at - gap, at, min(at + test, end))
        at += test
