"""Repeats of the same story: each in units of its own, inside each block of the folds.

A person may hear a story several times. Repeats are z-scored before they are averaged, so that a
loud one does not outweigh the others. Mean and SD are those of one block (story and run) of the
folds: over all data they would carry test samples into the training set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError


def average_repeats(responses: xr.DataArray, folds: Folds) -> xr.DataArray:
    """Mean over repeats, each z-scored inside each block, story and run of the folds.

    Parameters
    ----------
    responses
        (repeat, sample, sensor, time), NaN in all sensors where a sample has fewer repeats; without
        a dimension `repeat` they come back as they are.
    folds
        Of the samples.

    Returns
    -------
    DataArray (sample, sensor, time), in SD of a repeat; 0 for samples in no block.
    """
    if "repeat" not in responses.dims:
        return responses
    like = responses.transpose("repeat", "sample", "sensor", "time")
    mean = _mean(like.to_numpy(), folds, [range(like.sizes["repeat"])])[0]
    return like.isel(repeat=0, drop=True).copy(data=np.nan_to_num(mean))


def halves(responses: xr.DataArray, folds: Folds) -> tuple[np.ndarray, np.ndarray]:
    """Averages of the odd and of the even repeats, the material of a split-half reliability.

    Drift is still in them: `lmbrain.encoding.drift.without_drift` takes it out, with folds whose
    block is -1 where the halves are NaN.

    Parameters
    ----------
    responses
        (repeat, sample, sensor, time) as in `average_repeats`.
    folds
        Of the samples.

    Returns
    -------
    Two (n, s, t) float32 arrays: repeats 1, 3, ... and 2, 4, ... of each sample, in SD of a repeat.
    NaN for samples in no block or with fewer than two repeats.

    Raises
    ------
    LmbrainError
        If no sample has two repeats.
    """
    if responses.sizes.get("repeat", 1) < 2:
        raise LmbrainError(
            "The responses hold no repeats; a split-half reliability needs a story heard twice."
        )
    values = responses.transpose("repeat", "sample", "sensor", "time").to_numpy()
    numbers = range(len(values))
    first, second = _mean(values, folds, [numbers[::2], numbers[1::2]])
    once = ~(np.isfinite(first) & np.isfinite(second)).all(axis=(1, 2))
    first[once] = second[once] = np.nan
    return first, second


def _mean(values: np.ndarray, folds: Folds, groups: Sequence[Sequence[int]]) -> np.ndarray:
    """(groups, n, s, t) float32 means over groups of a sample's repeats; NaN where it has none.

    Group members are numbers among the repeats that the sample has, in their order.
    """
    total = np.zeros((len(groups), *values.shape[1:]), np.float32)
    count, so_far = np.zeros((len(groups), values.shape[1]), int), np.zeros(values.shape[1], int)
    for repeat in values:
        held = ~np.isnan(repeat).all(axis=(1, 2))
        standard = _standardised(repeat, held & folds.usable, folds)
        for number, group in enumerate(groups):
            here = held & folds.usable & np.isin(so_far, list(group))
            total[number, here] += standard[here]
            count[number, here] += 1
        so_far += held
    with np.errstate(invalid="ignore"):
        return total / count[:, :, None, None].astype(np.float32)


def _standardised(values: np.ndarray, held: np.ndarray, folds: Folds) -> np.ndarray:
    """One repeat (n, s, t) in SD about its mean inside each block, story and run; 0 where flat."""
    standard = np.zeros_like(values)
    segment = folds.segment
    for block in range(folds.n_outer):
        inside = held & folds.test(block)
        for name in np.unique(segment[inside]):
            rows = np.flatnonzero(inside & (segment == name))
            stretch = values[rows].astype(np.float64)
            stretch -= stretch.mean(axis=0)
            sd = stretch.std(axis=0)
            standard[rows] = stretch / np.where(sd > 0, sd, 1)
    return standard
