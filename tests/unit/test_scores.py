import numpy as np
import pytest
from scipy.signal import lfilter

from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.encoding.scores import (
    fold_correlation,
    pearson,
    r2_score,
    squared_error,
    unit_columns,
)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def line_folds(n, outer=5, gap=0):
    return make_folds(np.array(["story"] * n), np.arange(n), np.ones(n, bool), outer, gap)


def test_pearson_is_numpys(rng):
    a, b = rng.standard_normal((2, 40, 3, 2))
    expected = [[np.corrcoef(a[:, i, j], b[:, i, j])[0, 1] for j in range(2)] for i in range(3)]
    np.testing.assert_allclose(pearson(a, b), expected, atol=1e-12)


def test_pearson_keeps_responses_in_tesla_and_offsets_in_float32(rng):
    a, b = rng.standard_normal((2, 200, 4))
    expected = pearson(a, b)
    tiny = (b * 1e-25).astype(np.float32)
    shifted = (b + 1000).astype(np.float32)
    np.testing.assert_allclose(pearson(a, tiny), expected, atol=1e-5)
    np.testing.assert_allclose(pearson(a, shifted), expected, atol=1e-3)


def test_a_constant_side_correlates_zero(rng):
    constant = np.full((50, 1), 0.1, np.float32)
    assert pearson(constant, rng.standard_normal((50, 1))) == 0
    assert (unit_columns(constant) == 0).all()


def test_r2_and_error_against_explicit_loops(rng):
    folds = line_folds(60, outer=3)
    truth, prediction = rng.standard_normal((2, 60, 4)) + 2
    mean, sd = rng.standard_normal((3, 4)), rng.uniform(0.5, 2, (3, 4))
    error = squared_error(prediction, truth, folds, sd)
    for k in range(3):
        rows = folds.test(k)
        r2 = r2_score(prediction[rows], truth[rows], mean[k])
        for t in range(4):
            left = ((truth[rows, t] - prediction[rows, t]) ** 2).sum()
            total = ((truth[rows, t] - mean[k, t]) ** 2).sum()
            assert r2[t] == pytest.approx(1 - left / total)
        expected = ((truth[rows] - prediction[rows]) / sd[k]) ** 2
        np.testing.assert_allclose(error[rows], expected, rtol=1e-5)


def test_samples_in_no_fold_have_no_error(rng):
    usable = np.ones(60, bool)
    usable[5] = False
    folds = make_folds(np.array(["story"] * 60), np.arange(60), usable, 3, 0)
    values = rng.standard_normal((60, 2))
    error = squared_error(values, values, folds, np.ones((3, 2)))
    assert np.isnan(error[5]).all()
    assert (error[usable] == 0).all()


def test_autocorrelated_noise_scores_zero_within_folds_and_not_when_pooled(rng):
    """Under strong shrinkage a prediction is nearly its training mean, against the test mean."""
    noise = lfilter([1], [1, -0.8], rng.standard_normal((1000, 300)), axis=0)
    features = rng.standard_normal((1000, 5))
    folds = line_folds(1000, outer=10)
    result = nested_ridge(features, noise, folds, [1e7, 1e8])
    within = fold_correlation(result.prediction, noise, folds).mean()
    pooled = pearson(result.prediction, noise).mean()
    assert abs(within) < 0.01
    assert pooled < -0.15
