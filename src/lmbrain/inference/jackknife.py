"""How far a cross-validated score would move with other words: the whole procedure repeated.

Scores of different folds are not independent: each block is tested once and trains the other
blocks' models. An error estimated from the spread of test samples or folds alone is therefore too
small (no unbiased estimate exists from the folds' scores, Bengio & Grandvalet 2004), and with it
two equally good models come out as different in up to 20% of tests at .05. Leaving a block out of
both roles, training and test, repeats the whole procedure on fewer words. Nested cross-validation
has done just that: the inner folds of outer fold k are fitted, penalties included, and tested
without block k.

The jackknife errs on the safe side (Efron & Stein 1981): where nothing is predicted, all variance
comes from pairs of blocks, which count twice, and its variance is twice the true one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from lmbrain.encoding.folds import Folds


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


def jackknife(per_fold: np.ndarray, left_out: np.ndarray, folds: Folds) -> Jackknife:
    """Delete-one-block jackknife of the mean over folds.

    With a share g_k of the samples left when block k and its gap are out, the variance is the
    mean over k of g_k / (1 - g_k) (left_out_k - mean)^2.

    Parameters
    ----------
    per_fold : (n_outer, t)
        Score (or difference of two models' scores) of each test fold.
    left_out : (n_outer, t)
        The score without each block (`lmbrain.inference.fits.Fit.left_out_r`).
    folds

    References
    ----------
    Efron & Stein 1981, Annals of Statistics 9, 586-596; Shao & Wu 1989, Annals of Statistics 17,
    1176-1197 (more than one sample left out); Bengio & Grandvalet 2004, J Mach Learn Res 5,
    1089-1105.
    """
    freedom = folds.n_outer - 1
    left = np.array([folds.train(k).sum() for k in range(folds.n_outer)]) / folds.usable.sum()
    effect = per_fold.mean(axis=0, dtype=float)
    apart = (left_out - left_out.mean(axis=0, dtype=float)) ** 2
    error = np.sqrt(((left / (1 - left))[:, None] * apart).mean(axis=0))
    half = stats.t.ppf(0.975, freedom) * error
    # Equal in all folds and without each: no effect, and no error to measure it by.
    ratio = np.divide(effect, error, out=np.zeros_like(effect), where=error > 0)
    p = stats.t.sf(ratio, freedom)
    return Jackknife(effect, error, np.array([effect - half, effect + half]), p)
