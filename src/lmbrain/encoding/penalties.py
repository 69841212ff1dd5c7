"""Who shares a ridge penalty, and whether the grid of penalties was wide enough."""

from __future__ import annotations

from typing import Literal

import numpy as np

EDGE_SHARE = 0.05  # of fits at one end of the grid: above it a note asks for a wider one


def penalty_groups(
    penalty_per: Literal["target", "sensor", "bin", "all"], n_sensors: int, n_bins: int
) -> Literal["target", "all"] | np.ndarray:
    """Who shares a penalty, in the form that `lmbrain.encoding.ridge.nested_ridge` takes.

    Parameters
    ----------
    penalty_per : "target", "sensor", "bin" or "all"
        One penalty for each sensor and bin, for all bins of a sensor, for all sensors of a bin, or
        for all.
    n_sensors, n_bins : int
        Targets are sensors x bins, bin by bin within a sensor.
    """
    sensors, bins = np.divmod(np.arange(n_sensors * n_bins), n_bins)
    return {"sensor": sensors, "bin": bins}.get(penalty_per, penalty_per)


def edge_note(penalty: np.ndarray, grid: np.ndarray, validation_r2: np.ndarray) -> str:
    """A sentence where many predictable targets asked for an end of the grid, else empty.

    Parameters
    ----------
    penalty, validation_r2 : (...)
        Chosen penalty, and R2 over the inner folds at it; targets with R2 of 0 or less, whose
        best prediction is the mean, do not count.
    grid : (a,)
    """
    predictable = validation_r2 > 0
    if not predictable.any() or grid.min() == grid.max():
        return ""
    notes = []
    for name, value in (("smallest", grid.min()), ("largest", grid.max())):
        share = np.mean(penalty[predictable] == value)
        if share > EDGE_SHARE:
            notes.append(
                f"The {name} penalty, {value:g}, won {100 * share:.0f}% of the fits of predictable "
                "targets: widen the grid of penalties."
            )
    return " ".join(notes)
