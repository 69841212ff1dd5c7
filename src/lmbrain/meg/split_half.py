"""Split-half reliability: what repeats of the same words share in one person.

Of a person who heard the same words k times, the mean response to half of the repeats is
correlated with the mean to the other half. Noise is independent between repeats, so the
correlation r estimates the share of variance (reliability) that repeats in a mean of k / 2. By
Spearman-Brown that of the mean of all k is 2 r / (1 + r), and that of a single repeat
(2 / k) r / (1 + (2 / k - 1) r). The square root of each bounds a model's correlation with that
response. Other than between people, what is private to the person counts as signal, and so does
what repeats for reasons other than the words (memory of the first time is lost).

References
----------
Spearman 1910, Br J Psychol 3, 271-295; Brown 1910, ibid. 296-322.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from scipy import stats

from lmbrain.encoding.drift import long_enough, without_drift
from lmbrain.encoding.folds import MINIMAL_SAMPLES, UNUSED, Folds
from lmbrain.encoding.scores import pearson
from lmbrain.errors import LmbrainError
from lmbrain.meg.ceiling import spearman_brown
from lmbrain.repeats import halves

log = logging.getLogger(__name__)

STRETCHES = 10  # at least so many pieces of the story, left out one at a time


@dataclass(frozen=True)
class SplitHalf:
    """Split-half reliability of one person, per sensor (s) and bin (t).

    Attributes
    ----------
    correlation : (s, t)
        r of the halves, inside each test fold, mean over folds; below 0 by chance.
    reliability : (s, t)
        Of the mean of all repeats; 0 where r is negative.
    single : (s, t)
        Of one repeat.
    interval : (2, s, t)
        Ends of the 95% interval of `reliability`, over other words (jackknife over folds, or
        stretches of them where they are fewer than ten); NaN where words are too few for that.
    """

    correlation: np.ndarray
    reliability: np.ndarray
    single: np.ndarray
    interval: np.ndarray


def split_half(half_a: np.ndarray, half_b: np.ndarray, folds: Folds, repeats: int = 2) -> SplitHalf:
    """Estimate the reliability of one person's responses from repeats.

    Parameters
    ----------
    half_a, half_b : (n, s, t) float
        Un-denoised responses, averaged over each half of the repeats; NaN in rows of samples that
        were heard once or not at all.
    folds : Folds
    repeats
        k, how often the samples were heard; for `single`.

    Raises
    ------
    LmbrainError
        If shapes differ, or no fold holds three samples heard twice.
    """
    if half_a.shape != half_b.shape or len(half_a) != len(folds.block):
        raise LmbrainError(
            f"The halves of the repeats have the shapes {half_a.shape} and {half_b.shape} for "
            f"{len(folds.block)} samples; make both from the same responses and folds."
        )
    twice = np.isfinite(half_a).all(axis=(1, 2)) & np.isfinite(half_b).all(axis=(1, 2))
    rows = [np.flatnonzero(folds.test(fold) & twice) for fold in range(folds.n_outer)]
    rows = [one for one in rows if len(one) >= MINIMAL_SAMPLES]
    if not rows:
        raise LmbrainError(
            f"{int(twice.sum())} samples were heard twice, three in none of the folds; leave out "
            "the split-half reliability of this person."
        )
    per_fold = np.stack([pearson(half_a[one], half_b[one]) for one in rows])
    correlation, interval = _jackknife(half_a, half_b, rows, per_fold)
    return SplitHalf(
        correlation=correlation,
        reliability=spearman_brown(correlation, 2),
        single=spearman_brown(correlation, 2 / repeats),
        interval=spearman_brown(np.minimum(interval, 1), 2),
    )


def of_repeats(responses: xr.DataArray, folds: Folds, drift_cutoff: float | None) -> SplitHalf:
    """Split-half reliability of one person's responses, free of drift, from odd and even repeats.

    Stretches of a block in which too few samples were repeated to remove drift are left out.

    Parameters
    ----------
    responses
        (repeat, sample, sensor, time), as in `lmbrain.repeats.halves`.
    folds
        The person's own.
    drift_cutoff
        As in `lmbrain.encoding.drift.without_drift`.

    Raises
    ------
    LmbrainError
        If no sample has two repeats, or three of those left in none of the folds.
    """
    first, second = halves(responses, folds)
    twice = np.isfinite(first).all(axis=(1, 2))
    heard = replace(folds, block=np.where(twice, folds.block, UNUSED))
    enough = long_enough(heard, drift_cutoff)
    if not enough[twice].all():
        short = int((twice & ~enough).sum())
        log.warning("%d repeated samples are left out: too few to remove drift from.", short)
        first[~enough] = second[~enough] = np.nan
        heard, twice = replace(heard, block=np.where(enough, heard.block, UNUSED)), enough
    pair = (without_drift(half, heard, drift_cutoff) for half in (first, second))
    number = responses.notnull().any(("sensor", "time")).sum("repeat").to_numpy()[twice]
    return split_half(*pair, folds, repeats=int(np.median(number)))


def _jackknife(
    half_a: np.ndarray, half_b: np.ndarray, rows: list[np.ndarray], per_fold: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean r over folds, and its interval without one fold, or stretch of one, at a time.

    Repeats are often of one story in one fold, so that folds are cut into stretches where they
    are fewer than ten.
    """
    total, left = per_fold.sum(axis=0), []
    for one, r in zip(rows, per_fold, strict=True):
        stretches = np.array_split(one, -(-STRETCHES // len(rows)))
        if len(stretches) == 1:
            left.append((total - r) / (len(rows) - 1))
        elif len(one) >= STRETCHES * MINIMAL_SAMPLES:
            for stretch in stretches:
                rest = np.setdiff1d(one, stretch)
                left.append((total - r + pearson(half_a[rest], half_b[rest])) / len(rows))
        else:
            return total / len(rows), np.full((2, *total.shape), np.nan)
    number, apart = len(left), np.stack(left) - np.mean(left, axis=0)
    error = np.sqrt((number - 1) / number * np.square(apart).sum(axis=0))
    half = stats.t.ppf(0.975, number - 1) * error
    mean = total / len(rows)
    return mean, np.stack([mean - half, mean + half])
