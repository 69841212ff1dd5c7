"""P-values from resamples, and their correction for many tests."""

from __future__ import annotations

import math

import numpy as np

# Rounding in sums must not turn a tie between the observed value and its own copy into a win.
_ROUNDING = 1e-9


def empirical_p(observed: np.ndarray, null: np.ndarray, exact: bool = False) -> np.ndarray:
    """Share of null values that reach the observed one.

    Parameters
    ----------
    observed : (t,)
        Large values speak against the null.
    null : (r, t)
    exact
        False: `null` is a random draw and the observed value counts as one more,
        p = (k + 1) / (r + 1). True: `null` is the whole set, the observed value among it,
        p = k / r.

    Returns
    -------
    (t,) in [1 / (r + 1), 1].

    References
    ----------
    Phipson & Smyth 2010, Stat Appl Genet Mol Biol 9, 39.
    """
    reached = times_reached(observed, null)
    return reached / len(null) if exact else (reached + 1) / (len(null) + 1)


def times_reached(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """(t,) int: how many of the null values (r, t) reach the observed ones, to rounding."""
    tolerance = _ROUNDING * np.maximum(1.0, np.abs(observed))
    return (null >= (observed - tolerance)[None]).sum(axis=0)


def max_statistic(observed: np.ndarray, maxima: np.ndarray, exact: bool = False) -> np.ndarray:
    """Family-wise corrected p: the share of resamples whose largest value reaches each test's.

    Parameters
    ----------
    observed : (t,)
    maxima : (r,)
        Maximum over all tests in each resample.
    exact
        As in `empirical_p`.

    Returns
    -------
    (t,)

    References
    ----------
    Nichols & Holmes 2002, Hum Brain Mapp 15, 1-25.
    """
    tolerance = _ROUNDING * np.maximum(1.0, np.abs(observed))
    reached = len(maxima) - np.searchsorted(np.sort(maxima), observed - tolerance, side="left")
    return reached / len(maxima) if exact else (reached + 1) / (len(maxima) + 1)


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """False discovery rate at which each test would be kept (Benjamini & Hochberg 1995)."""
    from scipy.stats import false_discovery_control

    return false_discovery_control(p, method="bh")


def holm(p: np.ndarray) -> np.ndarray:
    """Family-wise corrected p by Holm's step-down of Bonferroni, valid under any dependence."""
    if len(p) == 1:
        return p
    from statsmodels.stats.multitest import multipletests

    return multipletests(p, method="holm")[1]


def resamples_note(tests: int, resamples: int, level: float) -> str | None:
    """Say so where the smallest possible p is too large for false discovery control.

    Benjamini-Hochberg keeps k tests at the floor 1 / (resamples + 1) only if the floor is no more
    than k * level / tests.

    Returns
    -------
    None if one test at the floor can pass alone.
    """
    needed = math.ceil(tests / (level * (resamples + 1)) - _ROUNDING)
    if needed <= 1:
        return None
    return (
        f"Benjamini-Hochberg over {tests} tests with {resamples} resamples keeps nothing unless "
        f"at least {needed} tests reach the smallest p, 1/{resamples + 1}; "
        f"{math.ceil(tests / level) - 1} resamples would let a single test pass. "
        "The maximum statistic has no such limit."
    )
