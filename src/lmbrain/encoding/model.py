"""The encoding model of one person: a feature space predicts the responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.artefacts import open_netcdf, read_table
from lmbrain.encoding.design import DelayedDesign, WordDesign
from lmbrain.encoding.folds import Folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.errors import LmbrainError


def read_features(
    parts: Sequence[str], paths: Sequence[str | Path], layer: int, words: pd.DataFrame
) -> np.ndarray:
    """Stack the parts of a feature space, (word, feature) float64; NaN where an item is no word.

    Parameters
    ----------
    parts, paths
        Names of the parts and their files: netCDF with `hidden` (word, layer, feature), or a TSV
        whose columns after `item` are features.
    layer
        Hidden layer of the models' files (a file with a single layer is taken as it is).
    words
        The words table, for the number of rows.

    Raises
    ------
    LmbrainError
        If a file lacks the layer or has another number of rows.
    """
    return np.hstack([np.empty((len(words), 0)), *read_parts(parts, paths, layer, words)])


def read_parts(
    parts: Sequence[str], paths: Sequence[str | Path], layer: int, words: pd.DataFrame
) -> list[np.ndarray]:
    """The parts of a feature space, each (word, feature); otherwise as `read_features`."""
    columns = []
    for part, path in zip(parts, paths, strict=True):
        values = _read_part(Path(path), layer)
        if len(values) != len(words):
            raise LmbrainError(
                f"{path} ({part}) has {len(values)} rows for {len(words)} words; make it again."
            )
        columns.append(values)
    return columns


def _read_part(path: Path, layer: int) -> np.ndarray:
    if path.suffix == ".tsv":
        names = [c for c in read_table(path).columns if c != "item"]
        return read_table(path, numeric=tuple(names))[names].to_numpy(float)
    with open_netcdf(path) as features:  # the file is chunked by layer: only this one is read
        hidden = features["hidden"]
        if hidden.sizes["layer"] == 1:
            return hidden.isel(layer=0).to_numpy().astype(float)
        if layer not in hidden["layer"]:
            raise LmbrainError(
                f"{path} holds the layers {hidden['layer'].values.tolist()}, not {layer}; correct "
                "features.layers or encoding.layer in the config."
            )
        return hidden.sel(layer=layer).to_numpy().astype(float)


def encode(
    features: np.ndarray | DelayedDesign | WordDesign,
    responses: xr.DataArray,
    folds: Folds,
    *,
    penalties: Sequence[float],
    penalty_per: str,
    targets: Callable[[int], np.ndarray] | None = None,
) -> tuple[xr.Dataset, xr.DataArray]:
    """Fit and score one person's encoding model by nested cross-validation.

    Parameters
    ----------
    features : (n, p) array, or design fitted on each training set
    responses : DataArray (sample, sensor, time)
    folds
    penalties, penalty_per
        As in `nested_ridge`.
    targets
        Gives the (n, sensor, time) responses of an outer fold to use instead (denoised ones).

    Returns
    -------
    scores
        `r`, `r2` (sensor, time): mean over the test folds; per outer fold (fold, sensor, time):
        `r_per_fold`, `penalty`, `at_edge`, `validation_r` (inner folds only), `response_mean`,
        `response_sd` (training samples).
    prediction
        (sample, sensor, time) float32, held out; NaN for samples in no test fold.
    """
    shape = responses.shape[1:]
    flat: Any = responses.to_numpy().reshape(len(responses), -1)
    if targets is not None:
        chosen = targets

        def flat(outer: int) -> np.ndarray:
            return chosen(outer).reshape(len(responses), -1)

    result = nested_ridge(features, flat, folds, list(penalties), penalty_per)
    per_fold: Mapping[str, np.ndarray] = {
        "r_per_fold": result.r_per_fold,
        "penalty": result.penalty,
        "at_edge": result.at_edge,
        "validation_r": result.validation_r,
        "response_mean": result.response_mean,
        "response_sd": result.response_sd,
    }
    place = {"sensor": responses["sensor"], "time": responses["time"]}
    scores = xr.Dataset(
        {
            "r": (("sensor", "time"), result.r.reshape(shape)),
            "r2": (("sensor", "time"), result.r2.reshape(shape)),
        }
        | {
            name: (("fold", "sensor", "time"), values.reshape(-1, *shape))
            for name, values in per_fold.items()
        },
        coords=place,
        attrs={"n_features": features.shape[1], "penalties": list(result.penalties)},
    )
    prediction = xr.DataArray(
        result.prediction.reshape(responses.shape),
        dims=("sample", "sensor", "time"),
        coords=place,
        name="prediction",
    )
    return scores, prediction
