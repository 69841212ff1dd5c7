import itertools

import numpy as np
import pytest
from test_denoising import GRID, cohort, lacking

from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.inference.jackknife import jackknife
from lmbrain.meg.cross_subject import predict_across
from lmbrain.meg.denoising import cross_subject_prediction, denoised_targets
from lmbrain.meg.pools import as_if_alike


def pools_by_loops(target, predictions, folds):
    """Mean r with the averages of all pools of each size, inside test folds, in explicit loops."""
    curve = []
    for size in range(1, len(predictions) + 1):
        r = [
            np.corrcoef(np.mean(pool, axis=0)[rows], target[rows])[0, 1]
            for pool in itertools.combinations(predictions, size)
            for rows in (folds.test(k) for k in range(folds.n_outer))
        ]
        curve.append(np.mean(r))
    return np.array(curve)


def limit_by_loops(target, predictions, rows_of_folds):
    """r with infinitely many others, from covariances inside some sets of samples."""
    shared, agreement = [], []
    for rows in rows_of_folds:
        table = np.cov([target[rows], *(f[rows] for f in predictions)], ddof=0)
        shared.append(table[0, 1:] / table[0, 0])
        apart = table[1:, 1:][~np.eye(len(predictions), dtype=bool)]
        agreement.append(apart.mean() / table[0, 0])
    of_each = np.mean(shared, axis=0)
    product = np.mean([a * b for a, b in itertools.permutations(of_each, 2)])
    alike = np.mean(of_each) / np.sqrt(np.mean(agreement))
    return np.sqrt(max(product, 0) / np.mean(agreement)), alike


def test_pools_and_limit_equal_explicit_loops_over_people_and_folds():
    people, _, folds = cohort(people=4)
    found = predict_across(people[0], people[1:], folds, GRID)
    np.testing.assert_array_equal(
        found.prediction, cross_subject_prediction(people[0], people[1:], folds, GRID)
    )
    fits = [
        nested_ridge(other[:, :, 1], people[0][:, :, 1], folds, GRID, inner_predictions=True)
        for other in people[1:]
    ]
    for sensor in (0, 4):
        target = people[0][:, sensor, 1].astype(float)
        held_out = [fit.prediction[:, sensor].astype(float) for fit in fits]
        expected = pools_by_loops(target, held_out, folds)
        np.testing.assert_allclose(found.pools[:, sensor, 1], expected, atol=1e-5)
        assert found.r[sensor, 1] == pytest.approx(expected[-1], abs=1e-5)
        tests = [folds.test(k) for k in range(folds.n_outer)]
        limit, _ = limit_by_loops(target, held_out, tests)
        assert found.limit[sensor, 1] == pytest.approx(min(limit, 1), abs=1e-4)


def test_intervals_are_the_jackknife_of_fits_without_a_block():
    people, _, folds = cohort(people=4)
    found = predict_across(people[0], people[1:], folds, GRID)
    sets = denoised_targets(people[0], people[1:], folds, GRID).by_fold
    fits = [
        nested_ridge(
            other[:, :, 0], people[0][:, :, 0], folds, GRID, inner_predictions=True
        ).inner_prediction
        for other in people[1:]
    ]
    r, alike = np.zeros((2, folds.n_outer, 1))
    target = people[0][:, 2, 0].astype(float)
    for k in range(folds.n_outer):
        scored = [folds.score(j, k) for j in range(folds.n_outer) if j != k]
        r[k] = np.mean([np.corrcoef(sets[k][rows, 2, 0], target[rows])[0, 1] for rows in scored])
        alike[k] = limit_by_loops(target, [f[k][:, 2].astype(float) for f in fits], scored)[1]
    whole = as_if_alike(found.shared, found.agreement)
    for value, left_out, interval in (
        (found.r, r, found.r_interval),
        (whole, alike, found.limit_interval - found.limit + whole),
    ):
        expected = jackknife(np.full_like(left_out, value[2, 0]), left_out, folds).interval
        np.testing.assert_allclose(interval[:, 2, 0], expected[:, 0], atol=1e-4)


def test_people_who_lack_words_count_where_they_have_them():
    people, _, folds = cohort(n=300, people=4, times=1)
    folds = make_folds(folds.story, folds.position, folds.usable, 6, 3)
    usable = [lacking(folds, blocks=[1]), lacking(folds, blocks=[1, 4]), lacking(folds, words=[9])]
    found = predict_across(people[0], people[1:], folds, GRID, usable=usable)
    prediction = cross_subject_prediction(people[0], people[1:], folds, GRID, usable=usable)
    np.testing.assert_array_equal(found.prediction, prediction)
    by_fold = [
        np.corrcoef(prediction[rows, 0, 0], people[0][rows, 0, 0])[0, 1]
        for rows in (folds.test(k) & np.isfinite(prediction[:, 0, 0]) for k in range(6))
    ]
    assert found.r[0, 0] == pytest.approx(np.mean(by_fold), abs=1e-5)
    assert np.isfinite(found.pools).all()
    assert np.isfinite(found.r_interval).all()
    alone = cross_subject_prediction(people[0], people[3:], folds, GRID, usable=usable[2:])
    one = np.isfinite(prediction[:, 0, 0]) & (folds.block == 1)
    np.testing.assert_allclose(prediction[one], alone[one], atol=1e-6)


def test_another_person_with_just_half_of_every_block_predicts_but_is_no_pool():
    people, _, folds = cohort(n=400, people=2, times=1)
    has = np.zeros(400, bool)
    for k in range(folds.n_outer):
        rows = np.flatnonzero(folds.test(k))
        has[rows[: -(-len(rows) // 2)]] = True
    found = predict_across(people[0], people[1:], folds, GRID, usable=[has])
    assert np.isfinite(found.r).all()
    assert np.isfinite(found.r_interval).all()
    assert np.isnan(found.limit).all()


def test_a_block_that_nobody_else_has_is_left_out():
    people, _, folds = cohort(n=300, people=3, times=1)
    folds = make_folds(folds.story, folds.position, folds.usable, 6, 3)
    usable = [lacking(folds, blocks=[2])] * 2
    found = predict_across(people[0], people[1:], folds, GRID, usable=usable)
    rest = folds.of_person(usable[0])
    alone = predict_across(people[0], people[1:], rest, GRID)
    assert np.isnan(found.prediction[folds.test(2)]).all()
    for name in ("r", "pools", "limit", "r_interval", "limit_interval", "prediction"):
        np.testing.assert_array_equal(getattr(found, name), getattr(alone, name))


def test_as_published_there_is_no_gap():
    people, _, folds = cohort(times=1)
    found = predict_across(people[0], people[1:], folds, GRID, within_folds=False)
    expected = cross_subject_prediction(people[0], people[1:], folds, GRID, within_folds=False)
    np.testing.assert_array_equal(found.prediction, expected)
    within = cross_subject_prediction(people[0], people[1:], folds, GRID)
    assert not np.array_equal(expected, within)


def test_one_other_person_has_no_limit():
    people, _, folds = cohort(people=2, times=1)
    found = predict_across(people[0], people[1:], folds, GRID)
    assert np.isnan(found.limit).all()
    assert np.isnan(found.limit_interval).all()
    np.testing.assert_allclose(found.pools[0], found.r, atol=1e-5)
    assert np.isfinite(found.r_interval).all()


def test_others_who_share_too_few_words_leave_no_pool_of_their_size():
    people, _, folds = cohort(people=4, times=1)
    usable = [folds.usable, folds.usable, folds.block <= 1]
    found = predict_across(people[0], people[1:], folds, GRID, usable=usable)
    assert np.isfinite(found.pools[:2]).all()
    assert np.isnan(found.pools[2]).all()


def test_the_limit_lies_above_every_pool_and_nears_what_the_shared_response_reaches():
    people, shared, folds = cohort(n=3000, people=7, times=1, noise=3.0, sensors=3)
    found = predict_across(people[0], people[1:], folds, [10.0, 100.0, 1000.0])
    curve = found.pools.mean(axis=(1, 2))
    assert (np.diff(curve) > 0).all()
    truth = np.mean(
        [
            np.corrcoef(shared[0][folds.usable, s, 0], people[0][folds.usable, s, 0])[0, 1]
            for s in range(3)
        ]
    )
    limit = found.limit.mean()
    assert limit > curve[-1]
    assert abs(limit - truth) < 0.5 * (truth - curve[-1])


def test_a_person_who_shares_nothing_does_not_raise_the_others_limit():
    rng, n = np.random.default_rng(1), 4000
    signal = rng.standard_normal((n, 1, 1))
    people = [
        share * np.repeat(signal, 4, axis=1)
        + np.sqrt(1 - share**2) * rng.standard_normal((n, 4, 1))
        for share in (0.5, 0.5, 0.5, 0.5, 0.0)
    ]
    folds = make_folds(np.full(n, "a"), np.arange(n), np.ones(n, bool), 5, 0)
    found = predict_across(people[0], people[1:], folds, [10.0, 1000.0])
    assert found.limit.mean() == pytest.approx(0.5, abs=0.01)
    assert found.shared.shape == (4, 4, 1)
