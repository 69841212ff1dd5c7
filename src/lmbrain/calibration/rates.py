"""Rates of false positives with their intervals, and the bound that no cell may break.

A cell is one test in one kind of noise and length of story at one level. Under its null a test at
level a may reject in at most a share a of cohorts. With c cells, a cell fails where as many
rejections or more would happen with a probability below PART_LEVEL / c at a rate of exactly a. The
calibration judges PARTS kinds of cells (rates, intervals, leaks), each at its part of FAMILY_LEVEL,
so that one of valid tests fails in at most about one of 1 / FAMILY_LEVEL runs.

Cohorts that share a story share its features, and targets of a cohort their noise, so that their
rejections are alike and count for less. The design effect says by how much, but is an estimate: a
cell is also held to a t test over stories, which are independent, and fails only where both refute
its level.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from lmbrain.errors import LmbrainError

FAMILY_LEVEL = 1e-3  # of the whole verdict
PARTS = 3  # rates, intervals, leaks
PART_LEVEL = FAMILY_LEVEL / PARTS
CONFIDENCE = 0.95  # of the intervals shown


def design_effect(rejections: np.ndarray, tests: np.ndarray) -> float:
    """How much the stories' counts scatter beyond independent tests; never below 1.

    Parameters
    ----------
    rejections, tests : (stories,) int
        Of each story, the number of rejections and of tests.

    Returns
    -------
    float
        Sum of (rejections - tests p)^2 / (tests p (1 - p)), divided by stories - 1; p is the
        pooled rate. 1 where nothing or everything was rejected, or for a single story.

    References
    ----------
    Rao & Scott 1992, Biometrics 48, 577-585.
    """
    rejections, tests = np.asarray(rejections, float), np.asarray(tests, float)
    rate = rejections.sum() / tests.sum()
    if len(rejections) < 2 or rate in (0.0, 1.0):
        return 1.0
    expected = tests * rate
    scatter = np.sum((rejections - expected) ** 2 / (expected * (1 - rate)))
    return max(1.0, float(scatter / (len(rejections) - 1)))


def rate_interval(rejections: float, tests: float) -> tuple[float, float]:
    """Exact binomial interval of a rate (Clopper & Pearson 1934); counts may be fractions."""
    tail = (1 - CONFIDENCE) / 2
    low = stats.beta.ppf(tail, rejections, tests - rejections + 1) if rejections > 0 else 0.0
    high = stats.beta.isf(tail, rejections + 1, tests - rejections) if rejections < tests else 1.0
    return float(low), float(high)


def excess_p(rejections: float, tests: float, level: float) -> float:
    """Probability of as many rejections or more if each test rejects with probability `level`.

    The binomial tail, through the beta function so that counts divided by a design effect need
    no rounding.
    """
    if rejections <= 0:
        return 1.0
    return float(stats.beta.cdf(level, rejections, tests - rejections + 1))


def story_p(rejections: np.ndarray, tests: np.ndarray, level: float) -> float:
    """p that the rate is above `level`, with the scatter between stories for its error.

    Parameters
    ----------
    rejections, tests : (stories,) int
        Of each story; stories weigh the same.
    level : float

    Returns
    -------
    float
        The larger of the binomial tail of the counts divided by `design_effect`, and of the
        one-sided t test of the stories' rates with stories - 1 degrees of freedom. The former
        alone where all stories have the same rate.
    """
    rejections, tests = np.asarray(rejections, float), np.asarray(tests, float)
    effect = design_effect(rejections, tests)
    tail = excess_p(rejections.sum() / effect, tests.sum() / effect, level)
    rates = rejections / tests
    if len(rates) < 2 or np.ptp(rates) == 0:
        return tail
    return max(tail, float(stats.ttest_1samp(rates, level, alternative="greater").pvalue))


def summarise(counts: pd.DataFrame) -> pd.DataFrame:
    """Rates of all cells, and which break the bound.

    Parameters
    ----------
    counts : a row a story of a cell
        test, noise, words, level, judged (False: shown beside, known not to hold), tests,
        rejections.

    Returns
    -------
    DataFrame, a row a cell: test, noise, words, level, judged, tests, rejections, rate, ci_low,
    ci_high (95%), design_effect, p_excess (`story_p`), bound (what p_excess must not fall below),
    holds.

    Raises
    ------
    LmbrainError
        If no cell is judged.
    """
    keys = ["test", "noise", "words", "level", "judged"]
    rows = []
    for key, stories in counts.groupby(keys, sort=False):
        tests, rejections = int(stories["tests"].sum()), int(stories["rejections"].sum())
        effect = design_effect(stories["rejections"].to_numpy(), stories["tests"].to_numpy())
        low, high = rate_interval(rejections / effect, tests / effect)
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "tests": tests,
                "rejections": rejections,
                "rate": rejections / tests,
                "ci_low": low,
                "ci_high": high,
                "design_effect": effect,
                "p_excess": story_p(stories["rejections"], stories["tests"], key[3]),
            }
        )
    table = pd.DataFrame(rows)
    judged = int(table["judged"].sum())
    if judged == 0:
        raise LmbrainError("No test is judged; simulate at least one.")
    table["bound"] = PART_LEVEL / judged
    table["holds"] = table["p_excess"] >= table["bound"]
    return table


def detectable_rate(tests: int, level: float, cells: int, power: float = 0.95) -> float:
    """The smallest true rate that a cell of so many tests would fail at with this probability.

    By the binomial tail alone, of tests divided by their design effect.
    """
    bound = PART_LEVEL / cells
    critical = int(stats.binom.isf(bound, tests, level)) + 1
    return float(stats.beta.ppf(power, critical, tests - critical + 1))
