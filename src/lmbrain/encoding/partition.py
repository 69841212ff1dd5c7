"""What each part of a feature space explains: alone, and beyond all the others.

Unique variance of a part = R2 of all parts - R2 of all the others, held out (docs/method.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from lmbrain.encoding.bands import band_weightings
from lmbrain.encoding.folds import Folds
from lmbrain.encoding.penalties import penalty_groups
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.encoding.space import FeatureSpace


def variance_partition(
    space: FeatureSpace,
    responses: xr.DataArray,
    folds: Folds,
    *,
    penalties: Sequence[float],
    penalty_per: str,
    weightings: int,
    device: str | None = None,
) -> xr.Dataset:
    """Fit all parts, each part alone and all but each, by nested cross-validation.

    Parameters
    ----------
    space : FeatureSpace
    responses : DataArray (sample, sensor, time)
    folds : Folds
        The person's own.
    penalties, penalty_per
        As in `lmbrain.encoding.model.encode`.
    weightings : int
        Relative weights of the parts that each fit tries beside equal ones.
    device : str, optional
        Torch device for target-sized products; default: numpy.

    Returns
    -------
    Dataset
        Held-out R2: `r2` (sensor, time) of all parts, `alone` and `unique` (part, sensor, time),
        means over the test folds; `alone_per_fold`, `unique_per_fold` (part, fold, sensor, time),
        NaN in folds of the study that the person lacks.
    """
    count = len(space.names)
    flat = responses.to_numpy().reshape(len(responses), -1)
    groups = penalty_groups(penalty_per, *responses.shape[1:])
    found = {(): np.zeros((folds.n_outer, flat.shape[1]))}

    def r2(bands: tuple[int, ...]) -> np.ndarray:
        if bands not in found:
            tried = band_weightings(len(bands), weightings)
            weights = np.zeros((len(tried), count))
            weights[:, bands] = tried
            found[bands] = nested_ridge(
                space.features,
                flat,
                folds,
                penalties,
                groups,
                bands=space.bands,
                band_weights=weights,
                device=device,
                progress=True,
            ).r2_per_fold
        return found[bands]

    every = tuple(range(count))
    per_fold = {
        "alone": [r2((band,)) for band in every],
        "unique": [r2(every) - r2(tuple(b for b in every if b != band)) for band in every],
    }
    result = _by_part(per_fold, space.names, responses, folds)
    mean = r2(every).mean(axis=0).reshape(responses.shape[1:])
    return result.assign(r2=(("sensor", "time"), mean))


def _by_part(
    per_fold: Mapping[str, Sequence[np.ndarray]],
    parts: Sequence[str],
    responses: xr.DataArray,
    folds: Folds,
) -> xr.Dataset:
    """Values of each part by fold of the study, sensor and bin, and their means over folds."""
    shape = responses.shape[1:]
    result = xr.Dataset(
        {
            f"{name}_per_fold": (
                ("part", "fold", "sensor", "time"),
                np.stack([folds.onto_study(v.reshape(-1, *shape)) for v in values]),
            )
            for name, values in per_fold.items()
        },
        coords={
            "part": list(parts),
            "sensor": responses["sensor"],
            "time": responses["time"],
        },
    )
    for name in per_fold:
        result[name] = result[f"{name}_per_fold"].mean("fold")
    return result
