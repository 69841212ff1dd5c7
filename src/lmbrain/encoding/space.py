"""A feature space: parts side by side, each a band of columns of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.encoding.design import DelayedDesign, WordDesign, prepare
from lmbrain.encoding.drift import responses_without_drift, without_drift
from lmbrain.encoding.folds import Folds


@dataclass(frozen=True)
class FeatureSpace:
    """What an encoding model predicts from.

    Attributes
    ----------
    names : sequence of str
        Of the parts, `rate` first where there is one.
    features : (n, p) array, or design fitted on each training set
    bands : (p,) int
        Number of the part that each column belongs to.
    """

    names: Sequence[str]
    features: np.ndarray | DelayedDesign | WordDesign
    bands: np.ndarray


def feature_space(
    names: Sequence[str],
    parts: Sequence[np.ndarray],
    words: pd.DataFrame,
    responses: xr.DataArray,
    folds: Folds,
    *,
    components: int | None,
    rate: bool,
    delays: Mapping[str, float] | None,
    repetition_time: float | None,
    drift_cutoff: float | None,
) -> tuple[FeatureSpace, xr.DataArray]:
    """Join word features to a space, in the samples of the responses.

    Parameters
    ----------
    names, parts
        Of each part its name and its features (items, p_i).
    words, responses, folds
        The words table, one person's responses, and the folds of their samples.
    components : int or None
        Principal components kept of each wider part, fitted on training words.
    rate, delays, repetition_time
        Of continuous responses, as in `lmbrain.encoding.design.prepare`; delays are None for
        word-locked ones.
    drift_cutoff : float or None
        Slower drift is removed from features and responses (`lmbrain.encoding.drift`).

    Returns
    -------
    space : FeatureSpace
    responses : DataArray
        Cleared of drift.
    """
    if delays is not None:
        design, responses = prepare(
            parts,
            responses,
            words,
            folds,
            components=components,
            rate=rate,
            delays=delays,
            repetition_time=repetition_time,
            drift_cutoff=drift_cutoff,
        )
        names = ["rate", *names] if rate else names
        return FeatureSpace(list(names), design, design.bands), responses
    # A block's own words alone enter its cosines. Features of words in the gap have read held-out
    # words, but no response to them.
    parts = [without_drift(part, folds, drift_cutoff) for part in parts]
    responses = responses_without_drift(responses, folds, drift_cutoff)
    if components is not None:
        design = WordDesign(parts, components)
        return FeatureSpace(list(names), design, design.bands), responses
    bands = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    return FeatureSpace(list(names), np.hstack(parts), bands), responses
