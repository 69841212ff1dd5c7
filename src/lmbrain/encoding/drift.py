"""Slow drift, removed inside each block of the folds by itself.

Two slow waves are alike by chance: without this, a feature that drifts along the story predicts
responses that drift for reasons of their own, and no test of such predictions holds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError
from lmbrain.repeats import average_repeats
from lmbrain.responses import read_responses


def read_scored_responses(
    path: str | Path,
    folds: Folds,
    drift_cutoff: float | None,
) -> xr.DataArray:
    """Read one person's responses in the form that predictions are scored against: drift-free.

    Parameters
    ----------
    path
        As in `lmbrain.responses.read_responses`.
    folds
        Of the study; drift is removed inside the person's own (`Folds.of_person`).
    drift_cutoff
        As in `without_drift`.

    Returns
    -------
    DataArray (sample, sensor, time); `usable` are the samples of the person's own folds.
    """
    responses, own = read_with_folds(path, folds)
    clean = responses_without_drift(responses, own, drift_cutoff)
    return clean.assign_coords(usable=("sample", own.usable))


def read_with_folds(path: str | Path, folds: Folds) -> tuple[xr.DataArray, Folds]:
    """Read one person's responses, and her own folds of the study's (`Folds.of_person`)."""
    responses = read_responses(path)
    return responses, folds.of_person(responses["usable"].to_numpy(), str(path))


def responses_without_drift(
    responses: xr.DataArray, folds: Folds, drift_cutoff: float | None
) -> xr.DataArray:
    """`without_drift` of responses, whose repeats are averaged first (`lmbrain.repeats`)."""
    responses = average_repeats(responses, folds)
    values = without_drift(responses.to_numpy(), folds, drift_cutoff)
    return responses.copy(data=values)


def without_drift(
    values: np.ndarray,
    folds: Folds,
    drift_cutoff: float | None,
    train: np.ndarray | None = None,
) -> np.ndarray:
    """Remove mean and slow drift inside each block, story and run of the folds.

    A discrete cosine basis up to the cutoff is fitted by least squares to each stretch by
    itself, so that no sample depends on another block. Responses and design get the same
    treatment: their regression is then that of the drift-free parts.

    Parameters
    ----------
    values : (n, ...) float
        Rows in no block are returned as they are.
    folds : Folds
    drift_cutoff : float or None
        Period above which a cosine counts as drift, in units of `folds.position` (words or
        seconds); None removes nothing.
    train : (n,) bool, optional
        For a design: in blocks with training samples the cosines are fitted to these alone, and
        the others, which no fit reads, become 0. Samples in the gap read words of the held-out
        block, and would carry them into the training samples. (Responses need no such care: a
        design that is orthogonal to the cosines does not see what they leave in the responses.)

    Returns
    -------
    (n, ...) array of the same type.

    Raises
    ------
    LmbrainError
        If a stretch, or what the gap leaves of it for training, has fewer than two samples a
        cosine: too short to tell drift from signal.
    """
    if drift_cutoff is None:
        return values
    clean = values.copy()
    segment = folds.segment
    for outer in range(folds.n_outer):
        block = folds.test(outer)
        fitted = block if train is None or not (train & block).any() else train & block
        clean[block & ~fitted] = 0
        for name in np.unique(segment[fitted]):
            rows = np.flatnonzero(block & (segment == name))
            basis = _cosines(folds.position[rows], drift_cutoff, folds.interval)
            inside = fitted[rows]
            if _too_many(basis, inside.sum()):
                story, run = name.split("\t")
                beyond = "" if inside.all() else "beyond the gap "
                raise LmbrainError(
                    f"Block {outer} of the folds has {inside.sum()} samples {beyond}in story "
                    f"{story}, run {run}, too few to remove drift slower than {drift_cutoff:g}; "
                    "raise encoding.drift_cutoff, or lower folds.outer or folds.gap."
                )
            stretch = values[rows[inside]].reshape(inside.sum(), -1).astype(np.float64)
            stretch -= _fit(basis[inside], stretch)
            clean[rows[inside]] = stretch.reshape(-1, *values.shape[1:])
    return clean


def long_enough(folds: Folds, drift_cutoff: float | None) -> np.ndarray:
    """Mask (n,) of the samples in stretches of which `without_drift` can tell drift from signal."""
    enough = folds.usable.copy()
    if drift_cutoff is None:
        return enough
    stretch = np.char.add(np.char.add(folds.segment, "\t"), folds.block.astype(str))
    for name in np.unique(stretch[enough]):
        rows = np.flatnonzero(folds.usable & (stretch == name))
        basis = _cosines(folds.position[rows], drift_cutoff, folds.interval)
        enough[rows] = not _too_many(basis, len(rows))
    return enough


def _too_many(basis: np.ndarray, samples: int) -> bool:
    """With as many cosines as samples nothing but rounding would be left of these."""
    return 2 * basis.shape[1] > samples


def _fit(basis: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    """Least-squares fit (n, columns) of part or all of the rows of an orthonormal basis."""
    return basis @ np.linalg.lstsq(basis, stretch)[0]


def _cosines(times: np.ndarray, drift_cutoff: float, interval: float) -> np.ndarray:
    """Orthonormal basis (n, frequencies) of the constant and all cosines slower than the cutoff."""
    duration = np.ptp(times) + interval
    phase = (times - times.min() + interval / 2) / duration
    frequencies = np.arange(int(2 * duration / drift_cutoff) + 1)
    return np.linalg.qr(np.cos(np.pi * phase[:, None] * frequencies))[0]
