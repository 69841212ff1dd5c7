import numpy as np
import pytest
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


def brute_fit(features, responses, train, test, penalty):
    """Scikit-learn ridge, everything standardised on the training samples."""
    mean, sd = features[train].mean(0), features[train].std(0)
    keep = sd > 1e-9
    x = (features[:, keep] - mean[keep]) / sd[keep]
    centre, scale = responses[train].mean(0), responses[train].std(0)
    if not keep.any():
        return np.tile(centre, (test.sum(), 1))
    model = Ridge(alpha=penalty).fit(x[train], (responses[train] - centre) / scale)
    return model.predict(x[test]).reshape(test.sum(), -1) * scale + centre


def brute_nested(features, targets, folds, grid, penalty_per):
    """Explicit loops over outer folds, inner folds and penalties."""
    n_targets = targets(0).shape[1]
    prediction = np.full((len(features), n_targets), np.nan)
    penalty = np.zeros((folds.n_outer, n_targets))
    validation_r = np.zeros((folds.n_outer, n_targets))
    for outer in range(folds.n_outer):
        truth = targets(outer)
        r2, r = np.zeros((2, len(grid), n_targets))
        inner_folds = [j for j in range(folds.n_outer) if j != outer]
        for inner in inner_folds:
            train, test = folds.train(outer, inner), folds.score(inner, outer)
            baseline = truth[train].mean(0)
            for a, value in enumerate(grid):
                guess = brute_fit(features, truth, train, test, value)
                error = ((truth[test] - guess) ** 2).sum(0)
                r2[a] += 1 - error / ((truth[test] - baseline) ** 2).sum(0)
                for t in range(n_targets):
                    if np.ptp(guess[:, t]) > 0:
                        r[a, t] += np.corrcoef(guess[:, t], truth[test, t])[0, 1]
        best = r2.argmax(0)
        if penalty_per == "all":
            best = np.full(n_targets, r2.mean(1).argmax())
        penalty[outer] = np.array(grid)[best]
        validation_r[outer] = r[best, np.arange(n_targets)] / len(inner_folds)
        train, test = folds.train(outer), folds.test(outer)
        for t in range(n_targets):
            column = brute_fit(features, truth[:, [t]], train, test, penalty[outer, t])
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
}


@pytest.mark.parametrize("penalty_per", ["target", "all"])
@pytest.mark.parametrize("case", CASES)
def test_equals_scikit_learn_in_explicit_loops(case, penalty_per):
    features, responses, folds = problem(**CASES[case])
    result = nested_ridge(features, responses, folds, GRID, penalty_per, dtype=np.float64)
    expected = brute_nested(features, lambda k: responses, folds, GRID, penalty_per)
    np.testing.assert_allclose(result.prediction, expected[0], atol=1e-6, rtol=1e-6)
    if case != "no feature":  # there all penalties are equal
        np.testing.assert_array_equal(result.penalty, expected[1])
    np.testing.assert_allclose(result.validation_r, expected[2], atol=1e-6)


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
    before = nested_ridge(features, responses, folds, GRID)
    test = folds.test(1)
    responses[test] += 100
    after = nested_ridge(features, responses, folds, GRID)
    np.testing.assert_array_equal(after.prediction[test], before.prediction[test])
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
