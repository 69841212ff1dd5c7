"""The training sets of nested cross-validation, each by the smaller of its two Gram matrices."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import combinations

import numpy as np

from lmbrain.encoding.decomposition import GramTraining, KernelTraining, Training
from lmbrain.encoding.folds import Folds, check_sizes
from lmbrain.encoding.moments import BlockMoments, Rows, mean_and_scale
from lmbrain.errors import LmbrainError

log = logging.getLogger(__name__)

Design = Callable[[np.ndarray], np.ndarray]


class TrainingSets:
    """Every training set, by the smaller of its two Gram matrices.

    Parameters
    ----------
    features : (n, p) array-like, or callable
        As in `lmbrain.encoding.ridge.nested_ridge`.
    folds : Folds
    bands : (p,) int or None

    Attributes
    ----------
    bands : (p,) int
    shared : BlockMoments or None
        Of all training sets, where the features' side is used and they share their features.
    """

    def __init__(self, features: Rows | Design, folds: Folds, bands: np.ndarray | None) -> None:
        self._folds = folds
        check_sizes(folds)
        pairs = combinations(range(folds.n_outer), 2)
        self._fewest = min(int(folds.train(*pair).sum()) for pair in pairs)
        self._fitted = callable(features)
        self._design = features if self._fitted else lambda train: features
        first = features(folds.train(0)) if self._fitted else features
        _check_shape(first, folds)
        size = first.shape[1]
        self.bands = _checked_bands(bands, size)
        self._by_gram = size <= self._fewest
        self.shared = None
        if not self._fitted:
            if self._by_gram:
                self.shared = BlockMoments(features, folds)
            else:
                mean_and_scale(features, folds.usable)  # refuses what is not finite
        log.info(
            "Ridge of %d features by the %s (at least %d training samples).",
            size,
            "features' Gram matrix" if self._by_gram else "samples' kernel",
            self._fewest,
        )

    def __call__(self, *held_out: int) -> tuple[Training, BlockMoments | None]:
        """The training set without these blocks, and the moments that its source comes from."""
        if self.shared is not None:
            return GramTraining(self.shared, held_out), self.shared
        features = self._design(self._folds.train(*held_out))
        _check_shape(features, self._folds)
        if self._by_gram:
            moments = BlockMoments(features, self._folds)
            return GramTraining(moments, held_out), moments
        if self._fitted:
            mean_and_scale(features, self._folds.usable)  # refuses what is not finite
        return KernelTraining(features, self._folds, held_out, self.bands), None

    @property
    def rows_a_target(self) -> int:
        """Numbers a target that sums over blocks take."""
        return 0 if self.shared is None else self._folds.n_outer * (len(self.bands) + 1)


def _checked_bands(bands: np.ndarray | None, size: int) -> np.ndarray:
    if bands is None:
        return np.zeros(size, int)
    bands = np.asarray(bands)
    if bands.shape != (size,) or not np.issubdtype(bands.dtype, np.integer):
        raise LmbrainError(
            f"bands of shape {bands.shape} and type {bands.dtype} do not fit {size} features; give "
            "each feature's band as an integer."
        )
    if not np.array_equal(np.unique(bands), np.arange(bands.max(initial=-1) + 1)):
        raise LmbrainError(
            f"bands are numbered {np.unique(bands).tolist()}; number them from 0 without a gap."
        )
    return bands


def _check_shape(features: Rows, folds: Folds) -> None:
    shape = tuple(features.shape)
    if len(shape) != 2 or shape[0] != len(folds.block):
        raise LmbrainError(
            f"features of shape {shape} do not fit {len(folds.block)} samples; "
            "make folds and features from the same words table."
        )
