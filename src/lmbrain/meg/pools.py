"""Correlation of one person's response with pools of other people, up to infinitely many.

Let y be a person's response and f_q what another person q tells about it: her own response,
standardised (inter-subject correlation), or what a regression makes of it (cross-subject
prediction). Over all pools of m others, the covariance of y with the pool's mean is a = mean
cov(y, f_q) whatever m, and the variance of the pool's mean is c + (v - c) / m, with v the mean
variance of f_q and c the mean covariance between two others. Their ratio

    r(m) = a / sqrt(var(y) (c + (v - c) / m)),    1 / r(m)^2 linear in 1 / m,

has the asymptote r(inf) = a / sqrt(c var(y)), which needs three people. So the extrapolation over
pool size has a closed form; a least-squares line through 1 / r(m)^2 breaks down where a pool's r is
near 0. For standardised responses and people alike, a = c = rho and v = 1:

    r(m) = sqrt(rho) sqrt(m rho / (1 + (m - 1) rho)),    r(inf) = sqrt(rho),

the attenuation by the person's own noise times that by the pool's (Spearman-Brown).

c is a mean over pairs of different others, and so has to be a^2:

    r(inf)^2 = sum_{q != q'} a_q a_q' / (var(y) sum_{q != q'} c_qq'),

with a_q = cov(y, f_q), which is exact for people of any quality, as a_q a_q' / c_qq' is the same
number for each two others who share one response. The square of the mean of a_q would hold each
other person with herself, too, which overstates r(inf) the more the fewer and the less alike others
are: 1 instead of .5 for two others of whom one shares nothing.

References
----------
Spearman 1904, Am J Psychol 15, 72-101 (correction for attenuation); Spearman 1910, Br J Psychol 3,
271-295, and Brown 1910, ibid. 296-322 (mean of m); Schrimpf et al. 2021, PNAS 118, e2105646118 (a
ceiling at infinitely many people, there by a fitted curve).
"""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np

from lmbrain.encoding.folds import MINIMAL_SAMPLES

# Deviations below this many rounding errors of the raw values count as constant.
_CONSTANT = 10
AT_MOST = 100  # pools of one size; of more than that, so many are drawn


def take_part(present: np.ndarray) -> np.ndarray:
    """Mask (p,) of the people who have enough of some samples that any two share three.

    Parameters
    ----------
    present : (p, n) bool
        Who has which sample.
    """
    return 2 * present.sum(axis=1) >= present.shape[1] + MINIMAL_SAMPLES


def joint_covariance(values: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of each two people's columns over the samples that both have.

    Parameters
    ----------
    values : (p, n, c) float
        Rows of samples that a person lacks are not read.
    present : (p, n) bool
        Any two people share a sample.

    Returns
    -------
    covariance, correlation : (p, p, c) float64
        Correlation is 0 where a column is constant.
    """
    has = present.astype(float)
    number = has @ has.T
    inside = np.where(present[:, :, None], values, 0).astype(float)
    centred = inside - (inside.sum(axis=1) / has.sum(axis=1)[:, None])[:, None]
    centred = np.ascontiguousarray((centred * has[:, :, None]).transpose(2, 0, 1))  # (c, p, n)
    mean = centred @ has.T / number  # [:, a, b]: of a, over the samples that b has, too
    covariance = centred @ centred.transpose(0, 2, 1) / number - mean * mean.transpose(0, 2, 1)
    variance = np.square(centred) @ has.T / number - mean**2
    precision = np.finfo(values.dtype).eps if values.dtype.kind == "f" else np.finfo(float).eps
    smallest = (_CONSTANT * precision * np.abs(inside).max(axis=1)).T[:, :, None] ** 2
    varies = (variance > smallest) & (variance > smallest).transpose(0, 2, 1)
    size = np.sqrt(np.where(varies, variance * variance.transpose(0, 2, 1), 1))
    correlation = np.clip(np.where(varies, covariance / size, 0), -1, 1)
    return covariance.transpose(1, 2, 0), correlation.transpose(1, 2, 0)


def pools_of(
    people: int, size: int, rng: np.random.Generator, at_most: int = AT_MOST
) -> np.ndarray:
    """(m, people) bool, a row a pool of `size` of the people: all, or `at_most` drawn ones."""
    if comb(people, size) <= at_most:
        chosen = [list(pool) for pool in combinations(range(people), size)]
    else:
        chosen = [rng.choice(people, size, replace=False) for _ in range(at_most)]
    members = np.zeros((len(chosen), people), bool)
    for row, pool in zip(members, chosen, strict=True):
        row[pool] = True
    return members


def correlation_with_pools(moments: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Correlation of y with the mean of each pool's f_q.

    Parameters
    ----------
    moments : (1 + q, 1 + q, c) float
        Covariances (or correlations, for standardised f_q) of y, the first, and the others.
    members : (m, q) bool

    Returns
    -------
    (m, c) float64; 0 where the response or the pool's mean is constant.
    """
    weights = members.astype(float)
    both = (weights[:, :, None] * weights[:, None]).reshape(len(weights), -1)
    others = moments[1:, 1:].reshape(-1, moments.shape[2])
    with_pool = weights @ moments[0, 1:]
    size = np.sqrt(np.maximum(moments[0, 0] * (both @ others), 0))
    found = np.divide(with_pool, size, out=np.zeros_like(with_pool), where=size > 0)
    return np.clip(found, -1, 1)


def pool_curve(moments: np.ndarray, rng: np.random.Generator, at_most: int = AT_MOST) -> np.ndarray:
    """Mean correlation of y with pools of 1, 2, ... q others.

    Parameters and units as in `correlation_with_pools` and `pools_of`.

    Returns
    -------
    (q, c) float64
    """
    people = len(moments) - 1
    sizes = range(1, people + 1)
    return np.stack(
        [
            correlation_with_pools(moments, pools_of(people, size, rng, at_most)).mean(axis=0)
            for size in sizes
        ]
    )


def per_variance(moments: np.ndarray) -> np.ndarray:
    """Moments, as in `correlation_with_pools`, per var(y); 0 where y is constant."""
    own = moments[0, 0]
    return np.divide(moments, own, out=np.zeros_like(moments), where=own > 0)


def mean_moments(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance a_q of y with each f_q, and mean c of the covariance between two others.

    Parameters
    ----------
    moments : (1 + q, 1 + q, c) float
        As in `correlation_with_pools`, per var(y), of one fold or averaged over folds; NaN between
        people who share no fold.

    Returns
    -------
    a : (q, c) float64
    c : (c,) float64
        NaN where there is one other.
    """
    others = moments[1:, 1:]
    return moments[0, 1:], fold_mean(others[~np.eye(len(others), dtype=bool)])


def over_pairs(shared: np.ndarray) -> np.ndarray:
    """a^2 of r(inf): the mean product a_q a_q' of two different others.

    Parameters
    ----------
    shared : (q, ...) float
        a_q, or its mean over folds or sensors; NaN for others who share nothing with y.

    Returns
    -------
    (...) float64, below 0 by chance, and where the mean of a_q is; NaN where there is one other.
    """
    number, total = np.isfinite(shared).sum(axis=0), np.nansum(shared, axis=0)
    product = total**2 - np.nansum(np.square(shared), axis=0)
    pairs = np.where(number > 1, number * (number - 1), np.nan)
    return np.where(total < 0, -np.abs(product), product) / pairs


def fold_mean(per_fold: np.ndarray) -> np.ndarray:
    """Mean over those folds (the first axis) that have a value; NaN where none has."""
    there = np.isfinite(per_fold)
    number = there.sum(axis=0)
    total = np.where(there, per_fold, 0).sum(axis=0)
    return np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)


def at_infinitely_many(product: np.ndarray, agreement: np.ndarray) -> np.ndarray:
    """r(inf) = a / sqrt(c), the correlation with the mean of infinitely many others.

    Parameters
    ----------
    product, agreement : arrays of one shape
        a^2 of `over_pairs` and c of `mean_moments`, means over folds.

    Returns
    -------
    Array of that shape within [0, 1], 0 where a^2 is not above 0; NaN where others agree in nothing
    (c not above 0).
    """
    missing = np.full(np.shape(product), np.nan)
    square = np.divide(product, agreement, out=missing, where=agreement > 0)
    return np.sqrt(np.clip(square, 0, 1))


def as_if_alike(shared: np.ndarray, agreement: np.ndarray) -> np.ndarray:
    """mean a_q / sqrt(c), r(inf) of people alike, for the error of r(inf).

    The root of `over_pairs` has none that a jackknife could tell where the product is near 0.

    Parameters
    ----------
    shared : (q, ...) float
        a_q, as in `over_pairs`.
    agreement : (...) float

    Returns
    -------
    (...) float64; NaN where c is not above 0.
    """
    mean = fold_mean(shared)
    agrees = np.sqrt(np.maximum(agreement, 0))
    return np.divide(mean, agrees, out=np.full(mean.shape, np.nan), where=agrees > 0)


def around(limit: np.ndarray, alike: np.ndarray, interval: np.ndarray) -> np.ndarray:
    """Interval (2, ...) of r(inf), as wide as that of `as_if_alike`; within [-1, 1]."""
    return np.clip(limit + (interval - alike), -1, 1)
