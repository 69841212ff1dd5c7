"""How well scores find what was planted: area under the ROC curve, with an interval."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

_RESAMPLES = 999


def auc(values: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve over the finite values; NaN where one class is missing."""
    finite = np.isfinite(values)
    values, positive = values[finite], positive[finite]
    if positive.all() or not positive.any():
        return float("nan")
    # Of Mann & Whitney; scikit-learn's is a hundred times slower, which a bootstrap feels.
    ones = int(positive.sum())
    above = rankdata(values)[positive].sum() - ones * (ones + 1) / 2
    return float(above / (ones * (len(values) - ones)))


def auc_interval(
    values: np.ndarray, positive: np.ndarray, blocks: np.ndarray, seed: int
) -> tuple[float, float]:
    """95% bootstrap interval of `auc` that draws whole blocks, as neighbouring scores are alike.

    Parameters
    ----------
    values : (n,)
        Those that are not finite are left out.
    positive : (n,) bool
    blocks : (n,) int
        Block of each value, for example from `lmbrain.inference.resampling.contiguous_blocks`.
    seed

    Returns
    -------
    (low, high); NaN where one class is missing.
    """
    finite = np.isfinite(values)
    values, positive = values[finite], positive[finite]
    _, blocks = np.unique(blocks[finite], return_inverse=True)
    if positive.all() or not positive.any():
        return float("nan"), float("nan")
    members = [np.flatnonzero(blocks == b) for b in range(blocks.max() + 1)]
    rng, found = np.random.default_rng(seed), []
    for _ in range(_RESAMPLES):
        rows = np.concatenate([members[b] for b in rng.integers(0, len(members), len(members))])
        found.append(auc(values[rows], positive[rows]))
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)
