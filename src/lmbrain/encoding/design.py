"""The design of an encoding model where it must be fitted: on the training samples of each fit.

Principal components of word features see only the words of the training set, as does everything
that is estimated from the story. `prepare` joins resampling and delays (`delays.py`), drift
(`drift.py`) and these components for continuous responses (fMRI, running MEG).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.sparse import csr_array

from lmbrain.encoding.delays import delay_samples, delayed, nearest_samples, resampling_matrix
from lmbrain.encoding.drift import responses_without_drift, without_drift
from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError
from lmbrain.samples import segment_names

# Components with a smaller share of the largest variance are rounding errors.
_NO_VARIANCE = 1e-10


@dataclass(frozen=True)
class DelayedDesign:
    """Design of continuous responses; called with a training set, it is fitted on that set.

    A training word is one that starts during a training sample: whose nearest sample in its
    story and run lies at most half a sampling interval away and is in the training set. Where
    the folds' gap is at least `needed_gap`, neither these words, nor their contexts, nor any
    training row of the design reaches a word heard during a held-out sample.

    Attributes
    ----------
    parts : sequence of (words, p_i) float
        Features of the items that are words.
    components : int or None
        As in `leading_components`.
    rate : bool
        Add a column that is 1 at every word.
    resampling : (n, words) sparse
    nearest : (words,) int
        Sample during which each word starts, -1 for none.
    delays : sequence of int
        In samples.
    folds : Folds
        Of the samples.
    drift_cutoff : float or None
        Seconds.
    """

    parts: Sequence[np.ndarray]
    components: int | None
    rate: bool
    resampling: csr_array
    nearest: np.ndarray
    delays: Sequence[int]
    folds: Folds
    drift_cutoff: float | None

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and columns of the design."""
        return self.resampling.shape[0], len(self.bands)

    @property
    def bands(self) -> np.ndarray:
        """(columns,) int: which part each column comes from, `rate` being the first if there."""
        widths = [1] * self.rate + _widths(self.parts, self.components)
        return np.tile(np.repeat(np.arange(len(widths)), widths), len(self.delays))

    def __call__(self, train: np.ndarray) -> np.ndarray:
        """Design fitted on a training set.

        Parameters
        ----------
        train : (n,) bool
            Training samples.

        Returns
        -------
        (n, columns x delays) float64: `rate` first, then the parts, all at the first delay, then
        at the next. Unscaled: the ridge fit standardises columns on the training samples, so
        that all components weigh the same.
        """
        words = (self.nearest >= 0) & np.asarray(train)[self.nearest]
        columns = leading_components(self.parts, words, self.components)
        if self.rate:
            columns = np.hstack([np.ones((len(columns), 1)), columns])
        placed = self.resampling @ columns
        design = delayed(placed, self.delays, self.folds.segment)
        return without_drift(design, self.folds, self.drift_cutoff, train)


@dataclass(frozen=True)
class WordDesign:
    """Design of word-locked responses; called with a training set, its components fit that set.

    Attributes
    ----------
    parts : sequence of (items, p_i) float
        Rows of items that are no words may be NaN.
    components : int
        As in `leading_components`.
    """

    parts: Sequence[np.ndarray]
    components: int

    @property
    def shape(self) -> tuple[int, int]:
        """Items and columns of the design."""
        return len(self.parts[0]), len(self.bands)

    @property
    def bands(self) -> np.ndarray:
        """(columns,) int: which part each column comes from."""
        widths = _widths(self.parts, self.components)
        return np.repeat(np.arange(len(widths)), widths)

    def __call__(self, train: np.ndarray) -> np.ndarray:
        """(items, columns) float64 design fitted on the training items (items,) bool."""
        return leading_components(self.parts, train, self.components)


def prepare(
    parts: Sequence[np.ndarray],
    responses: xr.DataArray,
    words: pd.DataFrame,
    folds: Folds,
    *,
    components: int | None,
    rate: bool,
    delays: Mapping[str, float],
    repetition_time: float,
    drift_cutoff: float | None,
) -> tuple[DelayedDesign, xr.DataArray]:
    """Bring word features and continuous responses to one table of samples.

    Parameters
    ----------
    parts : sequence of (items, p_i) float
        Word features; rows of items that are no words are not read.
    responses : DataArray (sample, sensor, time)
        With the coordinate `seconds` (sample,) of the run's clock.
    words : DataFrame
        The words table.
    folds : Folds
        Of the samples.
    components : int or None
        As in `leading_components`.
    rate : bool
        Add a column that is 1 at every word.
    delays : mapping
        `start` and `stop` in seconds, both included.
    repetition_time : float
        Seconds between samples.
    drift_cutoff : float or None
        Seconds; slower drift is removed from design and responses.

    Returns
    -------
    design : DelayedDesign
    responses : DataArray, cleared of drift

    Raises
    ------
    LmbrainError
        If no multiple of the repetition time lies in the delays, a word's feature is not finite,
        or a block is too short for the drift cutoff.
    """
    spoken = words["is_word"].to_numpy(bool)
    said = [np.asarray(part, float)[spoken] for part in parts]
    for part in said:
        if not np.isfinite(part).all():
            item = int(np.flatnonzero(spoken)[np.argwhere(~np.isfinite(part))[0, 0]])
            raise LmbrainError(
                f"A feature of item {item} ({words['text'][item]!r}) is not a finite number; "
                "make the features again."
            )
    clock = (
        words["onset"].to_numpy(float)[spoken],
        segment_names(words["story"].to_numpy(str), words["run"].to_numpy(str))[spoken],
        responses["seconds"].to_numpy().astype(float),
        folds.segment,
        repetition_time,
    )
    design = DelayedDesign(
        parts=said,
        components=components,
        rate=rate,
        resampling=resampling_matrix(*clock),
        nearest=nearest_samples(*clock),
        delays=delay_samples(delays["start"], delays["stop"], repetition_time),
        folds=folds,
        drift_cutoff=drift_cutoff,
    )
    return design, responses_without_drift(responses, folds, drift_cutoff)


def leading_components(
    parts: Sequence[np.ndarray], training: np.ndarray, components: int | None
) -> np.ndarray:
    """Replace each wide part of the word features by its leading principal components.

    A part with more columns than `components` is standardised and projected on the principal
    components of its training words (largest variance first; the sign makes the largest loading
    positive). Parts with no more columns stay as they are, so that a few controls are not mixed
    into a model's many features. Components without variance are 0.

    Parameters
    ----------
    parts : sequence of (words, p_i) float
        Rows that hold a NaN (items that are no words) give NaN.
    training : (words,) bool
        Words that the fit may see; their features are finite.
    components : int or None
        Components kept of each part; None keeps the features as they are.

    Returns
    -------
    (words, sum of min(p_i, components)) float64, part by part.

    Raises
    ------
    LmbrainError
        If there are no more training words than components.
    """
    columns = [np.empty((len(training), 0))]
    for part in parts:
        wide = components is not None and part.shape[1] > components
        columns.append(_projected(part, training, components) if wide else part)
    return np.hstack(columns)


def _widths(parts: Sequence[np.ndarray], components: int | None) -> list[int]:
    """Number of columns that `leading_components` makes of each part."""
    widths = [part.shape[1] for part in parts]
    return widths if components is None else [min(w, components) for w in widths]


def _projected(part: np.ndarray, training: np.ndarray, components: int) -> np.ndarray:
    if training.sum() <= components:
        raise LmbrainError(
            f"{training.sum()} training words are too few for {components} principal components; "
            "lower encoding.components or folds.outer."
        )
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # Exact solvers only: the randomised one would give other numbers in every fit.
    solver = "covariance_eigh" if training.sum() >= part.shape[1] else "full"
    pipeline = make_pipeline(StandardScaler(), PCA(components, svd_solver=solver))
    pipeline.fit(part[training])
    projected = np.full((len(part), components), np.nan)
    finite = np.isfinite(part).all(axis=1)
    projected[finite] = pipeline.transform(part[finite])
    variance = pipeline[-1].explained_variance_
    projected[:, variance <= _NO_VARIANCE * variance[0]] = 0.0
    return projected
