"""Which sensors enter the divergence, chosen in each outer fold without its test samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmbrain.divergence.people import samples_of_people
from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError


def select_reliable_sensors(
    responses: Sequence[np.ndarray],
    folds: Folds,
    window: np.ndarray,
    fraction: float,
    usable: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """The sensors whose responses people share most, in each fold's training samples.

    Shared responses show where brains say anything about the words, be it predicted or not: the
    best predicted sensors may leave out those where the language model fails.

    Parameters
    ----------
    responses : of two or more people, (n, s, t)
        Not denoised.
    folds
    window : (t,) bool
    fraction : (0, 1]
        Of the sensors to keep, at least one.
    usable : of each person, (n,) bool
        The samples of her own folds; by default all.

    Returns
    -------
    (n_outer, s) bool, True where the correlation between people, mean over pairs (that have the
    sample) and bins of the window, is highest.

    Raises
    ------
    LmbrainError
        If there are fewer than two people, shapes disagree, the window holds no bin, or a sensor
        is constant or not finite in a training fold, or if no two people share a training sample.
    """
    people, shape = len(responses), responses[0].shape
    if people < 2:
        raise LmbrainError("Reliable sensors need at least two people.")
    if any(r.shape != shape for r in responses) or shape[0] != len(folds.block):
        raise LmbrainError("The people's responses differ in shape; rerun from the same folds.")
    has = samples_of_people(responses, folds, usable)
    bins = np.flatnonzero(window_mask(window, shape[2]))
    score = np.empty((folds.n_outer, shape[1]))
    for fold in range(folds.n_outer):
        train = folds.train(fold)
        total = np.zeros((train.sum(), shape[1], len(bins)), np.float32)
        for person, response in enumerate(responses):
            own = train & has[person]
            values = response[np.ix_(own, np.arange(shape[1]), bins)]
            mean, sd = values.mean(axis=0, dtype=float), values.std(axis=0, dtype=float)
            if not (sd > 0).all():
                raise LmbrainError(
                    f"Person {person} (from 0) has a sensor that is constant or not finite in a "
                    "training fold; mark it as bad."
                )
            total[own[train]] += (values - mean.astype(np.float32)) / sd.astype(np.float32)
        # The variance of a sum of standardised responses: 1 each, and twice r a pair.
        together = has[:, train].sum(axis=0)
        pairs = (together * (together - 1)).sum() / len(total)
        if pairs == 0:
            raise LmbrainError(
                f"No two people have a sample in common outside block {fold} of the folds; "
                "list one of them under data.exclude."
            )
        shared = (np.mean(total**2, axis=0, dtype=float) - together.sum() / len(total)) / pairs
        score[fold] = shared.mean(axis=1)
    return _highest(score, fraction)


def select_sensors(validation_r: np.ndarray, window: np.ndarray, fraction: float) -> np.ndarray:
    """The best predicted sensors of each outer fold, by its inner folds alone: for one person.

    Parameters
    ----------
    validation_r : (n_outer, s, t)
        r of the inner folds, which never hold the outer fold's test samples; mean over people.
    window : (t,) bool
    fraction : (0, 1]
        Of the sensors to keep, at least one.

    Returns
    -------
    (n_outer, s) bool

    Raises
    ------
    LmbrainError
        If the window holds no bin or an r is missing.
    """
    window = window_mask(window, validation_r.shape[2])
    score = validation_r[:, :, window].mean(axis=2)
    if not np.isfinite(score).all():
        raise LmbrainError("validation_r holds a value that is no number; rerun the encoding.")
    return _highest(score, fraction)


def window_mask(window: np.ndarray, size: int) -> np.ndarray:
    """The mask itself, (size,) bool, refused if it is none or empty."""
    # An integer 0/1 array would pick the first two bins instead of masking.
    if window.dtype != bool or window.shape != (size,):
        raise LmbrainError(f"window must be True or False for each of {size} bins.")
    if not window.any():
        raise LmbrainError("The divergence window holds no bin; widen divergence.window.")
    return window


def _highest(score: np.ndarray, fraction: float) -> np.ndarray:
    """Mask (n_outer, s) of the highest scores in each row; equal ones: the earlier sensor."""
    keep = max(1, round(fraction * score.shape[1]))
    best = np.argsort(-score, axis=1, kind="stable")[:, :keep]
    masks = np.zeros(score.shape, bool)
    np.put_along_axis(masks, best, True, axis=1)
    return masks
