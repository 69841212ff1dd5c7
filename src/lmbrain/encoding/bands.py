"""Relative penalties that bands of features are tried with."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import qmc

from lmbrain.encoding.space import FeatureSpace

DECADES = 4  # a band weighs at most 10^DECADES times as much as the first, or as little


def band_weightings(n_bands: int, count: int) -> np.ndarray:
    """Relative weights of bands to try: all equal, then `count` others.

    The logarithms of the weights' ratios to the first band's fill [-DECADES, DECADES] evenly, by
    a Halton sequence, which needs no seed.

    Returns
    -------
    (1 + count, n_bands) float64, the largest weight of each row 1; one row for a single band.
    """
    equal = np.ones((1, n_bands))
    if n_bands < 2 or count == 0:
        return equal
    # Its first points are skipped: 0, and the middle, which for two bands is the equal weighting.
    points = qmc.Halton(n_bands - 1, scramble=False).random(count + 2)[2:]
    logs = np.column_stack([np.zeros(count), DECADES * (2 * points - 1)])
    return np.vstack([equal, 10 ** (logs - logs.max(axis=1, keepdims=True))])


def banded(space: FeatureSpace, weightings: int) -> dict[str, Any]:
    """Bands of a space's parts for `lmbrain.encoding.ridge.nested_ridge`; none where all equal."""
    weights = band_weightings(len(space.names), weightings)
    if len(weights) == 1:
        return {}
    return {"bands": space.bands, "band_weights": weights}
