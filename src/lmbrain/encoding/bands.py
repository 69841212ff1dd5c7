"""Which targets share a penalty, and which relative penalties bands of features are tried with."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.stats import qmc

DECADES = 4  # the weakest band weighs at least 10^-DECADES of the strongest


def band_weightings(n_bands: int, count: int) -> np.ndarray:
    """Relative weights of bands to try: all equal, then `count` others, spread evenly.

    The logarithms fill [-DECADES, 0] by a Halton sequence, which needs no seed.

    Returns
    -------
    (1 + count, n_bands) float64, the largest weight of each row 1; one row for a single band.
    """
    equal = np.ones((1, n_bands))
    if n_bands < 2 or count == 0:
        return equal
    # Its first point, 0, is skipped: that is the equal weighting again.
    points = qmc.Halton(n_bands, scramble=False).random(count + 1)[1:]
    logs = DECADES * (points - points.max(axis=1, keepdims=True))
    return np.vstack([equal, 10**logs])


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
