import numpy as np
import pytest

from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.encoding.scores import fold_correlation
from lmbrain.errors import LmbrainError
from lmbrain.meg.denoising import cross_subject_prediction, denoised_targets

# Of float32, where held-out values are large; a leak of such values is thousands of times it.
ROUNDING = 1e-4
GRID = [10.0, 1000.0]


def cohort(n=240, sensors=6, times=2, people=3, noise=1.0, seed=0):
    """People whose sensors mix the same three sources, each in their own way."""
    rng = np.random.default_rng(seed)
    sources = rng.standard_normal((n, 3, times))
    mixed = [
        np.einsum("nqt,qs->nst", sources, rng.standard_normal((3, sensors))) for _ in range(people)
    ]
    recordings = [(m + noise * rng.standard_normal(m.shape)).astype(np.float32) for m in mixed]
    usable = rng.random(n) > 0.05
    folds = make_folds(np.array(["story"] * n), np.arange(n), usable, 4, 3)
    return recordings, mixed, folds


def test_held_out_prediction_is_the_mean_of_nested_ridges_over_the_others():
    people, _, folds = cohort()
    prediction = cross_subject_prediction(people[0], people[1:], folds, GRID)
    fits = [
        nested_ridge(other[:, :, 1], people[0][:, :, 1], folds, GRID).prediction
        for other in people[1:]
    ]
    np.testing.assert_allclose(prediction[:, :, 1], np.mean(fits, axis=0), atol=1e-6)
    assert np.isnan(prediction[~folds.usable]).all()


def test_it_recovers_the_shared_response_better_than_the_recording_does():
    people, shared, folds = cohort(noise=2.0)
    prediction = cross_subject_prediction(people[0], people[1:], folds, GRID)
    own = fold_correlation(people[0], shared[0], folds).mean()
    assert fold_correlation(prediction, shared[0], folds).mean() > own


@pytest.mark.parametrize("whose", ["target", "others"])
def test_no_test_word_enters_the_training_values_of_its_outer_fold(whose):
    people, _, folds = cohort()
    before = denoised_targets(people[0], people[1:], folds, GRID)
    outer = 2
    test, train = folds.test(outer), folds.train(outer)
    rng = np.random.default_rng(9)
    changed = [person.copy() for person in people]
    for person in changed[:1] if whose == "target" else changed[1:]:
        person[test] = 50 * rng.standard_normal(person[test].shape)
    after = denoised_targets(changed[0], changed[1:], folds, GRID)
    np.testing.assert_allclose(after(outer)[train], before(outer)[train], atol=ROUNDING)
    if whose == "target":  # the fit is unchanged, so what it says of the test words is, too
        np.testing.assert_allclose(after(outer)[test], before(outer)[test], atol=ROUNDING)
    change = after(0)[folds.train(0)] - before(0)[folds.train(0)]
    assert np.abs(change).max() > 100 * ROUNDING


def test_training_values_are_cross_fitted():
    """A training word's own response must not enter its denoised value, but for the penalty."""
    people, _, folds = cohort()
    before = denoised_targets(people[0], people[1:], folds, [100.0])
    changed = people[0].copy()
    block = folds.test(3)
    changed[block] += 50 * np.random.default_rng(1).standard_normal(changed[block].shape)
    after = denoised_targets(changed, people[1:], folds, [100.0])
    scored = folds.score(3, 0)
    np.testing.assert_allclose(after(0)[scored], before(0)[scored], atol=ROUNDING)
    change = after(0)[folds.score(1, 0)] - before(0)[folds.score(1, 0)]
    assert np.abs(change).max() > 100 * ROUNDING


def test_values_exist_exactly_for_the_samples_of_the_outer_fold():
    people, _, folds = cohort()
    targets = denoised_targets(people[0], people[1:], folds, GRID)
    held_out = cross_subject_prediction(people[0], people[1:], folds, GRID)
    for outer in range(folds.n_outer):
        used = folds.train(outer) | folds.test(outer)
        np.testing.assert_array_equal(np.isfinite(targets(outer)).all(axis=(1, 2)), used)
        test = folds.test(outer)
        np.testing.assert_allclose(targets(outer)[test], held_out[test], atol=1e-6)


def test_an_encoding_model_takes_the_targets():
    people, shared, folds = cohort()
    targets = denoised_targets(people[0], people[1:], folds, GRID)
    n = len(people[0])
    features = shared[0].reshape(n, -1)
    result = nested_ridge(features, lambda k: targets(k).reshape(n, -1), folds, GRID)
    assert result.r.mean() > 0.8


def test_the_published_version_lets_test_words_into_the_training_values():
    people, _, folds = cohort()
    before = denoised_targets(people[0], people[1:], folds, GRID, within_folds=False)
    changed = people[0].copy()
    test = folds.test(2)
    changed[test] = 50 * np.random.default_rng(3).standard_normal(changed[test].shape)
    after = denoised_targets(changed, people[1:], folds, GRID, within_folds=False)
    train = folds.train(2)
    assert not np.array_equal(after(2)[train], before(2)[train])
    np.testing.assert_array_equal(before(0), before(2))
    assert not before.within_folds


def test_one_person_alone_or_unequal_people_are_refused():
    people, _, folds = cohort()
    with pytest.raises(LmbrainError, match="at least two people"):
        cross_subject_prediction(people[0], [], folds, GRID)
    with pytest.raises(LmbrainError, match="words and bins must be the same"):
        cross_subject_prediction(people[0], [people[1][:-1]], folds, GRID)
