"""Which layer, over which context, predicts best: every choice fitted and scored the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr

from lmbrain.encoding.bands import penalty_groups
from lmbrain.encoding.folds import Folds
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
    penalties, penalty_per
        As in `lmbrain.encoding.model.encode`.

    Returns
    -------
    Dataset
        By choice (coordinates `context_words` and `layer`): `r`, `r2` (choice, sensor, time) of
        the layer alone, `unique` its R2 beside the controls less that of the controls,
        `validation_r2` (choice, fold, sensor, time) of the layer beside the controls in the inner
        folds. `best` (fold,): number of the choice with the highest mean validation R2 over
        sensors and bins; `best_r`, `best_unique` (sensor, time): of the choices so made.
    """
    flat = responses.to_numpy().reshape(len(responses), -1)
    groups = penalty_groups(penalty_per, *responses.shape[1:])

    def fit(space: FeatureSpace) -> NestedRidgeResult:
        return nested_ridge(space.features, flat, folds, penalties, groups)

    floor = 0.0 if controls is None else fit(controls).r2_per_fold
    r, r2, unique, validation = [], [], [], []
    for read in states.values():
        values = read()
        by_itself, joined = fit(alone(values)), fit(beside(values))
        r.append(by_itself.r_per_fold)
        r2.append(by_itself.r2)
        unique.append(joined.r2_per_fold - floor)
        validation.append(joined.validation_r2)
    best = np.mean(validation, axis=2).argmax(axis=0)
    every_fold = np.arange(folds.n_outer)
    shape = responses.shape[1:]

    def mean_over_folds(values: list[np.ndarray]) -> np.ndarray:
        return np.mean(values, axis=1).reshape(len(states), *shape)

    return xr.Dataset(
        {
            "r": (("choice", "sensor", "time"), mean_over_folds(r)),
            "r2": (("choice", "sensor", "time"), np.reshape(r2, (len(states), *shape))),
            "unique": (("choice", "sensor", "time"), mean_over_folds(unique)),
            "validation_r2": (
                ("choice", "fold", "sensor", "time"),
                np.reshape(validation, (len(states), folds.n_outer, *shape)),
            ),
            "best": ("fold", best),
            "best_r": (
                ("sensor", "time"),
                np.array(r)[best, every_fold].mean(axis=0).reshape(shape),
            ),
            "best_unique": (
                ("sensor", "time"),
                np.array(unique)[best, every_fold].mean(axis=0).reshape(shape),
            ),
        },
        coords={
            "context_words": ("choice", [context for context, _ in states]),
            "layer": ("choice", [layer for _, layer in states]),
            "sensor": responses["sensor"],
            "time": responses["time"],
        },
    )
