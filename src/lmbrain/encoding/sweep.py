"""Which layer, over which context, predicts best: every choice fitted and scored the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr

from lmbrain.encoding.bands import banded
from lmbrain.encoding.folds import Folds
from lmbrain.encoding.penalties import penalty_groups
from lmbrain.encoding.ridge import NestedRidgeResult, nested_ridge
from lmbrain.encoding.space import FeatureSpace

Choice = tuple[int, int]  # context in words, layer


def sweep(
    alone: Callable[[list[np.ndarray]], FeatureSpace],
    beside: Callable[[list[np.ndarray]], FeatureSpace],
    controls: FeatureSpace | None,
    states: Mapping[Choice, Callable[[], list[np.ndarray]]],
    responses: xr.DataArray,
    folds: Folds,
    *,
    penalties: Sequence[float],
    penalty_per: str,
    weightings: int = 0,
    device: str | None = None,
) -> xr.Dataset:
    """Fit each layer and context length alone and beside the controls.

    The best choice of an outer fold is the one with the highest R2 over its inner folds, so no
    test sample has a say in it.

    Parameters
    ----------
    alone, beside : callable
        Make of the features of a choice, a list with one part (items, p), a space with nothing
        else, and a space with the controls.
    controls : FeatureSpace or None
        The controls by themselves; None for none.
    states : mapping
        Of each context length and layer, a callable that reads its features: one at a time is in
        memory.
    responses : DataArray (sample, sensor, time)
    folds : Folds
        The person's own.
    penalties, penalty_per, weightings, device
        As in `lmbrain.encoding.model.encode`.

    Returns
    -------
    Dataset
        By choice (coordinates `context_words` and `layer`): `r` (choice, sensor, time) of the
        layer alone; `unique`, its R2 beside the controls less that of the controls; the same
        `_per_fold` (choice, fold, sensor, time), NaN in folds of the study that the person lacks;
        `validation_r2` (choice, fold, sensor, time) of the layer beside the controls in the inner
        folds. `best` (fold,): number of the choice with the highest mean validation R2 over
        sensors and bins, -1 in folds that the person lacks; `best_r`, `best_unique` (sensor,
        time): of the choices so made.
    """
    flat = responses.to_numpy().reshape(len(responses), -1)
    groups = penalty_groups(penalty_per, *responses.shape[1:])

    def fit(space: FeatureSpace) -> NestedRidgeResult:
        return nested_ridge(
            space.features,
            flat,
            folds,
            penalties,
            groups,
            **banded(space, weightings),
            device=device,
            progress=True,
        )

    floor = 0.0 if controls is None else fit(controls).r2_per_fold
    found: dict[str, list[np.ndarray]] = {"r": [], "unique": [], "validation_r2": []}
    for read in states.values():
        values = read()
        by_itself = fit(alone(values))
        joined = by_itself if controls is None else fit(beside(values))
        found["r"].append(by_itself.r_per_fold)
        found["unique"].append(joined.r2_per_fold - floor)
        found["validation_r2"].append(joined.validation_r2)
    return _chosen(_by_choice(found, list(states), responses, folds))


def _by_choice(
    found: Mapping[str, Sequence[np.ndarray]],
    choices: Sequence[Choice],
    responses: xr.DataArray,
    folds: Folds,
) -> xr.Dataset:
    """Scores of each choice by fold of the study, sensor and bin."""
    shape = responses.shape[1:]
    return xr.Dataset(
        {
            name if name == "validation_r2" else f"{name}_per_fold": (
                ("choice", "fold", "sensor", "time"),
                np.stack([folds.onto_study(v.reshape(-1, *shape)) for v in values]),
            )
            for name, values in found.items()
        },
        coords={
            "context_words": ("choice", [context for context, _ in choices]),
            "layer": ("choice", [layer for _, layer in choices]),
            "sensor": responses["sensor"],
            "time": responses["time"],
        },
    )


def _chosen(result: xr.Dataset) -> xr.Dataset:
    """Add means over folds, and those of the choice that each fold's inner folds favour."""
    result = result.copy()
    # Any choice in a fold that the person lacks: its scores are missing all the same.
    validation = result["validation_r2"].mean(("sensor", "time"))
    best = validation.fillna(0).argmax("choice")
    for name in ("r", "unique"):
        per_fold = result[f"{name}_per_fold"]
        result[name] = per_fold.mean("fold")
        result[f"best_{name}"] = per_fold.isel(choice=best, drop=True).mean("fold")
    result["best"] = best.where(np.isfinite(validation[0]), -1)
    return result
