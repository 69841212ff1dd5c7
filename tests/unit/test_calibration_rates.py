import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lmbrain.calibration.rates import (
    FAMILY_LEVEL,
    PART_LEVEL,
    PARTS,
    design_effect,
    detectable_rate,
    excess_p,
    rate_interval,
    story_p,
    summarise,
)
from lmbrain.calibration.verdict import failures, judge
from lmbrain.errors import LmbrainError


@given(st.integers(1, 400), st.data(), st.sampled_from([0.05, 0.001]))
def test_excess_is_the_exact_binomial_tail(tests, data, level):
    rejections = data.draw(st.integers(0, tests))
    expected = stats.binomtest(rejections, tests, level, alternative="greater").pvalue
    assert excess_p(rejections, tests, level) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(st.integers(1, 400), st.data())
def test_interval_is_that_of_clopper_and_pearson(tests, data):
    rejections = data.draw(st.integers(0, tests))
    expected = stats.binomtest(rejections, tests).proportion_ci(method="exact")
    assert rate_interval(rejections, tests) == pytest.approx((expected.low, expected.high))


def test_design_effect_is_1_for_independent_tests_and_the_size_of_stories_that_agree():
    rng = np.random.default_rng(0)
    tests = np.full(4000, 20)
    assert design_effect(rng.binomial(20, 0.1, 4000), tests) == pytest.approx(1, abs=0.1)
    assert design_effect(20 * rng.binomial(1, 0.1, 4000), tests) == pytest.approx(20, rel=0.1)


def counts(rates, stories=50, tests=40, judged=True, seed=0):
    """One cell a rate, all tests independent."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        [
            {
                "test": f"test {i}",
                "noise": "ar0",
                "words": 500,
                "level": 0.05,
                "judged": judged,
                "story": story,
                "tests": tests,
                "rejections": rng.binomial(tests, rate),
            }
            for i, rate in enumerate(rates)
            for story in range(stories)
        ]
    )


def test_a_cell_above_its_level_fails_and_one_at_it_holds():
    table = summarise(counts([0.05, 0.09]))
    assert table["holds"].tolist() == [True, False]
    assert table["bound"].tolist() == [PART_LEVEL / 2] * 2
    assert table["tests"].tolist() == [2000, 2000]


def test_tests_shown_beside_do_not_count_for_the_bound():
    table = summarise(pd.concat([counts([0.05, 0.05]), counts([0.3, 0.3], judged=False)]))
    assert (table["bound"] == PART_LEVEL / 2).all()
    with pytest.raises(LmbrainError, match="No test is judged"):
        summarise(counts([0.05], judged=False))


def test_false_alarms_of_whole_calibrations_are_rarer_than_the_stated_rate():
    # 100 cells of 2,000 tests at exactly their level, 5,000 times: the exact share that fails.
    cells = 100
    tail = stats.binom.sf(np.arange(2001) - 1, 2000, 0.05)
    fails = tail < PART_LEVEL / cells
    one = stats.binom.pmf(np.arange(2001), 2000, 0.05)[fails].sum()
    assert 1 - (1 - one) ** cells <= PART_LEVEL
    # and the calibration uses just this rule
    first = int(fails.argmax())
    assert excess_p(first, 2000, 0.05) < PART_LEVEL / cells <= excess_p(first - 1, 2000, 0.05)


def test_the_three_parts_spend_the_verdicts_level_together():
    assert pytest.approx(FAMILY_LEVEL) == PARTS * PART_LEVEL


def test_stories_must_refute_the_level_as_well_as_counts():
    tests, rejections = np.full(6, 100), np.array([0, 0, 0, 0, 0, 90])
    rates = stats.ttest_1samp(rejections / tests, 0.05, alternative="greater").pvalue
    assert story_p(rejections, tests, 0.05) >= rates > 0.1
    same = np.full(6, 20)
    assert story_p(same, tests, 0.05) == excess_p(120, 600, 0.05)


def test_valid_tests_of_correlated_targets_fail_no_more_often_than_the_bound():
    # Stories of the reduced run: 12, each of 8 cohorts x 10 targets, neighbours correlated .6.
    rng, runs, level, bound = np.random.default_rng(0), 60_000, 0.05, 1e-4
    place = np.arange(10)
    root = np.linalg.cholesky(0.6 ** np.abs(place[:, None] - place)).astype(np.float32)
    values = (
        rng.standard_normal((runs // 10, 96, 10), dtype=np.float32) @ root.T for _ in range(10)
    )
    critical = stats.norm.isf(level)
    hits = np.concatenate(
        [(v > critical).reshape(-1, 12, 80).sum(axis=2, dtype=int) for v in values]
    )
    # A design effect only raises p: no cell but these could fail.
    near = hits[stats.binom.sf(hits.sum(axis=1) - 1, 960, level) < bound]
    cells = pd.DataFrame(
        {
            "test": np.repeat([f"test {i}" for i in range(len(near))], 12),
            "noise": "ar0",
            "words": 500,
            "level": level,
            "judged": True,
            "story": np.tile(np.arange(12), len(near)),
            "tests": 80,
            "rejections": near.ravel(),
        }
    )
    table = summarise(cells)
    most = stats.binom.isf(1e-3, runs, bound)
    assert (table["p_excess"] < bound).sum() <= most
    effect = table["design_effect"]
    alone = [
        excess_p(k / d, n / d, level)
        for k, n, d in zip(table["rejections"], table["tests"], effect, strict=True)
    ]
    assert (np.array(alone) < bound).sum() > most


def test_detectable_rate_is_found_in_95_percent_of_runs():
    rate = detectable_rate(2000, 0.05, 100)
    critical = int(stats.binom.isf(PART_LEVEL / 100, 2000, 0.05)) + 1
    assert stats.binom.sf(critical - 1, 2000, rate) == pytest.approx(0.95, abs=1e-6)
    assert excess_p(critical, 2000, 0.05) < PART_LEVEL / 100


def test_the_verdict_stops_at_a_failing_test_interval_or_attack():
    good = {
        "rates": summarise(counts([0.04])),
        "coverage": pd.DataFrame(
            [
                {
                    "effect": "r",
                    "noise": "ar0",
                    "words": 500,
                    "strength": 0.1,
                    "coverage": 0.95,
                    "judged": True,
                    "holds": True,
                }
            ]
        ),
        "leaks": pd.DataFrame([{"attack": "scaling", "r": 0.0, "error": 0.01, "tight": True}]),
    }
    assert failures(**good) == []
    assert judge(**good, page="page.html") == {"rates": 1, "intervals": 1, "attacks": 1}
    bad = {
        "rates": (summarise(counts([0.2])), "test 0 rejects"),
        "coverage": (good["coverage"].assign(holds=False, coverage=0.8), "80.0% of studies"),
        "leaks": (good["leaks"].assign(tight=False), "attack on scaling"),
    }
    for name, (table, said) in bad.items():
        with pytest.raises(LmbrainError, match=said):
            judge(**{**good, name: table}, page="page.html")
