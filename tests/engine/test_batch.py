"""Many presets over one history: the matrix product stays within rounding of the ordered sum, and says what misfits."""

import numpy as np
import pytest

from engine.catalogue import DETECTORS
from engine.detector_checks import walk
from engine.evidence import LANES, Logged, history, logged, scan
from engine.presets_batch import BARS, PRESETS, arranged, features, products, scores, weight_matrix
from engine.score import Policy, combine
from engine.timeframes import INTERVAL_MS, WINDOW_BARS
from engine.window import Window


@pytest.fixture(scope="module")
def evidence():
    return history(walk(21, 3 * BARS), INTERVAL_MS["5m"])[1]


def _presets(count: int) -> list[dict[str, float]]:
    """Return drawn weights; every third preset leaves some detectors out, the first has one alone."""
    drawn = np.random.default_rng(4).dirichlet(np.ones(len(DETECTORS)), count - 1)
    drawn[::3, ::4] = 0.0
    drawn /= drawn.sum(axis=1, keepdims=True)
    return [{"smc": 1.0}, *(dict(zip(DETECTORS, row.tolist(), strict=True)) for row in drawn)]


def test_scores_equal_the_ordered_sum(evidence):
    presets = _presets(PRESETS + 5)
    found = scores(weight_matrix(presets), features(evidence.score, evidence.confidence))
    assert found.shape == (len(presets), evidence.score.shape[1])
    s, c = evidence.score[:, :, 0].T.tolist(), evidence.confidence[:, :, 0].T.tolist()
    policies = [Policy(weights, act=0.1, min_confidence=0.0) for weights in presets]
    wanted = [[combine(s[i], c[i], 0.0, 0.0, policy).score for i in range(len(s))] for policy in policies]
    assert np.ptp(wanted) > 0.5, "the presets agree on everything: nothing is compared"
    np.testing.assert_allclose(found, wanted, rtol=0.0, atol=1e-12)


def test_scores_stay_in_bounds_and_mirror():
    weights = weight_matrix(_presets(50))
    drawn = np.random.default_rng(5).choice([-1.0, -0.3, 0.0, 1e-300, 1.0], size=(len(DETECTORS), 500))
    drawn[:, 0], drawn[:, 1] = 1.0, -1.0
    found = scores(weights, drawn)
    assert found.min() >= 0.0
    assert found.max() <= 1.0
    np.testing.assert_allclose(found[:, 0], 1.0, atol=1e-12)
    np.testing.assert_allclose(scores(weights, -drawn), 1.0 - found, rtol=0.0, atol=1e-12)


def test_scores_fill_the_array_they_are_given(evidence):
    product = features(evidence.score, evidence.confidence)
    weights = weight_matrix(_presets(3))
    out = np.full((3, product.shape[1]), np.nan)
    assert scores(weights, product, out) is out
    np.testing.assert_array_equal(out, scores(weights, product))


@pytest.mark.parametrize(("presets", "detectors", "bars"), [(1, 1, 1), (4, 4, BARS), (7, 13, 2 * BARS + 3), (9, 6, 5)])
def test_products_are_weights_times_features_for_every_remainder(presets, detectors, bars):
    draw = np.random.default_rng(7)
    weights, drawn = draw.normal(size=(presets, detectors)), draw.normal(size=(detectors, bars))
    drawn[draw.random(drawn.shape) < 0.7] = 0.0
    over = arranged([drawn[:, : bars // 3], drawn[:, bars // 3 :]])
    np.testing.assert_allclose(products(weights, over)[:, over.places], weights @ drawn, rtol=0.0, atol=1e-13)


def test_arranged_features_are_all_there_and_a_block_names_who_speaks_in_it():
    drawn = np.random.default_rng(8).normal(size=(3, 8 * BARS + 3))
    drawn[1, ::2] = 0.0
    drawn[2] = 0.0
    found = arranged([drawn])
    assert found.features.shape == (3, 8 * BARS + 8)
    np.testing.assert_array_equal(found.features[:, found.places], drawn)
    assert sorted(found.places.tolist()) == list(range(8 * BARS + 3))
    assert found.features.ctypes.data % 64 == 0
    assert [row[row >= 0].tolist() for row in found.speaking] == [[0]] * 4 + [[0, 1]] * 5


def test_no_presets_have_no_scores(evidence):
    product = features(evidence.score, evidence.confidence)
    assert scores(weight_matrix([]), product).shape == (0, product.shape[1])


@pytest.mark.parametrize(
    ("weights", "said"),
    [({"astrology": 1.0}, "preset 1: 'astrology'"), ({"smc": 0.4}, "preset 1: .* sum"), ({"smc": -1.0}, "-1.0")],
)
def test_wrong_weights_are_named(weights, said):
    with pytest.raises(ValueError, match=said):
        weight_matrix([{"smc": 1.0}, weights])


def test_wrong_arrays_are_named(evidence):
    product = features(evidence.score, evidence.confidence)
    weights = weight_matrix(_presets(2))
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        scores(weights[:, :3], product)
    with pytest.raises(ValueError, match="float32"):
        scores(weights.astype(np.float32), product)
    with pytest.raises(ValueError, match=r"out is float64 \(2, 2\)"):
        scores(weights, product, np.empty((2, 2)))
    with pytest.raises(ValueError, match="confidence has shape"):
        features(evidence.score, evidence.confidence[:, :-1])
    broken = evidence.score.copy()
    broken[2, 7] = np.nan
    with pytest.raises(ValueError, match=f"{DETECTORS[2]} at bar 7"):
        features(broken, evidence.confidence)


def _bits(found) -> list[list[bytes]]:
    return [[np.ascontiguousarray(values).tobytes() for values in (*one[:4], *one.readings)] for one in found]


@pytest.fixture(scope="module")
def windows() -> list[Window]:
    """More than two tiles, of lengths that differ."""
    whole = walk(22, WINDOW_BARS + 3 * LANES)
    return [
        Window(whole.open_times[i % 90 :][:n], whole.values[:, i % 90 :][:, :n])
        for i, n in enumerate(np.random.default_rng(6).integers(256, WINDOW_BARS, size=2 * LANES + 3).tolist())
    ]


@pytest.mark.parametrize("explain", [False, True])
def test_windows_with_logs_already_taken_give_the_same_bits(windows, explain):
    """Also where the logs were taken of a longer stretch and cut afterwards, as whoever keeps them does."""
    whole = walk(22, WINDOW_BARS + 3 * LANES)
    kept = logged(whole)
    spans = [slice(i % 90, i % 90 + len(w.open_times)) for i, w in enumerate(windows)]
    cut = [Logged(kept.prices[:, span], kept.volumes[:, span]) for span in spans]
    assert _bits(scan(cut, explain)) == _bits(scan(windows, explain))
    mixed = [one if i % 2 else windows[i] for i, one in enumerate(cut)]
    assert _bits(scan(mixed, explain)) == _bits(scan(windows, explain))


def test_logs_that_do_not_fit_are_refused_with_their_place(windows):
    whole = logged(windows[0])
    for broken in (
        whole._replace(volumes=whole.volumes[:, 1:]),
        whole._replace(prices=whole.prices[:3]),
        whole._replace(prices=whole.prices.astype(np.float32)),
        whole._replace(prices=whole.prices[0]),
    ):
        with pytest.raises(ValueError, match=r"window 1: logs are float.*expected float64"):
            scan([windows[0], broken])


def test_logs_whose_bars_do_not_lie_side_by_side_give_the_same_bits(windows):
    whole = logged(windows[0])
    spread = Logged(np.asfortranarray(whole.prices), np.repeat(whole.volumes, 2, axis=1)[:, ::2])
    assert _bits(scan([spread])) == _bits(scan(windows[:1]))


def test_threads_change_no_bit(windows):
    assert _bits(scan(windows, threads=3)) == _bits(scan(windows))


def test_scan_of_nothing_is_empty():
    assert scan([]) == []
