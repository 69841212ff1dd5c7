"""Means over people and pairs of people, of whom some may lack a sample.

What a person lacks is NaN. A mean over people is over those who have the sample, one over pairs
over the pairs of which both have it; NaN where there is none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError


def samples_of_people(
    responses: Sequence[np.ndarray], folds: Folds, usable: Sequence[np.ndarray] | None
) -> np.ndarray:
    """(people, n) bool: the study's samples that each person has; None: all of them."""
    if usable is None:
        return np.broadcast_to(folds.usable, (len(responses), len(folds.block)))
    if len(usable) != len(responses):
        raise LmbrainError("There are not as many masks of usable samples as people.")
    return np.array([folds.usable & mask for mask in usable])


def mean_over_people(values: np.ndarray) -> np.ndarray:
    """(people, n) to (n,), over the people who have a value; NaN where nobody has."""
    count = np.isfinite(values).sum(axis=0)
    total = np.nansum(values, axis=0)
    return total / np.where(count > 0, count, np.nan).astype(values.dtype)


def mean_without(own: np.ndarray, person: int, pairs: bool) -> np.ndarray:
    """(n,) the mean over the other people, or over the pairs without this person.

    Summed over people, products with the mean of the others count every pair twice; those with
    this person are as many as two times its own row.
    """
    has = np.isfinite(own)
    left = (2 if pairs else 1) * has[person].astype(own.dtype)
    count = has.sum(axis=0).astype(own.dtype) - left
    rest = np.nansum(own, axis=0) - left * np.nan_to_num(own[person])
    return rest / np.where(count > 0, count, np.nan)


def pair_products(values: Sequence[np.ndarray]) -> np.ndarray:
    """Row-wise products of each person with the mean of the others, <v_p, mean v_q> / d.

    Their mean over people is that over pairs p != q of <v_p, v_q> / d: unbiased for the energy of
    what people share, when the rest is independent between them.

    Parameters
    ----------
    values : of each of two or more people, (n, d)
        Rows that a person lacks are NaN.

    Returns
    -------
    (people, n), over the others who have the row; NaN where the person lacks it or nobody else
    has it.
    """
    has = np.array([np.isfinite(v[:, 0]) for v in values])
    total = sum(np.nan_to_num(v) for v in values)
    products = np.array([np.mean(v * (total - v), axis=1) for v in values])
    others = np.where(has, has.sum(axis=0) - 1, 0)
    return products / np.where(others > 0, others, np.nan).astype(products.dtype)
