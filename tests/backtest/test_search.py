"""A search over weights finds what a plain loop over every score finds."""

import numpy as np
import pytest

from backtest.search import AT_ONCE, Material, tried
from engine.catalogue import DETECTORS
from engine.presets_batch import arranged, scores

BARS, MINUTE = 400, 60_000


def drawn(seed: int) -> Material:
    """Return one symbol: a tenth of its bars without evidence, some without a score, trades of up to 9 bars."""
    draw = np.random.default_rng(seed)
    scored = np.sort(draw.choice(BARS, BARS * 9 // 10, replace=False))
    product = draw.uniform(-1.0, 1.0, (len(DETECTORS), len(scored))) * (
        draw.random((len(DETECTORS), len(scored))) < 0.3
    )
    r = draw.normal(size=(2, len(scored)))
    r[draw.random(r.shape) < 0.02] = np.nan
    last = scored + draw.integers(1, 10, r.shape)
    usable = draw.random(BARS) > 0.05
    closes = np.arange(1, BARS + 1, dtype=np.int64) * MINUTE
    return Material(f"S{seed}", None, None, closes, scored, product, usable, r, last)  # type: ignore[arg-type]


def plain(parts: list[tuple[Material, slice]], weights: np.ndarray, end: int, share: float) -> list[tuple[list, float]]:
    """Return the R of every preset's trades and its threshold, score by score."""
    found = []
    for row in weights:
        distances = [scores(row[None], one.product[:, rows])[0] - 0.5 for one, rows in parts]
        sizes = np.sort(np.abs(np.concatenate(distances)))
        act = sizes[min(int((1.0 - share) * len(sizes)), len(sizes) - 1)]
        trades = []
        for (one, rows), distance in zip(parts, distances, strict=True):
            free, before = -1, 0
            for k, bar in enumerate(one.scored[rows].tolist()):
                beyond = one.usable[bar] and abs(distance[k]) > act
                call = int(np.sign(distance[k])) if beyond else 0
                changed, before = call != before, call
                side, place = (0 if call > 0 else 1), rows.start + k
                r, last = one.r[side, place], one.last[side, place]
                ends_in_time = last < BARS and one.closes[last] <= end
                if call and changed and bar >= free and not np.isnan(r) and ends_in_time:
                    free = last
                    trades.append(r)
        found.append((trades, act))
    return found


@pytest.mark.parametrize("share", [0.3, 0.05])
def test_a_search_finds_the_trades_and_thresholds_of_a_plain_loop(share):
    members = [drawn(1), drawn(2)]
    start, end = 40 * MINUTE, 350 * MINUTE
    parts = [(one, one.rows(start, end)) for one in members]
    weights = np.random.default_rng(3).dirichlet(np.ones(len(DETECTORS)), 2 * AT_ONCE + 3)
    sums, act = tried(parts, arranged([one.product[:, rows] for one, rows in parts]), weights, end, share)
    wanted = plain(parts, weights, end, share)
    assert sums[:, 0].tolist() == [len(trades) for trades, _ in wanted]
    assert min(sums[:, 0]) > 3
    powers = [[np.sum(np.array(trades) ** p) for p in range(1, 5)] for trades, _ in wanted]
    np.testing.assert_allclose(sums[:, 1:], powers, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(act, [one for _, one in wanted], rtol=0.0, atol=1e-12)
