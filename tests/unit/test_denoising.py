import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.encoding.scores import fold_correlation
from lmbrain.errors import LmbrainError
from lmbrain.meg.denoising import (
    cross_subject_prediction,
    denoised_targets,
    pair_folds,
    words_with_others,
)

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


def predicted(x, y, train, penalty):
    """Every sample's prediction by scikit-learn, all standardisation redone on `train`."""
    scaler = StandardScaler().fit(x[train])
    fit = Ridge(alpha=penalty).fit(scaler.transform(x[train]), y[train])
    return fit.predict(scaler.transform(x)).reshape(len(x), -1)


def outer_fold(x, y, folds, both, blocks, outer, away):
    """Held-out block and cross-fitted training words of one outer fold, in explicit loops.

    `away`: a block that is held out everywhere besides, or nothing.
    """
    inner = [j for j in blocks if j != outer]
    scores = np.zeros((len(GRID), y.shape[1]))
    for j in inner:
        train, scored = both & folds.train(outer, j, *away), both & folds.score(j, outer)
        scored &= folds.train(*away) if away else True
        for a, penalty in enumerate(GRID):
            error = (y - predicted(x, y, train, penalty))[scored]
            baseline = (y - y[train].mean(axis=0))[scored]
            scores[a] += 1 - (error**2).sum(axis=0) / (baseline**2).sum(axis=0)
    chosen = scores.argmax(axis=0)
    values = np.full(y.shape, np.nan)
    for s, a in enumerate(chosen):
        test = both & folds.test(outer) & (folds.train(*away) if away else True)
        whole = predicted(x, y[:, s], both & folds.train(outer, *away), GRID[a])
        values[test, s] = whole[test, 0]
        for j in inner:
            scored = both & folds.score(j, outer)
            fitted = predicted(x, y[:, s], both & folds.train(outer, j, *away), GRID[a])
            values[scored, s] = fitted[scored, 0]
    return values


def reference_sets(target, others, usable, folds):
    """(k, n, s, t) denoised targets, by scikit-learn and explicit loops over people and folds."""
    sets = np.full((folds.n_outer, len(others), *target.shape), np.nan)
    for q, (other, has) in enumerate(zip(others, usable, strict=True)):
        n_both = [(folds.test(k) & has).sum() for k in range(folds.n_outer)]
        blocks = [k for k in range(folds.n_outer) if 2 * n_both[k] >= folds.test(k).sum()]
        both = folds.usable & has & np.isin(folds.block, blocks)
        for time in range(target.shape[2]):
            x, y = other[:, :, time].astype(float), target[:, :, time].astype(float)
            for outer in range(folds.n_outer):
                if outer in blocks:
                    values = outer_fold(x, y, folds, both, blocks, outer, ())
                    sets[outer, q, :, :, time] = values
                    continue
                for block in blocks:  # held out in turn, from what lies beyond the gap
                    values = outer_fold(x, y, folds, both, blocks, block, (outer,))
                    rows = both & folds.test(block) & folds.train(outer)
                    sets[outer, q, rows, :, time] = values[rows]
    count = np.isfinite(sets).sum(axis=1)
    return np.where(count > 0, np.nansum(sets, axis=1) / np.maximum(count, 1), np.nan)


def lacking(folds, *, blocks=(), words=()):
    has = ~np.isin(folds.block, blocks)
    has[list(words)] = False
    return has


def test_denoised_sets_equal_explicit_loops_with_scikit_learn():
    people, _, folds = cohort(n=150, sensors=3, times=1)
    usable = [folds.usable] * 2
    found = denoised_targets(people[0], people[1:], folds, GRID)
    expected = reference_sets(people[0], people[1:], usable, folds)
    np.testing.assert_allclose(found.by_fold, expected, rtol=1e-4, atol=ROUNDING)


def test_people_who_lack_words_predict_those_they_have_and_equal_explicit_loops():
    people, _, folds = cohort(n=200, sensors=3, times=1, people=4)
    folds = make_folds(folds.story, folds.position, folds.usable, 5, 3)
    folds = folds.of_person(lacking(folds, words=[20, 21]))
    usable = [
        lacking(folds, blocks=[1]),
        lacking(folds, words=[39, 40, 41, 80, 120]),  # at the edges of blocks: the gap stays
        lacking(folds, words=[100, 101]),
    ]
    spoilt = [people[0].copy()]
    for person, has in zip(people[1:], usable, strict=True):
        spoilt.append(np.where(has[:, None, None], person, np.nan))
    spoilt[0][[20, 21]] = np.nan
    found = denoised_targets(spoilt[0], spoilt[1:], folds, GRID, usable=usable)
    expected = reference_sets(people[0], people[1:], usable, folds)
    np.testing.assert_allclose(found.by_fold, expected, rtol=1e-4, atol=ROUNDING)
    held_out = cross_subject_prediction(spoilt[0], spoilt[1:], folds, GRID, usable=usable)
    for outer in range(folds.n_outer):
        test = folds.test(outer)
        np.testing.assert_allclose(held_out[test], expected[outer][test], atol=ROUNDING)


def test_folds_of_a_pair_are_the_target_s_own_where_both_have_the_word():
    _, _, folds = cohort(n=300)
    folds = make_folds(folds.story, folds.position, folds.usable, 6, 3)
    target = folds.of_person(lacking(folds, blocks=[1]))
    edges = [int(np.flatnonzero(target.test(k))[i]) for k in range(5) for i in (0, -1)]
    has = lacking(folds, blocks=[3], words=edges)
    pair = pair_folds(target, has)
    assert pair.study_block.tolist() == [0, 2, 4, 5]
    own = [0, 1, 3, 4]  # the same blocks in the target's numbers
    both = target.usable & has
    for k, of_target in enumerate(own):
        np.testing.assert_array_equal(pair.test(k), target.test(of_target) & has)
        np.testing.assert_array_equal(pair.train(k), target.train(of_target) & both)
        for j, inner in enumerate(own):
            if j != k:
                score, train = target.score(inner, of_target), target.train(of_target, inner)
                np.testing.assert_array_equal(pair.score(j, k), score & both)
                np.testing.assert_array_equal(pair.train(k, j), train & both)


def test_words_that_nobody_else_has_have_no_prediction():
    people, _, folds = cohort()
    usable = [lacking(folds, words=[7, 8]), lacking(folds, words=[7, 9])]
    prediction = cross_subject_prediction(people[0], people[1:], folds, GRID, usable=usable)
    shared = words_with_others(folds, usable)
    assert folds.usable[[7, 8, 9]].all()
    np.testing.assert_array_equal(shared, folds.usable & (np.arange(len(shared)) != 7))
    np.testing.assert_array_equal(np.isfinite(prediction).all(axis=(1, 2)), shared)


def test_masks_of_people_who_have_every_word_change_nothing():
    people, _, folds = cohort()
    usable = [np.ones(len(folds.block), bool)] * 2
    for make in (cross_subject_prediction, lambda *a, **k: denoised_targets(*a, **k).by_fold):
        without = make(people[0], people[1:], folds, GRID)
        np.testing.assert_array_equal(
            make(people[0], people[1:], folds, GRID, usable=usable), without
        )


def test_people_who_share_too_few_words_are_left_out_and_said(caplog):
    people, _, folds = cohort()
    few = folds.block <= 1
    prediction = cross_subject_prediction(
        people[0], people[1:], folds, GRID, usable=[few, folds.usable]
    )
    np.testing.assert_array_equal(
        prediction, cross_subject_prediction(people[0], people[2:], folds, GRID)
    )
    assert "shares too few words" in caplog.text
    with pytest.raises(LmbrainError, match="No other person has enough"):
        cross_subject_prediction(people[0], people[1:], folds, GRID, usable=[few, few])


def test_a_training_word_near_a_test_word_that_another_person_lacks_stays_out_of_her_fit():
    people, _, folds = cohort(n=240)
    first = int(np.flatnonzero(folds.test(2))[0])
    last = int(np.flatnonzero(folds.test(2))[-1])
    usable = [lacking(folds, words=[first, last]), lacking(folds, blocks=[2])]
    before = denoised_targets(people[0], people[1:], folds, [100.0], usable=usable)
    changed = people[0].copy()
    changed[folds.usable & ~folds.train(2)] += 50.0 * np.random.default_rng(4).standard_normal(
        changed[folds.usable & ~folds.train(2)].shape
    )
    after = denoised_targets(changed, people[1:], folds, [100.0], usable=usable)
    train = folds.train(2)
    np.testing.assert_allclose(after(2)[train], before(2)[train], atol=ROUNDING)


def test_training_words_that_only_a_person_without_the_test_block_has_are_told_where_too_few():
    people, _, _ = cohort(n=300)
    n = len(people[0])
    folds = make_folds(np.full(n, "story"), np.arange(n), np.ones(n, bool), 10, 18)
    usable = [lacking(folds, blocks=[2]), lacking(folds, blocks=[0, 1])]
    message = r"^12 words .* 01, block 2\) .* tested on block 1 are predicted by nobody.*gap \(18\)"
    with pytest.raises(LmbrainError, match=message):
        denoised_targets(people[0], people[1:], folds, [100.0], usable=usable)
    near = make_folds(folds.story, folds.position, folds.usable, 10, 10)
    targets = denoised_targets(people[0], people[1:], near, [100.0], usable=usable)
    for outer in range(near.n_outer):
        assert np.isfinite(targets(outer)[near.train(outer)]).all()


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
