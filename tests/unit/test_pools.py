import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmbrain.meg.pools import (
    as_if_alike,
    at_infinitely_many,
    correlation_with_pools,
    joint_covariance,
    mean_moments,
    over_pairs,
    per_variance,
    pool_curve,
    pools_of,
    take_part,
)


def people(n=60, number=5, columns=4, seed=0):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, columns))
    return np.stack([shared + rng.standard_normal((n, columns)) for _ in range(number)]) + 7


def test_covariances_are_those_of_the_samples_that_both_have():
    values = people()
    present = np.random.default_rng(1).random(values.shape[:2]) > 0.3
    spoilt = np.where(present[:, :, None], values, np.nan)
    covariance, correlation = joint_covariance(spoilt, present)
    for a, b in itertools.product(range(5), repeat=2):
        both = present[a] & present[b]
        for c in range(4):
            x, y = values[a, both, c], values[b, both, c]
            assert covariance[a, b, c] == pytest.approx(np.cov(x, y, ddof=0)[0, 1], abs=1e-12)
            assert correlation[a, b, c] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)


def test_responses_in_tesla_and_constant_ones_are_as_they_should_be():
    values = people().astype(np.float32)
    values[2, :, 1] = 0.1
    present = np.ones(values.shape[:2], bool)
    correlation = joint_covariance(values, present)[1]
    tiny = joint_covariance(values * np.float32(1e-13), present)[1]
    np.testing.assert_allclose(tiny, correlation, atol=1e-5)
    assert (correlation[2, :, 1] == 0).all()
    assert (correlation[[0, 1, 3, 4], 2, 1] == 0).all()
    np.testing.assert_allclose(correlation[0, 0], 1)


def test_correlation_with_a_pool_is_that_with_the_mean_of_its_members():
    values = people()
    covariance = joint_covariance(values, np.ones(values.shape[:2], bool))[0]
    members = pools_of(4, 2, np.random.default_rng(0))
    assert len(members) == 6
    found = correlation_with_pools(covariance, members)
    for pool, r in zip(members, found, strict=True):
        mean = values[1:][pool].mean(axis=0)
        expected = [np.corrcoef(values[0, :, c], mean[:, c])[0, 1] for c in range(4)]
        np.testing.assert_allclose(r, expected, atol=1e-12)
    curve = pool_curve(covariance, np.random.default_rng(0))
    np.testing.assert_allclose(curve[1], found.mean(axis=0), atol=1e-12)
    assert len(curve) == 4


def test_the_limit_of_people_alike_is_the_asymptote_of_mean_covariance_over_mean_variance():
    covariance = np.full((6, 6, 1), 0.3)
    covariance[range(6), range(6)] = 2.0
    sizes, inverse = np.arange(1, 6), []
    for size in sizes:
        r = correlation_with_pools(covariance, pools_of(5, int(size), np.random.default_rng(0)))
        inverse.append(1 / np.mean(r) ** 2)
    slope, intercept = np.polyfit(1 / sizes, np.array(inverse), 1)
    np.testing.assert_allclose(slope / sizes + intercept, inverse, rtol=1e-9)
    shared, agreement = mean_moments(per_variance(covariance))
    limit = at_infinitely_many(over_pairs(shared), agreement)
    np.testing.assert_allclose(limit, 1 / np.sqrt(intercept), rtol=1e-9)
    np.testing.assert_allclose(limit, as_if_alike(shared, agreement), rtol=1e-9)


@given(
    st.lists(st.floats(0.05, 0.95), min_size=2, max_size=7),
    st.floats(0.05, 0.95),
    st.booleans(),
)
def test_the_limit_is_exact_for_others_of_any_quality(others, own, turned):
    """One shared response, of which each other person has so much, and y so much."""
    strength = np.array([-own if turned else own, *others])
    moments = np.outer(strength, strength)[:, :, None]
    moments[range(len(strength)), range(len(strength))] = 1
    shared, agreement = mean_moments(per_variance(3 * moments))
    limit = at_infinitely_many(over_pairs(shared), agreement)
    assert limit[0] == pytest.approx(0 if turned else own)


def test_covariances_are_averaged_over_pairs_of_different_others_in_loops():
    covariance = joint_covariance(people(number=5), np.ones((5, 60), bool))[0]
    shared, agreement = mean_moments(per_variance(covariance))
    np.testing.assert_allclose(shared, covariance[0, 1:] / covariance[0, 0])
    pairs = list(itertools.permutations(range(1, 5), 2))
    expected = np.mean([covariance[p, q] for p, q in pairs], axis=0) / covariance[0, 0]
    np.testing.assert_allclose(agreement, expected)
    products = [shared[p - 1] * shared[q - 1] for p, q in pairs]
    np.testing.assert_allclose(over_pairs(shared), np.mean(products, axis=0))


def test_others_who_share_no_fold_count_in_no_pair():
    shared = np.array([[0.2, 0.2], [np.nan, 0.3], [0.4, np.nan], [np.nan, np.nan]])
    np.testing.assert_allclose(over_pairs(shared), [0.2 * 0.4, 0.2 * 0.3])
    assert np.isnan(over_pairs(shared[1:2])).all()


def test_there_is_no_limit_where_others_agree_in_nothing_or_are_one():
    product, agreement = np.array([0.01, 0.01, -0.01, 0.25]), np.array([-0.01, 0.0, 0.04, 0.01])
    found = at_infinitely_many(product, agreement)
    np.testing.assert_allclose(found, [np.nan, np.nan, 0.0, 1.0])
    covariance = joint_covariance(people(number=2), np.ones((2, 60), bool))[0]
    shared, agreement = mean_moments(per_variance(covariance))
    np.testing.assert_allclose(shared[0], covariance[0, 1] / covariance[0, 0])
    assert np.isnan(agreement).all()
    assert np.isnan(over_pairs(shared)).all()


def test_too_many_pools_are_drawn_and_the_same_each_time():
    drawn = pools_of(12, 5, np.random.default_rng(4), at_most=30)
    assert drawn.shape == (30, 12)
    assert (drawn.sum(axis=1) == 5).all()
    np.testing.assert_array_equal(drawn, pools_of(12, 5, np.random.default_rng(4), at_most=30))
    assert len(pools_of(12, 5, np.random.default_rng(4), at_most=792)) == 792


def test_any_two_people_who_take_part_share_three_samples():
    present = np.zeros((4, 9), bool)
    present[0, :6] = present[1, 3:] = present[2] = present[3, :5] = True
    np.testing.assert_array_equal(take_part(present), [True, True, True, False])
    assert (present[0] & present[1]).sum() == 3
