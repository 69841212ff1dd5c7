"""How far a cross-validated score would move with other words: the whole procedure repeated.

Scores of different folds are not independent: each block is tested once and trains the other
blocks' models. An error estimated from the spread of test samples or folds alone is therefore too
small (no unbiased estimate exists from the folds' scores, Bengio & Grandvalet 2004), and with it
two equally good models come out as different in up to 20% of tests at .05. Leaving a block out of
both roles, training and test, repeats the whole procedure on fewer words. Nested cross-validation
has done just that: the inner folds of outer fold k are fitted, penalties included, and tested
without block k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

# Of the jackknife's variance. Each pair of blocks counts twice in it, so where nothing is
# predicted it is twice the true one (Efron & Stein 1981 bound it from below only); where most of
# the variance comes from single blocks, the true one was up to .76 of it (docs/calibration.md).
SHARE = 0.75


@dataclass(frozen=True)
class Jackknife:
    """An effect and its uncertainty.

    Attributes
    ----------
    effect, error : (t,)
        Mean over folds, and its standard error.
    interval : (2, t)
        95%, Student t with n_outer - 1 degrees of freedom.
    p : (t,)
        One-sided, effect above 0.
    """

    effect: np.ndarray
    error: np.ndarray
    interval: np.ndarray
    p: np.ndarray


def jackknife(per_fold: np.ndarray, left_out: np.ndarray) -> Jackknife:
    """Delete-one-block jackknife of the mean over folds.

    Parameters
    ----------
    per_fold : (n_outer, t)
        Score (or difference of two models' scores) of each test fold.
    left_out : (n_outer, t)
        The score without each block (`Fit.left_out_r`).

    References
    ----------
    Efron & Stein 1981, Annals of Statistics 9, 586-596; Bengio & Grandvalet 2004, J Mach Learn
    Res 5, 1089-1105.
    """
    folds = len(per_fold)
    effect = per_fold.mean(axis=0, dtype=float)
    spread = ((left_out - left_out.mean(axis=0, dtype=float)) ** 2).sum(axis=0)
    error = np.sqrt(SHARE * (folds - 1) / folds * spread)
    half = stats.t.ppf(0.975, folds - 1) * error
    # Equal in all folds and without each: no effect, and no error to measure it by.
    ratio = np.divide(effect, error, out=np.zeros_like(effect), where=error > 0)
    p = stats.t.sf(ratio, folds - 1)
    return Jackknife(effect, error, np.array([effect - half, effect + half]), p)
