"""The encoding model of one person: a feature space predicts the responses."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.artefacts import open_netcdf, read_table
from lmbrain.encoding.bands import banded
from lmbrain.encoding.cost import estimate_cost
from lmbrain.encoding.folds import Folds
from lmbrain.encoding.penalties import penalty_groups
from lmbrain.encoding.ridge import NestedRidgeResult, nested_ridge
from lmbrain.encoding.space import FeatureSpace
from lmbrain.errors import LmbrainError

log = logging.getLogger(__name__)

PLACE = ("sensor", "time")
PER_FOLD = (
    "r_per_fold",
    "penalty",
    "at_edge",
    "weighting",
    "validation_r",
    "validation_r2",
    "response_mean",
    "response_sd",
)


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


def layers_of(path: str | Path) -> list[int]:
    """The hidden layers that a file of features holds."""
    with open_netcdf(path) as features:
        return [int(layer) for layer in features["layer"]]


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
    space: FeatureSpace,
    responses: xr.DataArray,
    folds: Folds,
    *,
    penalties: Sequence[float],
    penalty_per: Literal["target", "sensor", "bin", "all"],
    weightings: int = 0,
    device: str | None = None,
    targets: Callable[[int], np.ndarray] | None = None,
) -> tuple[xr.Dataset, xr.DataArray]:
    """Fit and score one person's encoding model by nested cross-validation.

    Parameters
    ----------
    space : FeatureSpace
    responses : DataArray (sample, sensor, time)
    folds : Folds
        The person's own.
    penalties : sequence of float
        Grid of ridge penalties.
    penalty_per : "target", "sensor", "bin" or "all"
        Who shares a penalty (`lmbrain.encoding.penalties.penalty_groups`).
    weightings : int
        Relative weights of the space's parts tried beside equal ones, so that each part gets a
        penalty of its own; 0: one penalty for all parts.
    device : str, optional
        Torch device for target-sized products; default: numpy.
    targets : callable, optional
        Gives the (n, sensor, time) responses of an outer fold to use instead (denoised ones).

    Returns
    -------
    scores
        `r`, `r2` (sensor, time): mean over the test folds; per outer fold of the study (fold,
        sensor, time), NaN in those that the person lacks:
        `r_per_fold`, `penalty`, `at_edge`, `weighting`, `validation_r` and `validation_r2` (inner
        folds only), `response_mean`, `response_sd` (training samples).
    prediction
        (sample, sensor, time) float32, held out; NaN for samples in no test fold.
    """
    shape = responses.shape[1:]
    flat: Any = responses.to_numpy().reshape(len(responses), -1)
    if targets is not None:
        chosen = targets

        def flat(outer: int) -> np.ndarray:
            return chosen(outer).reshape(len(responses), -1)

    size = space.features.shape[1]
    cost = estimate_cost(
        folds,
        size,
        math.prod(shape),
        len(penalties),
        n_weightings=1 + weightings * (len(space.names) > 1),
        fitted_design=callable(space.features),
        own_targets=targets is not None,
    )
    log.info("Encoding model of %d features and %d targets: %s.", size, math.prod(shape), cost)
    result = nested_ridge(
        space.features,
        flat,
        folds,
        penalties,
        penalty_groups(penalty_per, *shape),
        **banded(space, weightings),
        device=device,
        progress=True,
    )
    if result.edge_note:
        log.warning("%s", result.edge_note)
    prediction = xr.DataArray(
        result.prediction.reshape(responses.shape),
        dims=("sample", *PLACE),
        coords={name: responses[name] for name in PLACE},
        name="prediction",
    )
    return _scores(result, responses, folds).assign_attrs(n_features=size), prediction


def _scores(result: NestedRidgeResult, responses: xr.DataArray, folds: Folds) -> xr.Dataset:
    """Scores of a fit by sensor and bin, per fold of the study where they have folds."""
    shape = responses.shape[1:]
    means = {name: (PLACE, getattr(result, name).reshape(shape)) for name in ("r", "r2")}
    per_fold = {
        name: (("fold", *PLACE), folds.onto_study(getattr(result, name).reshape(-1, *shape)))
        for name in PER_FOLD
    }
    return xr.Dataset(
        means | per_fold,
        coords={name: responses[name] for name in PLACE},
        attrs={"penalties": list(result.penalties)},
    )
