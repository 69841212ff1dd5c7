import numpy as np
import pytest
from scipy.signal import periodogram

from lmbrain.calibration.cohorts import (
    Plan,
    cleared,
    cohort_noise,
    fit,
    generator,
    make_story,
    part,
    planted_signal,
)
from lmbrain.calibration.noise import AUTOREGRESSIVE, KINDS, neighbours, noise
from lmbrain.encoding.scores import fold_correlation
from lmbrain.errors import LmbrainError

PLAN = Plan(words=300, stories=1, cohorts=2, features=8, folds=5, gap=5.0, resamples=99)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_variance_1(kind):
    values = noise(kind, 2000, 400, np.random.default_rng(0))
    assert np.mean(values**2) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("kind", "coefficient"), AUTOREGRESSIVE.items())
def test_autoregressive_noise_has_its_coefficient_from_the_first_sample_on(kind, coefficient):
    values = noise(kind, 300, 2000, np.random.default_rng(0))
    assert np.mean(values[1:] * values[:-1]) == pytest.approx(coefficient, abs=0.02)
    assert np.mean(values[1] * values[0]) == pytest.approx(coefficient, abs=0.08)


def test_one_over_f_noise_falls_as_1_over_f():
    values = noise("one_over_f", 4096, 300, np.random.default_rng(0))
    frequency, density = periodogram(values, axis=0, window="hann", detrend="linear")
    inside = (frequency > 0.005) & (frequency < 0.2)
    slope = np.polyfit(np.log(frequency[inside]), np.log(density[inside].mean(axis=1)), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)


def test_drift_is_slower_than_the_story_is_short():
    values = noise("drift", 1000, 400, np.random.default_rng(0))
    frequency, density = periodogram(values, axis=0)
    slow = density[frequency <= 0.004].sum() / density.sum()
    assert slow > 0.4


def test_an_unknown_kind_is_refused():
    with pytest.raises(LmbrainError, match="no noise 'pink'"):
        noise("pink", 10, 1, np.random.default_rng(0))


def test_neighbours_are_correlated_by_their_distance():
    values = noise("ar0", 40_000, 5, np.random.default_rng(0)) @ neighbours(5, 0.6)
    place = np.arange(5)
    expected = 0.6 ** np.abs(place[:, None] - place)
    np.testing.assert_allclose(np.corrcoef(values.T), expected, atol=0.03)


def test_cohorts_are_independent_and_their_targets_correlated():
    values = cohort_noise("ar0", 20_000, 2, 3, np.random.default_rng(0))
    r = np.corrcoef(values.T)
    np.testing.assert_allclose(r[:3, 3:], 0, atol=0.03)
    assert r[0, 1] == pytest.approx(0.6, abs=0.03)


def test_generators_depend_on_every_label_and_on_nothing_else():
    draws = [
        generator(*labels).random()
        for labels in ((1, "a", 2), (1, "a", 3), (1, "b", 2), (2, "a", 2))
    ]
    assert len(set(draws)) == 4
    assert generator(1, "a", 2).random() == draws[0]


def test_a_planted_signal_is_predicted_by_its_model_and_by_no_other():
    rng = np.random.default_rng(0)
    story = make_story(PLAN, rng)
    signal = cleared(planted_signal(story.base, 4, rng), story.folds)
    assert fit(story.base, signal, story.folds).r_per_fold.mean() > 0.98
    assert abs(fit(story.other, signal, story.folds).r_per_fold.mean()) < 0.2


def test_a_part_of_a_fit_is_the_fit_of_these_targets():
    rng = np.random.default_rng(0)
    story = make_story(PLAN, rng)
    responses = cleared(planted_signal(story.base, 6, rng), story.folds)
    some = part(fit(story.base, responses, story.folds), slice(2, 4))
    scores = fold_correlation(some.prediction, responses[:, 2:4], story.folds)
    np.testing.assert_allclose(some.r_per_fold, scores, atol=1e-4)
    assert some.left_out_r.shape == (5, 2)
