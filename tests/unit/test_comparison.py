import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binom

from lmbrain.encoding.folds import Folds, make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.errors import LmbrainError
from lmbrain.inference import comparison
from lmbrain.inference.comparison import (
    block_interval,
    compare_models,
    loss_difference,
    response_energy,
    sign_flip_people,
    window_gains,
    word_improvement,
)
from lmbrain.inference.fits import Fit
from lmbrain.inference.flips import flip_test
from lmbrain.inference.resampling import block_sums, blocks_to_flip, contiguous_blocks


def folds_of(n, outer=4, usable=None):
    usable = np.ones(n, bool) if usable is None else usable
    return make_folds(np.full(n, "a"), np.arange(n), usable, outer, 0.0)


def ar(rng, n, t, coefficient):
    noise = rng.standard_normal((n + 100, t))
    return lfilter([1], [1, -coefficient], noise, axis=0)[100:]


def test_loss_is_in_units_of_the_training_variance():
    rng = np.random.default_rng(0)
    usable = rng.random(80) > 0.1
    folds = folds_of(80, 4, usable)
    y, base, tuned = 1e-12 * rng.standard_normal((3, 80, 5))
    difference = loss_difference(y, base, tuned, folds)
    for row in np.flatnonzero(usable):
        variance = y[usable & (folds.block != folds.block[row])].var(axis=0)
        expected = ((y[row] - base[row]) ** 2 - (y[row] - tuned[row]) ** 2) / variance
        np.testing.assert_allclose(difference[row], expected, rtol=1e-4, atol=1e-5)
    assert np.isnan(difference[~usable]).all()


def test_a_missing_prediction_is_named():
    y, base, tuned = np.random.default_rng(0).standard_normal((3, 40, 2))
    tuned[7] = np.nan
    with pytest.raises(LmbrainError, match="Sample 7"):
        loss_difference(y, base, tuned, folds_of(40))


def test_an_interval_of_equal_blocks_is_a_point():
    interval = block_interval(np.full((6, 1), 4.0), np.full(6, 2), 100, 0)
    np.testing.assert_allclose(interval, 2.0)


@pytest.mark.parametrize("block", [50, 100])
def test_block_intervals_cover_the_truth_as_often_as_they_say(block):
    folds, rng = folds_of(1000), np.random.default_rng(2)
    difference = ar(rng, 1000, 1000, 0.8) + 0.2
    low, high = block_interval(*block_sums(difference, contiguous_blocks(folds, block)), 999, 0)
    covered = ((low <= 0.2) & (high >= 0.2)).mean()
    assert 0.92 <= covered <= 0.98


SETTINGS = {"resamples": 999, "level": 0.05, "seed": 0, "block": 40}


def cohort(rng, folds, effect, targets=60, penalties=(10.0, 1e3, 1e5), features=10):
    """Responses to two feature spaces alike, but for what `effect` gives the second alone."""
    n = len(folds.block)
    first, second = ar(rng, n, features, 0.5), ar(rng, n, features, 0.5)
    weights = rng.standard_normal((2, features, targets))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    response = ar(rng, n, targets, 0.5) + 0.25 * (first @ weights[0] + second @ weights[1])
    response += effect * second @ weights[1]
    response = response.astype(np.float32)
    base, tuned = (Fit.of(nested_ridge(x, response, folds, penalties)) for x in (first, second))
    return response, base, tuned


def test_a_better_model_is_found_and_the_effect_is_the_difference_in_r():
    folds = make_folds(np.full(800, "a"), np.arange(800.0), np.ones(800, bool), 10, 5)
    person = cohort(np.random.default_rng(0), folds, 0.8)
    result = compare_models([person, person], folds, **SETTINGS)
    _, base, tuned = person
    gain = (tuned.r_per_fold - base.r_per_fold).mean(axis=0)
    np.testing.assert_allclose(result.r_gain, gain, atol=1e-6)
    assert (result.p_fwe <= 0.05).mean() > 0.9
    assert (result.interval[0] > 0).mean() > 0.9
    assert (result.error_interval[0] > 0).mean() > 0.9
    assert (result.q >= result.p).all()
    windows = window_gains(result, [np.arange(60) < 30, np.arange(60) >= 30])
    np.testing.assert_allclose(windows.effect, [gain[:30].mean(), gain[30:].mean()], atol=1e-6)
    assert (windows.p_corrected >= windows.p).all()
    assert (windows.p_corrected < 0.001).all()


def test_equal_predictions_never_differ():
    folds = make_folds(np.full(300, "a"), np.arange(300.0), np.ones(300, bool), 5, 5)
    response, base, _ = cohort(np.random.default_rng(0), folds, 0.0)
    settings = {key: value for key, value in SETTINGS.items() if key != "block"}
    result = compare_models([(response, base, base)], folds, **settings)
    assert (result.r_gain == 0).all()
    assert (result.p >= 0.5).all()
    assert (result.p_fwe == 1).all()


def test_of_two_equally_good_models_one_is_found_better_no_more_often_than_the_level_says():
    """Flips of the paired losses alone find one of them in some 10%: they keep the fits."""
    folds = make_folds(np.full(600, "a"), np.arange(600.0), np.ones(600, bool), 10, 5)
    found, flipped = [], []
    for seed in range(12):
        person = cohort(np.random.default_rng(seed), folds, 0.0, 100, (1e4, 1e5))
        found.append(compare_models([person], folds, **SETTINGS).p)
        response, base, tuned = person
        difference = loss_difference(response, base.prediction, tuned.prediction, folds)
        sums, _ = block_sums(difference, contiguous_blocks(folds, 40))
        flipped.append(flip_test(sums, 999, seed).p)
    assert np.sum(np.array(found) <= 0.05) <= binom.ppf(0.9995, np.size(found), 0.05)
    assert np.mean(np.array(flipped) <= 0.05) > 0.075


def test_the_published_permutation_keeps_the_effect_and_says_what_it_ignores():
    folds = make_folds(np.full(400, "a"), np.arange(400.0), np.ones(400, bool), 5, 5)
    person = cohort(np.random.default_rng(0), folds, 0.8, targets=10)
    settings = SETTINGS | {"resamples": 99}
    blocks = compare_models([person], folds, **settings)
    words = compare_models([person], folds, unit="words", **settings)
    np.testing.assert_array_equal(words.r_gain, blocks.r_gain)
    assert (words.p == 1 / 100).mean() > 0.5
    assert "are ignored" in words.notes[0]


def test_improvement_of_words_is_the_mean_over_the_targets_picked():
    y, base, tuned = np.random.default_rng(0).standard_normal((3, 400, 10))
    targets = np.arange(10) < 4
    improvement = word_improvement(y, base, tuned, folds_of(400), targets)
    expected = loss_difference(y, base, tuned, folds_of(400))[:, :4].mean(axis=1)
    np.testing.assert_allclose(improvement, expected, atol=1e-6)
    with pytest.raises(LmbrainError, match="window"):
        word_improvement(y, base, tuned, folds_of(400), np.zeros(10, bool))


def test_across_people_the_floor_is_reached_and_said():
    effects = np.array([[1.0], [2.0], [0.5], [1.5]])
    result = sign_flip_people(effects, 999, 0)
    assert result.p == pytest.approx(1 / 16)
    assert "0.062" in result.notes[0]
    with pytest.raises(LmbrainError, match="at least two"):
        sign_flip_people(effects[:1], 999, 0)


def test_too_few_blocks_are_refused():
    folds = folds_of(40)
    two = Folds(folds.block // 2, folds.position, folds.story, folds.run, 0.0)
    with pytest.raises(LmbrainError, match="only 2 to flip"):
        blocks_to_flip(two, 100)


def test_few_folds_are_noted():
    folds = make_folds(np.full(300, "a"), np.arange(300.0), np.ones(300, bool), 3, 5)
    person = cohort(np.random.default_rng(0), folds, 0.0, targets=4)
    assert any("folds.outer" in n for n in compare_models([person], folds, **SETTINGS).notes)


def test_results_do_not_depend_on_the_chunk(monkeypatch):
    folds = make_folds(np.full(300, "a"), np.arange(300.0), np.ones(300, bool), 5, 5)
    person = cohort(np.random.default_rng(0), folds, 0.2, targets=20)
    whole = compare_models([person], folds, **SETTINGS)
    monkeypatch.setattr(comparison, "CHUNK", 7)
    parts = compare_models([person], folds, **SETTINGS)
    np.testing.assert_allclose(whole.error_interval, parts.error_interval)


def test_energy_of_words_is_in_training_variances():
    folds, rng = folds_of(80, 4), np.random.default_rng(0)
    y, targets = 3 + 1e-12 * rng.standard_normal((80, 5)), np.arange(5) < 3
    energy = response_energy(y, folds, targets)
    train = y[folds.block != folds.block[7]][:, :3]
    expected = (((y[7, :3] - train.mean(axis=0)) / train.std(axis=0)) ** 2).mean()
    assert energy[7] == pytest.approx(expected)


@pytest.mark.parametrize("unit", ["blocks", "words"])
def test_what_everybody_lacks_is_as_if_it_were_not_compared(unit):
    folds = folds_of(500, 10)
    own = folds.of_person(folds.block != 9)
    response, base, tuned = cohort(np.random.default_rng(0), own, 0.3, 5)
    hers = (Fit(f.prediction, f.r_per_fold, f.left_out_r, own) for f in (base, tuned))
    settings = SETTINGS | {"unit": unit, "resamples": 199}
    study = compare_models([(response, *hers)], folds, **settings)
    alone = compare_models([(response, base, tuned)], own, **settings)
    for name in ("r_gain", "interval", "p", "p_fwe", "q", "error_gain", "error_interval"):
        np.testing.assert_allclose(getattr(study, name), getattr(alone, name), rtol=1e-5)
    windows = [window_gains(found, [np.arange(5) < 3]) for found in (study, alone)]
    np.testing.assert_allclose(windows[0].p, windows[1].p, rtol=1e-5)


def test_gains_of_people_who_lack_words_are_averaged_last():
    folds = folds_of(500, 10)
    people = []
    for seed, usable in enumerate((folds.block >= 0, folds.block < 5, np.arange(500) % 50 != 7)):
        own = folds.of_person(usable)
        response, *fits = cohort(np.random.default_rng(seed), own, 0.3, 5)
        fits = (Fit(f.prediction, f.r_per_fold, f.left_out_r, own) for f in fits)
        people.append((response, *fits))
    found = compare_models(people, folds, **SETTINGS)
    gains = [(tuned.r_per_fold - base.r_per_fold).mean(axis=0) for _, base, tuned in people]
    np.testing.assert_allclose(found.r_gain, np.mean(gains, axis=0), atol=1e-6)
    losses = [
        np.nanmean(loss_difference(y, base.prediction, tuned.prediction, base.folds), axis=0)
        for y, base, tuned in people
    ]
    np.testing.assert_allclose(found.error_gain, np.mean(losses, axis=0), atol=1e-5)
    assert (found.error_interval[0] < found.error_gain).all()
    assert (found.error_interval[1] > found.error_gain).all()
    assert 5 < found.blocks < 10
