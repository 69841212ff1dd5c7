import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.errors import LmbrainError

GRID = [0.1, 3.0, 50.0, 1000.0]


def problem(n=90, p=12, t=5, seed=0, gap=2, outer=4, stories=1):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, p)) * rng.uniform(0.1, 10, p) + 5 * rng.standard_normal(p)
    weights = rng.standard_normal((p, t)) / max(p, 1) ** 0.5
    responses = features @ weights + rng.standard_normal((n, t)) * 3 + rng.standard_normal(t)
    usable = rng.random(n) > 0.08
    story = np.sort(np.arange(n) % stories).astype(str)
    return features, responses, make_folds(story, np.arange(n), usable, outer, gap)


def brute_fit(features, responses, train, test, penalty, column_weights=None):
    """Scikit-learn ridge, everything standardised on the training samples, then weighted."""
    mean, sd = features[train].mean(0), features[train].std(0)
    keep = sd > 1e-9
    x = (features[:, keep] - mean[keep]) / sd[keep]
    if column_weights is not None:
        x = x * np.sqrt(column_weights[keep])
    centre, scale = responses[train].mean(0), responses[train].std(0)
    if not keep.any():
        return np.tile(centre, (test.sum(), 1))
    model = Ridge(alpha=penalty).fit(x[train], (responses[train] - centre) / scale)
    return model.predict(x[test]).reshape(test.sum(), -1) * scale + centre


def brute_nested(features, targets, folds, grid, penalty_per, weightings=(None,)):
    """Explicit loops over outer folds, inner folds, weightings of the columns and penalties.

    `features` may be a callable that gives the design fitted on a training set.
    """
    design = features if callable(features) else lambda train: features
    n_targets = targets(0).shape[1]
    prediction = np.full((len(folds.block), n_targets), np.nan)
    penalty, validation_r = np.zeros((2, folds.n_outer, n_targets))
    candidates = [(value, weights) for weights in weightings for value in grid]
    for outer in range(folds.n_outer):
        truth = targets(outer)
        r2, r = np.zeros((2, len(candidates), n_targets))
        inner_folds = [j for j in range(folds.n_outer) if j != outer]
        for inner in inner_folds:
            train, test = folds.train(outer, inner), folds.score(inner, outer)
            baseline = truth[train].mean(0)
            for a, (value, weights) in enumerate(candidates):
                guess = brute_fit(design(train), truth, train, test, value, weights)
                error = ((truth[test] - guess) ** 2).sum(0)
                r2[a] += 1 - error / ((truth[test] - baseline) ** 2).sum(0)
                for t in range(n_targets):
                    if np.ptp(guess[:, t]) > 0:
                        r[a, t] += np.corrcoef(guess[:, t], truth[test, t])[0, 1]
        best = r2.argmax(0)
        if not (isinstance(penalty_per, str) and penalty_per == "target"):
            groups = np.zeros(n_targets) if isinstance(penalty_per, str) else penalty_per
            best = np.array([r2[:, groups == group].mean(1).argmax() for group in groups])
        penalty[outer] = [candidates[b][0] for b in best]
        validation_r[outer] = r[best, np.arange(n_targets)] / len(inner_folds)
        train, test = folds.train(outer), folds.test(outer)
        for t in range(n_targets):
            value, weights = candidates[best[t]]
            column = brute_fit(design(train), truth[:, [t]], train, test, value, weights)
            prediction[test, t] = column[:, 0]
    return prediction, penalty, validation_r


CASES = {
    "more samples than features": {},
    "more features than samples": {"n": 60, "p": 150},
    "one target": {"t": 1},
    "one feature": {"p": 1},
    "no feature": {"p": 0},
    "unequal folds of whole stories": {"n": 100, "stories": 7, "outer": 3},
    "no gap": {"gap": 0},
    "large gap": {"gap": 8},
    "blocks of more samples than features": {"n": 160, "p": 5, "gap": 3},
}


GROUPS = np.array([1, 0, 1, 0, 2])


@pytest.mark.parametrize("penalty_per", ["target", "all", GROUPS], ids=["target", "all", "group"])
@pytest.mark.parametrize("case", CASES)
def test_equals_scikit_learn_in_explicit_loops(case, penalty_per):
    features, responses, folds = problem(**CASES[case])
    if not isinstance(penalty_per, str):
        penalty_per = penalty_per[: responses.shape[1]]
    result = nested_ridge(features, responses, folds, GRID, penalty_per, dtype=np.float64)
    expected = brute_nested(features, lambda k: responses, folds, GRID, penalty_per)
    np.testing.assert_allclose(result.prediction, expected[0], atol=1e-6, rtol=1e-6)
    if case != "no feature":  # there all penalties are equal
        np.testing.assert_array_equal(result.penalty, expected[1])
    np.testing.assert_allclose(result.validation_r, expected[2], atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(40, 80),
    p=st.integers(0, 90),
    t=st.integers(1, 4),
    outer=st.integers(3, 5),
    gap=st.integers(0, 3),
    stories=st.integers(1, 6),
    spoil=st.sampled_from(["", "collinear", "constant", "constant in one training set"]),
    seed=st.integers(0, 10**6),
)
def test_random_problems_equal_scikit_learn(n, p, t, outer, gap, stories, spoil, seed):
    features, responses, folds = problem(n, p, t, seed, gap, outer, stories)
    if p > 2 and spoil == "collinear":
        features[:, 0] = features[:, 1] - 3 * features[:, 2]
    if p > 2 and spoil == "constant":
        features[:, 1] = 0.3
    if p > 2 and spoil == "constant in one training set":
        features[:, 1] = 5.0 * folds.test(1)
    result = nested_ridge(features, responses, folds, GRID, dtype=np.float64)
    prediction, penalty, _ = brute_nested(features, lambda k: responses, folds, GRID, "target")
    for k in range(folds.n_outer):
        # Without features, or where all are constant, all penalties are equal.
        equal = result.penalty[k] == penalty[k]
        assert equal.all() or p == 0
        test = folds.test(k)
        np.testing.assert_allclose(
            result.prediction[test][:, equal], prediction[test][:, equal], atol=1e-6, rtol=1e-6
        )


def test_collinear_and_constant_columns_equal_scikit_learn():
    features, responses, folds = problem()
    features[:, 3] = 2 * features[:, 1] - features[:, 0]
    features[:, 5] = 0.1
    features[:, 6] = folds.test(2) * 7.0  # constant only while block 2 is held out
    result = nested_ridge(features, responses, folds, GRID, dtype=np.float64)
    prediction, penalty, _ = brute_nested(features, lambda k: responses, folds, GRID, "target")
    np.testing.assert_allclose(result.prediction, prediction, atol=1e-6)
    np.testing.assert_array_equal(result.penalty, penalty)


def test_responses_of_their_own_for_each_outer_fold_equal_scikit_learn():
    features, responses, folds = problem()
    others = np.random.default_rng(5).standard_normal((folds.n_outer, *responses.shape))
    targets = [responses + other for other in others]
    result = nested_ridge(features, targets.__getitem__, folds, GRID, dtype=np.float64)
    prediction, penalty, validation_r = brute_nested(
        features, targets.__getitem__, folds, GRID, "target"
    )
    np.testing.assert_allclose(result.prediction, prediction, atol=1e-6)
    np.testing.assert_array_equal(result.penalty, penalty)
    np.testing.assert_allclose(result.validation_r, validation_r, atol=1e-6)


def test_float32_agrees_with_float64_on_features_of_wild_scale_and_responses_in_tesla():
    features, responses, folds = problem(n=300, p=40, t=30, seed=3)
    features = features * np.logspace(-4, 4, 40) + 1e3
    exact = nested_ridge(features, responses, folds, GRID, dtype=np.float64)
    single = nested_ridge(features, responses * 1e-14, folds, GRID)
    assert single.prediction.dtype == np.float32
    np.testing.assert_array_equal(single.penalty, exact.penalty)
    np.testing.assert_allclose(single.r, exact.r, atol=1e-5)
    np.testing.assert_allclose(single.r2, exact.r2, atol=1e-5)


def test_inner_predictions_are_the_fits_without_both_blocks():
    features, responses, folds = problem()
    result = nested_ridge(
        features, responses, folds, GRID, dtype=np.float64, inner_predictions=True
    )
    for outer in range(folds.n_outer):
        train = folds.train(outer)
        filled = np.isfinite(result.inner_prediction[outer]).all(axis=1)
        np.testing.assert_array_equal(filled, train)
    outer, inner, target = 1, 3, 2
    scored = folds.score(inner, outer)
    expected = brute_fit(
        features,
        responses[:, [target]],
        folds.train(outer, inner),
        scored,
        result.penalty[outer, target],
    )
    np.testing.assert_allclose(
        result.inner_prediction[outer, scored, target], expected[:, 0], atol=1e-6
    )


def test_held_out_samples_do_not_touch_their_own_fold():
    features, responses, folds = problem()
    before = nested_ridge(features, responses, folds, GRID, dtype=np.float64)
    test = folds.test(1)
    responses[test] += 100
    after = nested_ridge(features, responses, folds, GRID, dtype=np.float64)
    np.testing.assert_allclose(after.prediction[test], before.prediction[test], atol=1e-9)
    np.testing.assert_array_equal(after.penalty[1], before.penalty[1])


def test_unusable_samples_are_never_read():
    features, responses, folds = problem()
    assert not folds.usable.all()
    expected = nested_ridge(features, responses, folds, GRID)
    features[~folds.usable] = np.nan
    responses[~folds.usable] = np.inf
    result = nested_ridge(features, responses, folds, GRID)
    np.testing.assert_array_equal(result.prediction, expected.prediction)
    assert np.isnan(result.prediction[~folds.usable]).all()


def test_penalties_at_the_edges_of_the_grid_are_flagged():
    features, responses, folds = problem(n=400, p=60)
    responses[:, 0] = features.sum(axis=1)
    responses[:, 1] = np.random.default_rng(2).standard_normal(400)
    edges = nested_ridge(features, responses[:, :2], folds, [1.0, 100.0, 2000.0]).at_edge
    assert (edges[:, 0] == -1).all()
    assert (edges[:, 1] == 1).all()


def test_bad_values_are_refused_by_place():
    features, responses, folds = problem()
    row = int(np.flatnonzero(folds.usable)[7])
    broken = features.copy()
    broken[row, 4] = np.nan
    with pytest.raises(LmbrainError, match=f"Feature column 4 of sample {row} is not a finite"):
        nested_ridge(broken, responses, folds, GRID)
    broken = responses.copy()
    broken[row, 2] = np.inf
    with pytest.raises(LmbrainError, match=f"Response 2 of sample {row} is not a finite"):
        nested_ridge(features, broken, folds, GRID)
    with pytest.raises(LmbrainError, match="Response 2 of sample"):
        nested_ridge(features, lambda k: broken, folds, GRID)
    responses[:, 1] = 3
    with pytest.raises(LmbrainError, match="Response 1 never varies"):
        nested_ridge(features, responses, folds, GRID)
    with pytest.raises(LmbrainError, match="do not fit"):
        nested_ridge(features[1:], responses, folds, GRID)


BANDS = np.repeat([0, 1, 2], [5, 3, 4])
WEIGHTS = np.array([[1, 1, 1], [1, 0.01, 5], [0, 1, 1], [30, 1, 0]], float)


@pytest.mark.parametrize("size", [(90, 12), (36, 60)], ids=["Gram", "kernel"])
def test_banded_penalties_equal_explicit_scaling_of_bands(size):
    n, p = size
    features, responses, folds = problem(n=n, p=p, gap=1)
    bands = np.sort(np.resize(BANDS, p))
    result = nested_ridge(
        features, responses, folds, GRID, bands=bands, band_weights=WEIGHTS, dtype=np.float64
    )
    weightings = [weights[bands] for weights in WEIGHTS]
    expected = brute_nested(features, lambda k: responses, folds, GRID, "target", weightings)
    np.testing.assert_allclose(result.prediction, expected[0], atol=1e-6, rtol=1e-6)
    np.testing.assert_array_equal(result.penalty, expected[1])
    np.testing.assert_allclose(result.validation_r, expected[2], atol=1e-6)
    assert len(np.unique(result.weighting)) > 1


@pytest.mark.parametrize("q", [3, 100], ids=["Gram", "kernel"])
def test_a_design_fitted_on_each_training_set_equals_scikit_learn(q):
    features, responses, folds = problem(n=60, p=7, gap=1)
    mixing = np.random.default_rng(4).standard_normal((7, q))

    def design(train):
        centred = features - features[train].mean(0)
        return np.tanh(centred / np.abs(centred[train]).max(0)) @ mixing

    result = nested_ridge(design, responses, folds, GRID, dtype=np.float64)
    expected = brute_nested(design, lambda k: responses, folds, GRID, "target")
    np.testing.assert_allclose(result.prediction, expected[0], atol=1e-6, rtol=1e-6)
    np.testing.assert_array_equal(result.penalty, expected[1])


class OnDisk:
    """Rows by slices alone, as an HDF5 set gives them; counts the largest piece asked for."""

    def __init__(self, values):
        self.values, self.shape, self.largest = values, values.shape, 0

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.largest = max(self.largest, len(self.values[rows]))
        return self.values[rows]


def test_features_on_disk_are_read_in_pieces_with_the_same_result(monkeypatch):
    for module in ("moments", "nested"):
        monkeypatch.setattr(f"lmbrain.encoding.{module}.ROWS_AT_ONCE", 30)
    features, responses, folds = problem(n=200, p=6)
    source = OnDisk(features)
    result = nested_ridge(source, responses, folds, GRID, dtype=np.float64)
    expected = brute_nested(features, lambda k: responses, folds, GRID, "target")
    np.testing.assert_allclose(result.prediction, expected[0], atol=1e-6)
    np.testing.assert_array_equal(result.penalty, expected[1])
    assert source.largest <= 30


@pytest.mark.parametrize("case", ["more samples than features", "more features than samples"])
def test_targets_in_passes_give_the_same_result(case):
    features, responses, folds = problem(**CASES[case])
    whole = nested_ridge(features, responses, folds, GRID, dtype=np.float64)
    passes = nested_ridge(features, responses, folds, GRID, dtype=np.float64, targets_at_once=2)
    for name in ("prediction", "penalty", "r_per_fold", "validation_r", "response_sd"):
        np.testing.assert_allclose(getattr(passes, name), getattr(whole, name), atol=1e-10)


@pytest.mark.parametrize(
    "case",
    [
        "more samples than features",
        "more features than samples",
        "blocks of more samples than features",
    ],
)
def test_torch_gives_what_numpy_gives(case):
    features, responses, folds = problem(**CASES[case])
    arguments = {"dtype": np.float64, "inner_predictions": True}
    expected = nested_ridge(features, responses, folds, GRID, **arguments)
    result = nested_ridge(features, responses, folds, GRID, device="cpu", **arguments)
    for name in ("prediction", "penalty", "r_per_fold", "validation_r2", "inner_prediction"):
        np.testing.assert_allclose(getattr(result, name), getattr(expected, name), atol=1e-9)


def test_an_artefact_in_a_held_out_block_costs_float32_no_digits():
    features, responses, folds = problem(n=300, p=10)
    clean = nested_ridge(features, responses, folds, GRID, dtype=np.float64)
    responses[folds.test(2)] *= 1e6
    spoilt = nested_ridge(features, responses, folds, GRID)
    test = folds.test(2)
    error = np.abs(spoilt.prediction[test] - clean.prediction[test]) / clean.response_sd[2]
    assert error.max() < 1e-2


def test_a_penalty_that_float32_cannot_resolve_is_refused():
    features, responses, folds = problem(n=400, p=60)
    with pytest.raises(LmbrainError, match="too small for float32 with these features; raise"):
        nested_ridge(features, responses, folds, [1e-9, 1.0])
    nested_ridge(features, responses, folds, [1e-9, 1.0], dtype=np.float64)


def test_many_penalties_at_an_end_of_the_grid_ask_for_a_wider_one():
    features, responses, folds = problem(n=400, p=60)
    responses[:, 0] = features.sum(axis=1)
    narrow = nested_ridge(features, responses[:, :1], folds, [100.0, 2000.0])
    assert narrow.edge_note.startswith("The smallest penalty, 100, won 100% of the fits")
    grid = [1e-2, 1.0, 10.0, 100.0, 1e3, 1e5]
    assert nested_ridge(features, responses[:, 2:], folds, grid, dtype=np.float64).edge_note == ""


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"penalties": [0.0, 1.0]}, "penalty 0.0 is not positive"),
        ({"penalties": []}, "No ridge penalty"),
        ({"penalty_per": "sensor"}, "penalty_per is 'sensor'"),
        ({"penalty_per": np.zeros(3)}, r"shape \(3,\) for 5 targets"),
        ({"bands": np.zeros(3, int)}, "do not fit 12 features"),
        ({"bands": np.full(12, 1)}, "number them from 0"),
        ({"bands": np.zeros(12, int), "band_weights": [[1, 2]]}, "2 columns for 1 bands"),
        ({"bands": np.zeros(12, int), "band_weights": [[-1]]}, "band weight -1.0"),
        ({"dtype": np.float16}, "use float32 or float64"),
        ({"device": "cuda"}, "torch does not see it here"),
        ({"device": "gpu"}, "torch does not see it here"),
    ],
)
def test_wrong_settings_are_refused_by_name(wrong, message):
    features, responses, folds = problem()
    with pytest.raises(LmbrainError, match=message):
        nested_ridge(features, responses, folds, **{"penalties": GRID, **wrong})


def test_linear_algebra_uses_as_many_threads_as_it_is_given(monkeypatch):
    features, responses, folds = problem()
    seen, eigh = set(), np.linalg.eigh

    def watched(matrix):
        libraries = threadpoolctl.threadpool_info()
        seen.update(lib["num_threads"] for lib in libraries if lib["user_api"] == "blas")
        return eigh(matrix)

    monkeypatch.setattr(np.linalg, "eigh", watched)
    nested_ridge(features, responses, folds, GRID, threads=1)
    assert seen == {1}


def test_a_gap_that_leaves_nothing_is_refused():
    features, responses, folds = problem()
    with pytest.raises(LmbrainError, match="leave 0 samples to train or score on"):
        nested_ridge(features, responses, replace(folds, gap=1000.0), GRID)


@pytest.mark.parametrize("q", [4, 200], ids=["Gram", "kernel"])
def test_a_design_with_a_missing_value_is_refused(q):
    _, responses, folds = problem(n=60, gap=1)
    values = np.random.default_rng(0).standard_normal((60, q))
    values[np.flatnonzero(folds.usable)[9], 2] = np.nan
    with pytest.raises(LmbrainError, match="Feature column 2 of sample"):
        nested_ridge(lambda train: values, responses, folds, GRID)


def test_a_sensor_that_is_flat_in_most_blocks_is_scored_by_the_others():
    features, responses, folds = problem(n=200, outer=5)
    flat = np.isin(folds.block, [0, 1, 2])
    responses[flat, 0] = 0.3
    responses[~flat, 0] = features[~flat, 0] * 1e3
    result = nested_ridge(features, responses, folds, GRID)
    assert np.isfinite(result.validation_r2).all()
    assert np.isfinite(result.prediction[folds.usable]).all()


def test_the_advice_on_a_penalty_too_small_for_float32_holds():
    features, responses, folds = problem(n=400, p=60)
    with pytest.raises(LmbrainError) as refused:
        nested_ridge(features, responses, folds, [1e-9, 1.0])
    advised = float(re.search(r"penalty to (\S+) or more", str(refused.value))[1])
    nested_ridge(features, responses, folds, [advised, 1.0])


def test_targets_of_each_fold_and_bands_are_the_same_on_torch():
    features, responses, folds = problem()
    others = np.random.default_rng(5).standard_normal((folds.n_outer, *responses.shape))
    targets = [responses + other for other in others]
    options = {"bands": BANDS, "band_weights": WEIGHTS, "dtype": np.float64}
    expected = nested_ridge(features, targets.__getitem__, folds, GRID, **options)
    result = nested_ridge(features, targets.__getitem__, folds, GRID, device="cpu", **options)
    np.testing.assert_allclose(result.prediction, expected.prediction, atol=1e-9)
    np.testing.assert_array_equal(result.weighting, expected.weighting)


def test_more_features_than_samples_are_never_copied_whole(monkeypatch):
    for module in ("moments", "decomposition"):
        monkeypatch.setattr(f"lmbrain.encoding.{module}.VALUES_AT_ONCE", 2**15)
    rng = np.random.default_rng(0)
    features = rng.standard_normal((60, 100_000), dtype=np.float32)
    _, responses, folds = problem(n=60, p=1, gap=1)
    tracemalloc.start()
    nested_ridge(features, responses, folds, [1e4, 1e5])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < features.nbytes / 2
