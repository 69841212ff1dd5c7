import numpy as np
import pytest
from scipy import sparse
from scipy.signal import lfilter
from scipy.stats import binom

from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.encoding.scores import fold_correlation
from lmbrain.errors import LmbrainError
from lmbrain.inference import autocorrelation as measured
from lmbrain.inference import flips, significance
from lmbrain.inference.autocorrelation import autocorrelation
from lmbrain.inference.fits import Fit
from lmbrain.inference.resampling import block_sums, contiguous_blocks, draw_shifts
from lmbrain.inference.significance import (
    chance_test,
    fold_null,
    fold_products,
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


def fit(prediction, response, folds):
    """A fit that knows nothing of the folds left out: its scores are those of all but one."""
    per_fold = fold_correlation(prediction, response, folds)
    count = len(per_fold)
    return Fit(prediction, per_fold, (per_fold.sum(axis=0) - per_fold) / (count - 1))


SETTINGS = {"resamples": 199, "level": 0.05, "seed": 1, "minimal_shift": 5}


@pytest.mark.parametrize("method", ["flip_blocks", "circular_shift"])
def test_results_do_not_depend_on_the_chunk(monkeypatch, method):
    rng = np.random.default_rng(0)
    folds = folds_of(200)
    response, prediction = rng.standard_normal((2, 200, 30))
    people = [(response, fit(prediction, response, folds))]
    whole = chance_test(people, folds, method=method, **SETTINGS)
    monkeypatch.setattr(significance, "CHUNK", 7)
    monkeypatch.setattr(measured, "CHUNK", 7)
    monkeypatch.setattr(flips, "CHUNK", 333)
    parts = chance_test(people, folds, method=method, **SETTINGS)
    for name in ("p", "p_fwe", "q", "decay"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


@pytest.mark.parametrize("method", ["flip_blocks", "circular_shift"])
def test_a_planted_prediction_is_found_after_every_correction_and_the_rest_is_not(method):
    rng = np.random.default_rng(0)
    folds = folds_of(900)
    people = []
    signal = ar(rng, 900, 40, 0.5)
    for _ in range(3):
        response = ar(rng, 900, 40, 0.5)
        response[:, :5] += 0.7 * signal[:, :5]
        people.append((response, fit(signal, response, folds)))
    settings = SETTINGS | {"resamples": 999, "minimal_shift": 20}
    test = chance_test(people, folds, method=method, block=20, **settings)
    assert (test.p_fwe[:5] == 1 / 1000).all()
    assert (test.q[:5] < 0.01).all()
    assert (test.interval[0, :5] > 0).all()
    assert (test.p_fwe[5:] > 0.05).all()
    assert test.r_people.shape == (3, 40)
    np.testing.assert_allclose(test.r, test.r_people.mean(axis=0))


def test_each_samples_share_adds_up_to_the_mean_r_of_the_folds():
    rng = np.random.default_rng(0)
    folds = folds_of(150, 3, rng.random(150) > 0.1)
    response, prediction = rng.standard_normal((2, 150, 4))
    shares = fold_products(response, prediction, folds)
    expected = fold_correlation(prediction, response, folds).mean(axis=0)
    np.testing.assert_allclose(shares.sum(axis=0), expected, atol=1e-6)
    assert (shares[~folds.usable] == 0).all()


def test_clusters_of_a_planted_prediction_are_found():
    rng = np.random.default_rng(0)
    folds = folds_of(600)
    response, prediction = rng.standard_normal((2, 600, 30))
    response[:, 10:16] += 0.2 * prediction[:, 10:16]
    chain = sparse.diags_array([np.ones(29), np.ones(29)], offsets=[-1, 1], format="csr")
    people = [(response, fit(prediction, response, folds))]
    settings = SETTINGS | {"resamples": 999}
    test = chance_test(people, folds, method="flip_blocks", adjacency=chain, **settings)
    inside = test.p_cluster <= 0.05
    assert inside[10:16].sum() >= 4
    assert not inside[[*range(9), *range(17, 30)]].any()


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
    rng, folds = np.random.default_rng(0), folds_of(1000)
    response, prediction = ar(rng, 1000, 10, 0.95), ar(rng, 1000, 10, 0.95)
    people = [(response, fit(prediction, response, folds))]
    notes = chance_test(people, folds, method="circular_shift", **SETTINGS).notes
    assert any("costs power" in note for note in notes)
    assert any("shortest test fold" in note for note in notes)
    notes = chance_test(people, folds, method="permute_words", **SETTINGS).notes
    assert any("too small" in note for note in notes)


def test_few_blocks_say_how_small_a_p_they_can_give():
    rng, folds = np.random.default_rng(0), folds_of(120)
    response, prediction = rng.standard_normal((2, 120, 3))
    people = [(response, fit(prediction, response, folds))]
    test = chance_test(people, folds, method="flip_blocks", block=24, **SETTINGS)
    assert any("5 blocks of words can give no p below 0.03" in note for note in test.notes)


def null_cohorts(rng, coefficient, stories=12, targets=60):
    """Fits of noise by features that know nothing of it, as the pipeline makes them."""
    folds = make_folds(np.full(600, "a"), np.arange(600.0), np.ones(600, bool), 10, 5)
    for _ in range(stories):
        response = ar(rng, 600, targets, coefficient).astype(np.float32)
        features = ar(rng, 600, 12, coefficient)
        yield response, Fit.of(nested_ridge(features, response, folds, [10, 1e3, 1e5])), folds


@pytest.mark.parametrize("coefficient", [0, 0.8])
def test_fits_of_noise_are_found_as_often_as_the_level_says_at_most(coefficient):
    """The correction for what blocks share is needed: without it some 12% are below .05."""
    rng = np.random.default_rng(int(10 * coefficient))
    found, uncorrected, published = [], [], []
    for response, fitted, folds in null_cohorts(rng, coefficient):
        settings = SETTINGS | {"block": 40}
        found.append(chance_test([(response, fitted)], folds, method="flip_blocks", **settings).p)
        sums, _ = block_sums(
            fold_products(response, fitted.prediction, folds), contiguous_blocks(folds, 40)
        )
        uncorrected.append(flips.flip_test(sums, 199, 0).p)
        published.append(
            chance_test([(response, fitted)], folds, method="permute_words", **settings).p
        )
    tests = np.size(found)
    assert np.sum(np.array(found) <= 0.05) <= binom.ppf(0.9995, tests, 0.05)
    assert np.mean(np.array(uncorrected) <= 0.05) > 0.07
    assert np.mean(np.array(published) <= 0.05) > 0.1


def lacking(folds, *blocks, scattered=()):
    usable = ~np.isin(folds.block, blocks)
    usable[list(scattered)] = False
    return folds.of_person(usable)


@pytest.mark.parametrize("method", ["flip_blocks", "circular_shift", "permute_words"])
def test_what_everybody_lacks_is_as_if_it_were_not_in_the_study(method):
    rng = np.random.default_rng(0)
    folds = folds_of(300)
    own = lacking(folds, 4)
    prediction = rng.standard_normal((300, 4))
    prediction[~own.usable] = np.nan
    response = np.nan_to_num(prediction) + 3 * rng.standard_normal((300, 4))
    found = fit(prediction, response, own)
    mine = [(response, Fit(found.prediction, found.r_per_fold, found.left_out_r, own))]
    study = chance_test(mine, folds, method=method, **SETTINGS)
    alone = chance_test([(response, found)], own, method=method, **SETTINGS)
    for name in ("r_people", "r", "interval", "lag1", "decay", "p", "p_fwe", "q"):
        np.testing.assert_allclose(getattr(study, name), getattr(alone, name), rtol=1e-6)
    assert study.block == alone.block


def test_people_with_blocks_of_their_own_are_averaged_last():
    rng = np.random.default_rng(0)
    folds = folds_of(300)
    owns = [folds, lacking(folds, 3, 4), lacking(folds, scattered=(5, 77))]
    people = []
    for own in owns:
        response, prediction = rng.standard_normal((2, 300, 3))
        prediction[~own.usable] = np.nan
        found = fit(prediction, response, own)
        people.append((response, Fit(prediction, found.r_per_fold, found.left_out_r, own)))
    test = chance_test(people, folds, method="flip_blocks", **SETTINGS)
    r = [f.r_per_fold.mean(axis=0) for _, f in people]
    np.testing.assert_allclose(test.r_people, r)
    np.testing.assert_allclose(test.r, np.mean(r, axis=0))
    shares = sum(fold_products(y, f.prediction, f.folds) for y, f in people)
    np.testing.assert_allclose(shares.sum(axis=0) / 3, test.r, atol=1e-6)


def test_a_person_who_lacks_words_gets_the_study_s_orders_of_the_others():
    rng = np.random.default_rng(0)
    folds = folds_of(90, 3)
    own = lacking(folds, scattered=(3, 40))
    y, x = rng.standard_normal((2, 90, 4))
    x[~own.usable] = np.nan
    null = permutation_null(y, x, own, 5, 7, folds)
    generator = np.random.default_rng(7)
    orders = [[generator.permutation(30) + 30 * k for _ in range(5)] for k in range(3)]
    for resample in range(5):
        mixed = np.full(x.shape, np.nan)
        for k in range(3):
            drawn = orders[k][resample]
            mixed[own.test(k)] = x[drawn[own.usable[drawn]]]
        expected = fold_correlation(mixed, y, own).mean(axis=0)
        np.testing.assert_allclose(null[resample], expected, atol=1e-6)
