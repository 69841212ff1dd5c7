import itertools

import numpy as np
import pytest
from scipy import stats

from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.scores import fold_correlation
from lmbrain.errors import LmbrainError
from lmbrain.meg.ceiling import (
    ceiling_of_average,
    delete_one_fold,
    noise_ceiling,
    spearman_brown,
)
from lmbrain.meg.pools import at_infinitely_many, fold_mean, over_pairs


def cohort(people=4, n=1500, strengths=(0.0, 0.5, 2.0), seed=0):
    """Responses = strength x shared signal + private noise of unit variance; one sensor each."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, len(strengths), 2))
    signal = shared * np.asarray(strengths)[:, None]
    responses = [signal + rng.standard_normal(signal.shape) for _ in range(people)]
    folds = make_folds(np.array(["story"] * n), np.arange(n), np.ones(n, bool), 5, 0)
    return responses, signal, folds


def test_reliability_and_leave_one_out_equal_explicit_loops():
    responses, _, folds = cohort(n=100)
    result = noise_ceiling(responses, folds)
    for sensor, time in ((0, 0), (2, 1)):
        pairs, alone = [], np.zeros(4)
        for k in range(5):
            z = np.array([r[folds.test(k), sensor, time] for r in responses])
            table = np.corrcoef(z)
            pairs.append(table[np.triu_indices(4, 1)].mean())
            z = (z - z.mean(1, keepdims=True)) / z.std(1, keepdims=True)
            for p in range(4):
                alone[p] += np.corrcoef(z[p], np.delete(z, p, 0).mean(0))[0, 1] / 5
        assert result.reliability[sensor, time] == pytest.approx(np.mean(pairs))
        np.testing.assert_allclose(result.leave_one_out[:, sensor, time], alone, atol=1e-12)


def test_the_ceiling_is_what_the_true_signal_reaches():
    responses, signal, folds = cohort()
    result = noise_ceiling(responses, folds)
    truth = np.mean([fold_correlation(signal, r, folds).mean(axis=0) for r in responses], axis=0)
    np.testing.assert_allclose(result.ceiling[1:], truth[1:], atol=0.03)
    limit = result.leave_one_out_limit.mean(axis=0)
    np.testing.assert_allclose(limit[1:], truth[1:], atol=0.03)
    assert result.ceiling[0].max() < 0.2
    assert result.note == ""


def test_correlations_stay_inside_folds():
    """A difference of level between blocks, shared by all people, is no reliability."""
    responses, _, folds = cohort(strengths=(0.0,))
    level = 20.0 * folds.block[:, None, None]
    result = noise_ceiling([r + level for r in responses], folds)
    assert np.abs(result.reliability).max() < 0.05


def test_one_person_gets_no_ceiling_and_a_reason():
    responses, _, folds = cohort(people=1)
    result = noise_ceiling(responses, folds)
    assert np.isnan(result.reliability).all()
    assert np.isnan(result.ceiling).all()
    assert result.leave_one_out.shape == (1, 3, 2)
    assert "no ceiling can be estimated" in result.note


def test_people_with_different_words_are_refused():
    responses, _, folds = cohort(people=2)
    with pytest.raises(LmbrainError, match="must be the same for all people"):
        noise_ceiling([responses[0], responses[1][1:]], folds)


def by_loops(responses, has, folds):
    """Every estimate in explicit loops over folds, people and pools, from np.corrcoef alone."""
    people, n_folds = len(responses), folds.n_outer
    pairs = np.full((n_folds, people, people), np.nan)
    for k in range(n_folds):
        rows = folds.test(k)
        there = [2 * has[p][rows].sum() >= rows.sum() + 3 for p in range(people)]
        for p in range(people):
            for q in range(people):
                both = rows & has[p] & has[q]
                if there[p] and there[q]:
                    pairs[k, p, q] = np.corrcoef(responses[p][both], responses[q][both])[0, 1]
    reliability, alone = [], np.full((n_folds, people), np.nan)
    pools = np.full((n_folds, people - 1), np.nan)
    for k in range(n_folds):
        present = [p for p in range(people) if np.isfinite(pairs[k, p, p])]
        if len(present) < 2:
            continue
        reliability.append(np.mean([pairs[k, p, q] for p, q in itertools.combinations(present, 2)]))
        curves = np.zeros((len(present), len(present) - 1))
        for i, p in enumerate(present):
            others = [q for q in present if q != p]
            for size in range(1, len(others) + 1):
                found = []
                for pool in itertools.combinations(others, size):
                    norm = sum(pairs[k, q, r] for q in pool for r in pool)
                    found.append(sum(pairs[k, p, q] for q in pool) / np.sqrt(norm))
                curves[i, size - 1] = np.mean(found)
            alone[k, p] = curves[i, -1]
        pools[k, : len(others)] = curves.mean(axis=0)
    return (
        np.mean(reliability),
        np.nanmean(alone, axis=0),
        np.nanmean(pools, axis=0),
        limit_by_loops(pairs),
    )


def limit_by_loops(pairs):
    """r with infinitely many others from (k, p, p) correlations, of folds with three people."""
    three = [table for table in pairs if np.isfinite(table.diagonal()).sum() > 2]
    mean, limit = np.nanmean(three, axis=0), []
    for p in range(len(mean)):
        two = list(itertools.permutations([q for q in range(len(mean)) if q != p], 2))
        product = np.mean([mean[p, q] * mean[p, r] for q, r in two])
        limit.append(np.sqrt(max(product, 0) / np.mean([mean[q, r] for q, r in two])))
    return np.clip(limit, -1, 1)


def unequal(n, folds, people=4, seed=3):
    """Some words lost by everybody at random; one person lacks a block, one most of another."""
    has = np.random.default_rng(seed).random((people, n)) > 0.1
    has[1, folds.test(0)] = False
    has[2, np.flatnonzero(folds.test(3))[4:]] = False
    return has


@pytest.mark.parametrize("complete", [True, False])
def test_every_estimate_equals_explicit_loops_also_where_people_lack_words(complete):
    responses, _, folds = cohort(n=150)
    has = np.ones((4, 150), bool) if complete else unequal(150, folds)
    spoilt = [
        np.where(own[:, None, None], r, np.nan) for r, own in zip(responses, has, strict=True)
    ]
    result = noise_ceiling(spoilt, folds, list(has))
    for sensor, time in ((1, 0), (2, 1)):
        one = [r[:, sensor, time] for r in responses]
        reliability, alone, pools, limit = by_loops(one, has, folds)
        place = (..., sensor, time)
        np.testing.assert_allclose(result.reliability[place], reliability, atol=1e-12)
        np.testing.assert_allclose(result.leave_one_out[place], alone, atol=1e-12)
        np.testing.assert_allclose(result.pools[place], pools, atol=1e-12)
        np.testing.assert_allclose(result.leave_one_out_limit[place], limit, atol=1e-12)
        own = at_infinitely_many(over_pairs(result.shared[place].T), result.agreement[place])
        np.testing.assert_allclose(own, limit, atol=1e-12)


def test_a_fold_with_two_people_says_nothing_of_infinitely_many():
    responses, _, folds = cohort(people=3, n=150)
    has = np.ones((3, 150), bool)
    has[2, folds.test(1)] = False
    result = noise_ceiling(responses, folds, list(has))
    limit = by_loops([r[:, 2, 0] for r in responses], has, folds)[3]
    np.testing.assert_allclose(result.leave_one_out_limit[:, 2, 0], limit, atol=1e-12)


def test_the_mean_reliability_is_that_of_all_sensors_and_bins():
    responses, _, folds = cohort(n=200)
    result = noise_ceiling(responses, folds)
    mean, low, high = result.mean_reliability
    assert mean == pytest.approx(result.reliability.mean())
    parts = [[r[folds.test(k)] for r in responses] for k in range(5)]
    by_fold = []
    for part in parts:
        everything = [np.corrcoef([p[:, s, t] for p in part]) for s in range(3) for t in range(2)]
        by_fold.append(np.mean([table[np.triu_indices(4, 1)].mean() for table in everything]))
    half = stats.t.ppf(0.975, 4) * stats.sem(by_fold)
    assert high - mean == pytest.approx(half)
    assert mean - low == pytest.approx(half)


def test_a_person_s_own_limit_is_freed_of_the_others_noise():
    """One good person among noisy ones: inter-subject correlation would call her as bad as them."""
    rng = np.random.default_rng(1)
    n = 20000
    signal = rng.standard_normal(n)
    noise = (0.5, 2.0, 2.0, 3.0)
    responses = [(signal + sd * rng.standard_normal(n))[:, None, None] for sd in noise]
    folds = make_folds(np.full(n, "a"), np.arange(n), np.ones(n, bool), 5, 0)
    result = noise_ceiling(responses, folds)
    truth = [1 / np.sqrt(1 + sd**2) for sd in noise]
    np.testing.assert_allclose(result.leave_one_out_limit[:, 0, 0], truth, atol=0.03)
    assert result.leave_one_out[0, 0, 0] < 0.75 * truth[0]
    assert result.ceiling[0, 0] < 0.6 * truth[0]


@pytest.mark.parametrize(
    "strengths", [(0.5, 0.5, 0.5, 0.0), (0.5, 0.5, 0.5, 0.1), (0.6, 0.6, 0.6, 0.1, 0.1)]
)
def test_a_dead_or_weak_person_moves_nobody_else_s_limit(strengths):
    rng, n, sensors = np.random.default_rng(0), 10000, 20
    signal = rng.standard_normal((n, sensors, 1))
    responses = [
        one * signal + np.sqrt(1 - one**2) * rng.standard_normal(signal.shape) for one in strengths
    ]
    folds = make_folds(np.full(n, "a"), np.arange(n), np.ones(n, bool), 5, 0)
    result = noise_ceiling(responses, folds)
    shared, agreement = result.shared.mean(axis=(2, 3)), result.agreement.mean(axis=(1, 2))
    limit = at_infinitely_many(over_pairs(shared.T), agreement)
    np.testing.assert_allclose(limit, strengths, atol=0.01)
    own = result.leave_one_out_limit.mean(axis=(1, 2))
    np.testing.assert_allclose(own[:3], strengths[:3], atol=0.01)


def test_pools_grow_as_spearman_and_brown_say_and_end_at_the_limit():
    responses, _, folds = cohort(people=6, n=4000, strengths=(0.5,))
    result = noise_ceiling(responses, folds)
    m, rho = np.arange(1, 6), 0.2
    law = np.sqrt(rho) * np.sqrt(m * rho / (1 + (m - 1) * rho))
    np.testing.assert_allclose(result.pools.mean(axis=(1, 2)), law, atol=0.02)
    # The line through 1 / r(m)^2 against 1 / m, fitted by least squares, meets the closed form.
    curve = result.pools.mean(axis=(1, 2))
    intercept = np.polyfit(1 / m, 1 / curve**2, 1)[1]
    limit = result.leave_one_out_limit.mean()
    assert 1 / np.sqrt(intercept) == pytest.approx(limit, abs=0.01)
    assert limit == pytest.approx(np.sqrt(rho), abs=0.02)
    np.testing.assert_allclose(result.pools[-1], result.leave_one_out.mean(axis=0), atol=1e-12)


def autocorrelated(rng, shape, coefficient):
    noise = rng.standard_normal(shape)
    for i in range(1, len(noise)):
        noise[i] = coefficient * noise[i - 1] + np.sqrt(1 - coefficient**2) * noise[i]
    return noise


@pytest.mark.parametrize("coefficient", [0.0, 0.7])
@pytest.mark.parametrize(("people", "rho"), [(3, 0.2), (6, 0.05)])
def test_intervals_hold_the_planted_values_in_95_of_100_cohorts(people, rho, coefficient):
    """Each sensor is a cohort of its own; signal and noise are autocorrelated alike."""
    rng, cohorts, n = np.random.default_rng(people), 400, 600
    shape = (n, cohorts)
    signal = np.sqrt(rho) * autocorrelated(rng, shape, coefficient)
    responses = [
        (signal + np.sqrt(1 - rho) * autocorrelated(rng, shape, coefficient))[:, :, None]
        for _ in range(people)
    ]
    folds = make_folds(np.full(n, "a"), np.arange(n), np.ones(n, bool), 10, 0)
    result = noise_ceiling(responses, folds)
    others = people - 1
    truth = {
        "reliability": rho,
        "ceiling": np.sqrt(rho),
        "leave_one_out": np.sqrt(rho * others * rho / (1 + (others - 1) * rho)),
        "leave_one_out_limit": np.sqrt(rho),
    }
    for name, value in truth.items():
        low, high = result.interval[name]
        there = np.isfinite(low)
        covered = ((low <= value) & (value <= high))[there].mean()
        assert 0.90 <= covered <= 0.99, name
        if name != "leave_one_out_limit":  # whose others may agree in nothing by chance
            assert there.all()


def test_the_interval_is_the_jackknife_of_the_estimate_itself():
    rng = np.random.default_rng(0)
    per_fold = rng.standard_normal((6, 5))
    per_fold[2, 1] = np.nan
    per_fold[:4, 2] = np.nan
    effect, (low, high) = delete_one_fold(fold_mean, per_fold)
    for column in range(5):
        there = per_fold[np.isfinite(per_fold[:, column]), column]
        assert effect[column] == pytest.approx(there.mean())
        if len(there) < 3:
            assert np.isnan([low[column], high[column]]).all()
            continue
        half = stats.t.ppf(0.975, len(there) - 1) * stats.sem(there)
        assert high[column] - effect[column] == pytest.approx(half)
        assert effect[column] - low[column] == pytest.approx(half)


def test_a_fold_that_nobody_shares_counts_for_nothing():
    responses, _, folds = cohort(people=2, n=200)
    has = np.ones((2, 200), bool)
    has[0, folds.test(1)] = False
    result = noise_ceiling(responses, folds, list(has))
    rest = make_folds(folds.story[has[0]], np.arange(160), np.ones(160, bool), 4, 0)
    alone = noise_ceiling([r[has[0]] for r in responses], rest)
    np.testing.assert_allclose(result.reliability, alone.reliability, atol=1e-12)
    np.testing.assert_allclose(
        result.interval["reliability"], alone.interval["reliability"], atol=1e-12
    )
    assert np.isnan(result.leave_one_out_limit).all()
    assert "Two people" in result.note


def test_spearman_brown_steps_up_and_back_down():
    rho = np.array([-0.2, 0.0, 0.1, 0.6, np.nan])
    stepped = spearman_brown(rho, 4)
    np.testing.assert_allclose(stepped, [0, 0, 0.4 / 1.3, 2.4 / 2.8, np.nan])
    np.testing.assert_allclose(spearman_brown(stepped, 1 / 4), rho.clip(0))
    np.testing.assert_allclose(ceiling_of_average(rho, 4), np.sqrt(stepped))
