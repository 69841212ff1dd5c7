import itertools

import numpy as np
import pytest
from mne.stats import permutation_cluster_1samp_test
from scipy import sparse, stats

from lmbrain.inference import flips
from lmbrain.inference.flips import flip_scale, flip_test, normal_score


def chain(size):
    """Each target beside the next."""
    ones = np.ones(size - 1)
    return sparse.diags_array([ones, ones], offsets=[-1, 1], format="csr")


def test_all_flips_of_few_units_match_the_definition():
    sums = np.random.default_rng(0).standard_normal((8, 3)) + 0.3
    result = flip_test(sums, 1000, 0)
    z = sums / np.sqrt((sums**2).sum(axis=0))
    null = np.array([np.array(s) @ z for s in itertools.product([1, -1], repeat=8)])
    np.testing.assert_allclose(result.p, (null >= z.sum(axis=0) - 1e-9).mean(axis=0))
    maxima = null.max(axis=1)[:, None]
    np.testing.assert_allclose(result.p_fwe, (maxima >= z.sum(axis=0) - 1e-9).mean(axis=0))
    assert result.floor == 1 / 256


def test_a_value_that_no_flip_gives_counts_as_one_more():
    sums = np.random.default_rng(0).standard_normal((4, 2))
    beyond = flip_test(sums, 100, 0, observed=np.array([99.0, -99.0]))
    np.testing.assert_allclose(beyond.p, [1 / 17, 1])
    assert beyond.floor == 1 / 17


def test_results_do_not_depend_on_the_chunk(monkeypatch):
    sums = np.random.default_rng(0).standard_normal((30, 40)) + 0.2
    whole = flip_test(sums, 500, 0, adjacency=chain(40))
    monkeypatch.setattr(flips, "CHUNK", 77)
    parts = flip_test(sums, 500, 0, adjacency=chain(40))
    for name in ("p", "p_fwe", "p_cluster"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_random_flips_give_uniform_p_under_the_null():
    sums = np.random.default_rng(1).standard_normal((25, 2000))
    assert stats.kstest(flip_test(sums, 999, 0).p, "uniform").pvalue > 0.001


@pytest.mark.parametrize("units", [5, 20, 200])
def test_normal_scores_take_the_place_of_the_flip_statistic_of_normal_values(units):
    values = np.random.default_rng(0).standard_normal((units, 20000))
    statistic = values.sum(axis=0) / np.sqrt((values**2).sum(axis=0))
    for score in (-1.0, 0.0, 1.645, 2.326):
        expected = stats.norm.sf(score)
        beyond = (statistic > flip_scale(np.array([score]), units)).mean()
        assert abs(beyond - expected) < 4 * np.sqrt(expected * (1 - expected) / 20000)
    assert flip_scale(np.array([np.inf, 60.0]), units) == pytest.approx(np.sqrt(units))


@pytest.mark.parametrize("units", [5, 40])
def test_the_normal_score_of_normal_values_is_normal_and_goes_back(units):
    values = np.random.default_rng(2).standard_normal((units, 4000))
    scores = normal_score(values)
    assert stats.kstest(scores, "norm").pvalue > 0.001
    statistic = values.sum(axis=0) / np.sqrt((values**2).sum(axis=0))
    np.testing.assert_allclose(flip_scale(scores, units), statistic, atol=1e-8)
    alike = np.column_stack([np.ones(units), np.zeros(units)])
    assert flip_scale(normal_score(alike), units) == pytest.approx([np.sqrt(units), 0])


def test_clusters_agree_with_those_of_mne():
    """MNE's one-sample test flips the same units; its statistic is a monotonic function of ours."""
    rng = np.random.default_rng(3)
    sums = rng.standard_normal((12, 30))
    sums[:, 8:14] += 0.9
    threshold = float(flip_scale(stats.norm.isf(np.array([flips.CLUSTER_FORMING_P])), 12)[0])

    def statistic(values):
        return values.sum(axis=0) / np.sqrt((values**2).sum(axis=0))

    _, clusters, p, _ = permutation_cluster_1samp_test(
        sums,
        threshold=threshold,
        n_permutations=4096,
        tail=1,
        stat_fun=statistic,
        adjacency=sparse.coo_array(chain(30)),
        out_type="mask",
        verbose="error",
    )
    ours = flip_test(sums, 4096, 0, adjacency=chain(30)).p_cluster
    assert len(clusters) >= 1
    for mask, expected in zip(clusters, p, strict=True):
        assert ours[mask] == pytest.approx(expected, abs=2 / 4096)
    assert (ours[~np.any(clusters, axis=0)] == 1).all()
