"""Continuous responses (fMRI, running MEG): from word features to a delayed design.

Word features are impulses at the words' onsets. They are low-passed to the volumes' rate, copied
at several delays so that ridge finds the shape of the response, and cleared of slow drift, as the
responses are. Nothing crosses the border of a story; drift is removed inside each block of the
folds, so that no training sample depends on a held-out one. Delays and the filter do reach from
one block into the next: the folds' gap must cover the longest delay plus LOBES volumes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError
from lmbrain.responses import read_responses

# Lobes of the Lanczos kernel on either side of a volume (Huth et al. 2016).
LOBES = 3


def prepare(
    features: np.ndarray,
    responses: xr.DataArray,
    words: pd.DataFrame,
    folds: Folds,
    *,
    rate: bool,
    delays: Mapping[str, float],
    repetition_time: float,
    drift_cutoff: float | None,
) -> tuple[np.ndarray, xr.DataArray]:
    """Bring word features and continuous responses to one table of volumes.

    Parameters
    ----------
    features : (words, p) float
        Rows of items that are no words are not read.
    responses : DataArray (sample, sensor, time)
        With the coordinate `seconds` (sample,).
    words : DataFrame
        The words table.
    folds : Folds
        Of the volumes.
    rate : bool
        Add a column that is 1 at every word.
    delays : mapping
        `start` and `stop` in seconds, both included.
    repetition_time : float
        Seconds between volumes.
    drift_cutoff : float or None
        Seconds; slower drift is removed from design and responses.

    Returns
    -------
    design : (volumes, columns) float64
    responses : DataArray, cleared of drift

    Raises
    ------
    LmbrainError
        If no multiple of the repetition time lies in the delays, a word's feature is not finite,
        or a block is too short for the drift cutoff.
    """
    spoken = words["is_word"].to_numpy(bool)
    columns = np.asarray(features, float)[spoken]
    if rate:
        columns = np.hstack([np.ones((len(columns), 1)), columns])
    if not np.isfinite(columns).all():
        item = int(np.flatnonzero(spoken)[np.argwhere(~np.isfinite(columns))[0, 0]])
        raise LmbrainError(
            f"A feature of item {item} ({words['text'][item]!r}) is not a finite number; make "
            "the features again."
        )
    placed = place_at_volumes(
        columns,
        words["onset"].to_numpy(float)[spoken],
        words["story"].to_numpy(str)[spoken],
        folds.position,
        folds.story,
        repetition_time,
    )
    steps = delay_samples(delays["start"], delays["stop"], repetition_time)
    design = delayed(placed, steps, folds.story)
    return (
        without_drift(design, folds, drift_cutoff, repetition_time),
        _responses_without_drift(responses, folds, drift_cutoff, repetition_time),
    )


def read_scored_responses(
    path: str | Path,
    folds: Folds,
    drift_cutoff: float | None,
    repetition_time: float | None,
) -> xr.DataArray:
    """Read one person's responses in the form that predictions are scored against.

    Word-locked responses come as they are, continuous ones cleared of drift as in `prepare`.
    """
    responses = read_responses(path)
    return _responses_without_drift(responses, folds, drift_cutoff, repetition_time)


def place_at_volumes(
    features: np.ndarray,
    onsets: np.ndarray,
    word_story: np.ndarray,
    volume_times: np.ndarray,
    volume_story: np.ndarray,
    repetition_time: float,
) -> np.ndarray:
    """Low-pass word features at the volumes' Nyquist frequency and sample them there.

    Each word's features are an impulse at its onset, convolved with a Lanczos kernel,
    sinc(u) sinc(u / LOBES) with u in volumes.

    Parameters
    ----------
    features : (words, p) float
    onsets, word_story : (words,)
        Seconds of the volumes' clock, and story, of each word.
    volume_times, volume_story : (volumes,)
        Seconds and story of each volume.
    repetition_time : float
        Seconds.

    Returns
    -------
    (volumes, p) float64.
    """
    placed = np.zeros((len(volume_times), features.shape[1]))
    for story in np.unique(volume_story):
        rows, columns = volume_story == story, word_story == story
        volumes = (volume_times[rows, None] - onsets[columns]) / repetition_time
        kernel = np.sinc(volumes) * np.sinc(volumes / LOBES) * (np.abs(volumes) < LOBES)
        placed[rows] = kernel @ features[columns]
    return placed


def delay_samples(start: float, stop: float, repetition_time: float) -> list[int]:
    """Delays in volumes: the multiples of the repetition time from `start` to `stop` seconds.

    Raises
    ------
    LmbrainError
        If there is none.
    """
    first = int(np.ceil(start / repetition_time - 1e-9))
    last = int(np.floor(stop / repetition_time + 1e-9))
    if last < first:
        raise LmbrainError(
            f"encoding.delays from {start:g} to {stop:g} s hold no multiple of the repetition "
            f"time {repetition_time:g} s; widen them."
        )
    return list(range(first, last + 1))


def delayed(values: np.ndarray, delays: Sequence[int], story: np.ndarray) -> np.ndarray:
    """Copies of the columns at several delays (finite impulse response design).

    Parameters
    ----------
    values : (n, p) float
        Equally spaced samples, in order of time inside each story.
    delays : sequence of int
        In samples; at delay d, row i holds row i - d.
    story : (n,) str

    Returns
    -------
    (n, p * len(delays)) float, delay by delay; zeros where row i - d lies outside the story.
    """
    size = values.shape[1]
    design = np.zeros((len(values), size * len(delays)), values.dtype)
    for name in np.unique(story):
        rows = np.flatnonzero(story == name)
        for number, delay in enumerate(delays):
            source = np.arange(len(rows)) - delay
            inside = (source >= 0) & (source < len(rows))
            block = slice(number * size, (number + 1) * size)
            design[rows[inside], block] = values[rows[source[inside]]]
    return design


def without_drift(
    values: np.ndarray, folds: Folds, drift_cutoff: float | None, repetition_time: float | None
) -> np.ndarray:
    """Remove mean and slow drift inside each block and story of the folds.

    A discrete cosine basis up to the cutoff is fitted by least squares to each stretch by
    itself, so that no sample depends on another block. Give responses and design the same
    treatment: their regression is then that of the drift-free parts.

    Parameters
    ----------
    values : (n, ...) float
        Rows in no block are returned as they are.
    folds : Folds
        Positions in seconds.
    drift_cutoff : float or None
        Period in seconds above which a cosine counts as drift; None removes nothing.
    repetition_time : float or None
        Seconds between volumes; not needed without a cutoff.

    Returns
    -------
    (n, ...) array of the same type.

    Raises
    ------
    LmbrainError
        If a stretch is too short to tell drift from signal.
    """
    if drift_cutoff is None:
        return values
    clean = values.copy()
    for outer in range(folds.n_outer):
        for story in np.unique(folds.story[folds.test(outer)]):
            rows = np.flatnonzero(folds.test(outer) & (folds.story == story))
            basis = _cosines(folds.position[rows], drift_cutoff, repetition_time)
            if 2 * basis.shape[1] > len(rows):
                raise LmbrainError(
                    f"Block {outer} of the folds has {len(rows)} volumes in story {story}, too "
                    f"few to remove drift slower than {drift_cutoff:g} s; raise "
                    "encoding.drift_cutoff or lower folds.outer."
                )
            stretch = values[rows].reshape(len(rows), -1).astype(np.float64)
            stretch -= basis @ (basis.T @ stretch)
            clean[rows] = stretch.reshape(len(rows), *values.shape[1:])
    return clean


def _cosines(times: np.ndarray, drift_cutoff: float, repetition_time: float) -> np.ndarray:
    """Orthonormal basis (n, frequencies) of the constant and all cosines slower than the cutoff."""
    duration = np.ptp(times) + repetition_time
    phase = (times - times.min() + repetition_time / 2) / duration
    frequencies = np.arange(int(2 * duration / drift_cutoff) + 1)
    return np.linalg.qr(np.cos(np.pi * phase[:, None] * frequencies))[0]


def _responses_without_drift(
    responses: xr.DataArray,
    folds: Folds,
    drift_cutoff: float | None,
    repetition_time: float | None,
) -> xr.DataArray:
    values = without_drift(responses.to_numpy(), folds, drift_cutoff, repetition_time)
    return responses.copy(data=values)
