import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binom

from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.scores import fold_correlation
from lmbrain.errors import LmbrainError
from lmbrain.inference import significance
from lmbrain.inference.resampling import draw_shifts
from lmbrain.inference.significance import (
    autocorrelation,
    chance_test,
    fold_null,
    p_values,
    permutation_null,
)


def folds_of(n, outer=5, usable=None):
    usable = np.ones(n, bool) if usable is None else usable
    return make_folds(np.full(n, "a"), np.arange(n), usable, outer, 0.0)


def ar(rng, n, t, coefficient):
    noise = rng.standard_normal((n + 100, t))
    return lfilter([1], [1, -coefficient], noise, axis=0)[100:]


def test_null_of_circular_shifts_matches_rolling_by_hand():
    rng = np.random.default_rng(0)
    usable = rng.random(150) > 0.1
    folds = folds_of(150, 3, usable)
    y, x = rng.standard_normal((2, 150, 4))
    y[~usable], x[~usable] = 0, np.nan
    shifts = draw_shifts(folds, 20, 3, 0)
    null = fold_null(y, x, folds, shifts)
    expected = np.empty((20, 4))
    for resample in range(20):
        rolled = x.copy()
        for fold in range(3):
            rows = np.flatnonzero(folds.test(fold))
            rolled[rows] = np.roll(x[rows], shifts[fold, resample], axis=0)
        expected[resample] = fold_correlation(rolled, y, folds).mean(axis=0)
    np.testing.assert_allclose(null, expected - expected.mean(axis=0), atol=1e-6)


def test_null_of_permuted_words_matches_permuting_by_hand():
    rng = np.random.default_rng(0)
    folds = folds_of(90, 3)
    y, x = rng.standard_normal((2, 90, 4))
    null = permutation_null(y, x, folds, 5, 7)
    generator = np.random.default_rng(7)
    orders = [[generator.permutation(30) for _ in range(5)] for _ in range(3)]
    for resample in range(5):
        mixed = np.concatenate([x[30 * k : 30 * k + 30][orders[k][resample]] for k in range(3)])
        expected = fold_correlation(mixed, y, folds).mean(axis=0)
        np.testing.assert_allclose(null[resample], expected, atol=1e-6)


def test_results_do_not_depend_on_the_chunk(monkeypatch):
    rng = np.random.default_rng(0)
    folds = folds_of(200)
    pair = tuple(rng.standard_normal((2, 200, 30)))
    settings = {"resamples": 199, "minimal_shift": 5, "level": 0.05, "seed": 1}
    whole = chance_test([pair], folds, method="circular_shift", **settings)
    monkeypatch.setattr(significance, "CHUNK", 7)
    parts = chance_test([pair], folds, method="circular_shift", **settings)
    for name in ("p", "p_fwe", "q", "decay"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_a_planted_prediction_is_found_after_every_correction_and_the_rest_is_not():
    rng = np.random.default_rng(0)
    folds = folds_of(600)
    people = []
    signal = ar(rng, 600, 40, 0.5)
    for _ in range(3):
        response = ar(rng, 600, 40, 0.5)
        response[:, :5] += 0.5 * signal[:, :5]
        people.append((response, signal))
    test = chance_test(
        people,
        folds,
        method="circular_shift",
        resamples=999,
        minimal_shift=20,
        level=0.05,
        seed=0,
    )
    assert (test.p_fwe[:5] == 1 / 1000).all()
    assert (test.q[:5] < 0.01).all()
    assert (test.p_fwe[5:] > 0.05).all()
    assert test.r_people.shape == (3, 40)
    np.testing.assert_allclose(test.r, test.r_people.mean(axis=0))


def test_a_constant_prediction_has_no_correlation_and_p_one():
    rng = np.random.default_rng(0)
    folds = folds_of(100)
    y, x = rng.standard_normal((100, 2)), np.ones((100, 2))
    null = fold_null(y, x, folds, draw_shifts(folds, 99, 3, 0))
    assert (p_values(fold_correlation(x, y, folds).mean(axis=0), null)[0] == 1).all()


def test_a_missing_prediction_is_refused():
    y, x = np.random.default_rng(0).standard_normal((2, 100, 2))
    x[50, 1] = np.nan
    folds = folds_of(100)
    with pytest.raises(LmbrainError, match="finite"):
        fold_null(y, x, folds, draw_shifts(folds, 99, 3, 0))


def test_autocorrelation_of_ar1_noise_is_measured():
    response = ar(np.random.default_rng(0), 20000, 20, 0.8)
    lag1, decay = autocorrelation(response, folds_of(20000))
    np.testing.assert_allclose(lag1, 0.8, atol=0.03)
    # 0.8**13 = .055, 0.8**14 = .044
    assert 11 <= np.median(decay) <= 16


def test_autocorrelation_longer_than_the_minimal_shift_is_said():
    rng = np.random.default_rng(0)
    pair = ar(rng, 1000, 10, 0.95), ar(rng, 1000, 10, 0.95)
    settings = {"method": "circular_shift", "resamples": 999, "level": 0.05, "seed": 0}
    notes = chance_test([pair], folds_of(1000), minimal_shift=5, **settings).notes
    assert any("costs power" in note for note in notes)
    assert any("shortest test fold" in note for note in notes)
    settings["method"] = "permute_words"
    notes = chance_test([pair], folds_of(1000), minimal_shift=5, **settings).notes
    assert any("too small" in note for note in notes)


def false_positives(method, cohorts, targets=8):
    """Number of targets with p <= .05 where predictions know nothing of the responses."""
    folds, hits = folds_of(1000), 0
    for cohort in range(cohorts):
        rng = np.random.default_rng([cohort, 5])
        response, prediction = ar(rng, 1000, targets, 0.8), ar(rng, 1000, targets, 0.8)
        if method == "circular_shift":
            null = fold_null(response, prediction, folds, draw_shifts(folds, 199, 20, cohort))
        else:
            null = permutation_null(response, prediction, folds, 199, cohort)
        r = fold_correlation(prediction, response, folds).mean(axis=0)
        hits += int((p_values(r, null)[0] <= 0.05).sum())
    return hits, cohorts * targets


def test_circular_shifts_are_calibrated_on_autocorrelated_noise():
    hits, tests = false_positives("circular_shift", cohorts=200)
    low, high = binom.ppf([0.0005, 0.9995], tests, 0.05)
    assert low <= hits <= high


def test_permuting_words_finds_too_much_in_autocorrelated_noise():
    hits, tests = false_positives("permute_words", cohorts=30)
    assert hits / tests > 0.12
