import itertools

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binom

from lmbrain.encoding.folds import make_folds
from lmbrain.errors import LmbrainError
from lmbrain.inference import comparison
from lmbrain.inference.comparison import (
    block_interval,
    compare_models,
    loss_difference,
    sign_flip_blocks,
    sign_flip_people,
    word_improvement,
)
from lmbrain.inference.resampling import block_sums, contiguous_blocks


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


def test_all_flips_of_few_blocks_match_the_definition():
    rng = np.random.default_rng(0)
    folds = folds_of(64, 4)
    difference = rng.standard_normal((64, 3)) + 0.3
    result = sign_flip_blocks(difference, 8, folds, 1000, 0)
    sums, _ = block_sums(difference, contiguous_blocks(folds, 8))
    assert result.units == 8
    z = sums / np.sqrt((sums**2).sum(axis=0))
    null = np.array([np.array(s) @ z for s in itertools.product([1, -1], repeat=8)])
    np.testing.assert_allclose(result.p, (null >= z.sum(axis=0) - 1e-9).mean(axis=0))
    maxima = null.max(axis=1)[:, None]
    np.testing.assert_allclose(result.p_fwe, (maxima >= z.sum(axis=0) - 1e-9).mean(axis=0))
    np.testing.assert_allclose(result.effect, difference.mean(axis=0))


def test_results_do_not_depend_on_the_chunk(monkeypatch):
    difference = np.random.default_rng(0).standard_normal((200, 40)) + 0.1
    whole = sign_flip_blocks(difference, 5, folds_of(200), 500, 0)
    monkeypatch.setattr(comparison, "CHUNK", 7)
    parts = sign_flip_blocks(difference, 5, folds_of(200), 500, 0)
    np.testing.assert_array_equal(whole.p, parts.p)
    np.testing.assert_array_equal(whole.p_fwe, parts.p_fwe)
    np.testing.assert_allclose(whole.interval, parts.interval)


def test_flips_of_blocks_are_calibrated_on_autocorrelated_differences_and_flips_of_words_not():
    folds, rng = folds_of(1000), np.random.default_rng(1)
    difference = ar(rng, 1000, 1000, 0.8)
    low, high = binom.ppf([0.0005, 0.9995], 1000, 0.05)
    assert low <= (sign_flip_blocks(difference, 50, folds, 999, 0).p <= 0.05).sum() <= high
    assert (sign_flip_blocks(difference, 1, folds, 999, 0).p <= 0.05).mean() > 0.15


def test_blocks_shorter_than_the_autocorrelation_are_said():
    difference = ar(np.random.default_rng(0), 1000, 20, 0.8)
    assert "evaluation.block" in sign_flip_blocks(difference, 10, folds_of(1000), 999, 0).notes[0]
    assert sign_flip_blocks(difference, 60, folds_of(1000), 999, 0).notes == []


@pytest.mark.parametrize("block", [50, 100])
def test_intervals_cover_the_truth_as_often_as_they_say(block):
    folds, rng = folds_of(1000), np.random.default_rng(2)
    difference = ar(rng, 1000, 1000, 0.8) + 0.2
    low, high = sign_flip_blocks(difference, block, folds, 999, 0).interval
    covered = ((low <= 0.2) & (high >= 0.2)).mean()
    assert 0.92 <= covered <= 0.98


def test_an_interval_of_equal_blocks_is_a_point():
    interval = block_interval(np.full((6, 1), 4.0), np.full(6, 2), 100, 0)
    np.testing.assert_allclose(interval, 2.0)


def people_with_better_tuned(rng, n=400, t=10, people=3):
    signal = rng.standard_normal((n, t))
    for _ in range(people):
        response = ar(rng, n, t, 0.5)
        response[:, :2] += 0.5 * signal[:, :2]
        base = 0.1 * rng.standard_normal((n, t))
        yield response, base, base + 0.4 * signal * (np.arange(t) < 2)


def test_a_better_model_is_found_where_it_is_better_and_equal_predictions_never():
    people = list(people_with_better_tuned(np.random.default_rng(0)))
    result, effects = compare_models(
        people, folds_of(400), unit="blocks", block=20, resamples=999, seed=0
    )
    assert (result.p_fwe[:2] <= 0.01).all()
    assert (result.interval[0, :2] > 0).all()
    assert (result.p[2:] == 1).all()
    np.testing.assert_allclose(effects.mean(axis=0), result.effect, atol=1e-6)


def test_the_published_permutation_keeps_the_effect_and_says_what_it_ignores():
    people = list(people_with_better_tuned(np.random.default_rng(0)))
    blocks, _ = compare_models(people, folds_of(400), unit="blocks", block=20, resamples=99, seed=0)
    words, _ = compare_models(people, folds_of(400), unit="words", block=20, resamples=99, seed=0)
    np.testing.assert_allclose(words.effect, blocks.effect)
    assert (words.p[:2] == 1 / 100).all()
    assert "autocorrelation is ignored" in words.notes[0]


def test_improvement_of_words_is_the_mean_over_the_targets_picked():
    people = list(people_with_better_tuned(np.random.default_rng(0)))
    targets = np.arange(10) < 4
    improvement = word_improvement(people, folds_of(400), targets)
    expected = loss_difference(*people[1], folds_of(400))[:, :4].mean(axis=1)
    np.testing.assert_allclose(improvement[1], expected, atol=1e-6)
    with pytest.raises(LmbrainError, match="window"):
        word_improvement(people, folds_of(400), np.zeros(10, bool))


def test_across_people_the_floor_is_reached_and_said():
    effects = np.array([[1.0], [2.0], [0.5], [1.5]])
    result = sign_flip_people(effects, 999, 0)
    assert result.p == pytest.approx(1 / 16)
    assert "0.062" in result.notes[0]
    with pytest.raises(LmbrainError, match="at least two"):
        sign_flip_people(effects[:1], 999, 0)


def test_too_few_blocks_are_refused():
    with pytest.raises(LmbrainError, match=r"evaluation\.block"):
        sign_flip_blocks(np.ones((40, 1)), 100, folds_of(40), 99, 0)
