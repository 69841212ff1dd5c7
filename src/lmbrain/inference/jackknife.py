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

from collections.abc import Sequence
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
        95%, Student t with one degree of freedom less than there are blocks.
    p : (t,)
        One-sided, effect above 0.
    """

    effect: np.ndarray
    error: np.ndarray
    interval: np.ndarray
    p: np.ndarray


@dataclass(frozen=True)
class FoldScores:
    """Scores on the study's axis of folds (k), mean over people.

    Attributes
    ----------
    per_fold : (k, t)
        Their mean over folds is the mean over people of each one's mean over her folds.
    left_out : (k, t)
        The score without each block.
    blocks : float
        How many blocks of equal weight they are worth: k where everybody has all.
    """

    per_fold: np.ndarray
    left_out: np.ndarray
    blocks: float


def mean_over_people(
    people: Sequence[tuple[np.ndarray, np.ndarray, Folds]], folds: Folds
) -> FoldScores:
    """Scores of each person in her own folds, averaged on the study's axis of folds.

    Of K blocks a person has K_p. Her score in one of them has the weight K / K_p, so that the mean
    over the K is that over hers. Without a block that she lacks her score is what it was; what it
    changes by without one of hers is scaled so that the jackknife's formula of K blocks gives her
    own error: by the square root of [g / ((1 - g) K_p)] / [G / ((1 - G) K)], g and G the shares of
    her and of the study's samples that are left. `blocks` is (sum w^2)^2 / sum w^4 with w_k the
    mean over people of the weights: Satterthwaite's, if all that a block adds were shared by all
    who have it, which makes them most unequal.

    Parameters
    ----------
    people : of each, (per_fold, left_out, own folds)
        (k_p, t) each.
    folds
        Of the study.
    """
    parts = [_on_study(*person, folds) for person in people]
    weight, per_fold, left_out = (np.mean(part, axis=0) for part in zip(*parts, strict=True))
    return FoldScores(per_fold, left_out, equal_blocks(weight))


def equal_blocks(weight: np.ndarray) -> float:
    """How many blocks of equal weight blocks of these weights (k,) are worth."""
    share = weight**2
    return float(share.sum() ** 2 / (share**2).sum())


def _on_study(
    per_fold: np.ndarray, left_out: np.ndarray, own: Folds, folds: Folds
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One person's weight (k,), weighted score and scaled score without each block, (k, t)."""
    weight, scale = np.zeros((2, folds.n_outer, 1))
    rows, ratio = own.study_block, folds.n_outer / own.n_outer
    weight[rows] = ratio
    scale[rows, 0] = np.sqrt(ratio * _factors(own) / _factors(folds)[rows])
    weighted = np.zeros((folds.n_outer, *per_fold.shape[1:]), per_fold.dtype)
    weighted[rows] = per_fold * ratio
    without = np.zeros((folds.n_outer, *left_out.shape[1:]), left_out.dtype)
    without[rows] = left_out
    scale = scale.astype(left_out.dtype)
    return weight[:, 0], weighted, without * scale + left_out.mean(axis=0) * (1 - scale)


def _factors(folds: Folds) -> np.ndarray:
    """(k,) g / (1 - g), g the share of the samples left when a block and its gap are out."""
    left = np.array([folds.train(k).sum() for k in range(folds.n_outer)]) / folds.usable.sum()
    return left / (1 - left)


def jackknife(
    per_fold: np.ndarray, left_out: np.ndarray, folds: Folds, blocks: float | None = None
) -> Jackknife:
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
    blocks
        From `mean_over_people`; by default n_outer.

    References
    ----------
    Efron & Stein 1981, Annals of Statistics 9, 586-596; Shao & Wu 1989, Annals of Statistics 17,
    1176-1197 (more than one sample left out); Bengio & Grandvalet 2004, J Mach Learn Res 5,
    1089-1105.
    """
    freedom = (folds.n_outer if blocks is None else blocks) - 1
    effect = per_fold.mean(axis=0, dtype=float)
    apart = (left_out - left_out.mean(axis=0, dtype=float)) ** 2
    error = np.sqrt((_factors(folds)[:, None] * apart).mean(axis=0))
    half = stats.t.ppf(0.975, freedom) * error
    # Equal in all folds and without each: no effect, and no error to measure it by.
    ratio = np.divide(effect, error, out=np.zeros_like(effect), where=error > 0)
    p = stats.t.sf(ratio, freedom)
    return Jackknife(effect, error, np.array([effect - half, effect + half]), p)
