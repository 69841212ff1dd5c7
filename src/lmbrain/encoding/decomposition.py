"""A training set's features where ridge is diagonal, for every penalty and target at once.

Ridge minimises |y - b - X w|^2 + penalty |w|^2 over weights w and a free intercept b, the columns
of X standardised on the training samples. With coordinates Z of new samples, eigenvalues e of the
smaller Gram matrix, and coefficients C = L'y of the training targets,

    prediction - training mean = Z diag(1 / (e + penalty)) C

where, with the eigenvectors V of the features' Gram matrix X'X or U of the samples' kernel XX',

    features' side:  Z = X_new V,      L = X V
    samples' side:   Z = X_new X' U,   L = U

Bands of columns with penalties of their own: column i times sqrt(weight_i) has the penalty
penalty / weight_i; a weight of 0 leaves it out. All of this is float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lmbrain.encoding.folds import Folds
from lmbrain.encoding.moments import (
    CONSTANT,
    VALUES_AT_ONCE,
    BlockMoments,
    Rows,
    read_rows,
    standardise,
)
from lmbrain.encoding.products import Array, Products
from lmbrain.encoding.targets import CrossMoments, Loaded


class Basis(Protocol):
    """Coordinates of one training set and one weighting of the columns.

    Attributes
    ----------
    eigenvalues : (q,) float64, not negative
    """

    eigenvalues: np.ndarray

    def coordinates(self, index: np.ndarray) -> np.ndarray:
        """Z (m, q) of samples given by number."""
        ...

    def coefficients(self, products: Products, source: Array, columns: slice) -> Array:
        """C (q, t) of the targets in `columns`; `source` is what the training set gives."""
        ...


class Training(Protocol):
    """One training set."""

    def source(self, loaded: Loaded, cross: CrossMoments | None) -> Array:
        """What coefficients are computed from, a column a target."""
        ...

    def basis(self, column_weights: np.ndarray) -> Basis:
        """Decompose with these weights (p,) of the columns."""
        ...


class GramTraining:
    """One training set by its features' Gram matrix.

    Parameters
    ----------
    moments : BlockMoments
    held_out : tuple of int
        Blocks of the folds.
    """

    def __init__(self, moments: BlockMoments, held_out: tuple[int, ...]) -> None:
        self._moments, self._held_out = moments, held_out
        self._mean, self._scale, self._standard = standardise(moments.training(*held_out))

    def source(self, loaded: Loaded, cross: CrossMoments) -> Array:
        """X'Y (p + 1, t) of the training samples."""
        return cross.training(*self._held_out)

    def basis(self, column_weights: np.ndarray) -> GramBasis:
        """Decompose with these weights (p,) of the columns."""
        kept = np.flatnonzero(column_weights > 0)
        root = np.sqrt(column_weights[kept])
        gram = self._standard[np.ix_(kept, kept)] * root * root[:, None]
        eigenvalues, vectors = np.linalg.eigh(gram)
        rotation = np.zeros((len(column_weights) + 1, len(kept)))
        rotation[kept] = vectors * (self._scale[kept] * root)[:, None]
        rotation[-1] = -self._mean @ rotation[:-1]
        return GramBasis(self._moments, np.maximum(eigenvalues, 0), rotation)


@dataclass(frozen=True)
class GramBasis:
    """The features' side. `rotation` W (p + 1, q): Z = X W; the ones of X subtract the mean."""

    moments: BlockMoments
    eigenvalues: np.ndarray
    rotation: np.ndarray

    def coordinates(self, index: np.ndarray) -> np.ndarray:
        """Z (m, q) of samples given by number."""
        return self.moments.rows(index) @ self.rotation

    def coefficients(self, products: Products, source: Array, columns: slice) -> Array:
        """C = L'Y = W'(X'Y), (q, t): the training samples are not read again."""
        return products.put(self.rotation.T) @ source[:, columns]


class KernelTraining:
    """One training set by its samples' kernel: more features than samples, or own features.

    Parameters
    ----------
    features : (n, p) array-like
        As of this training set (a design fitted on it may differ from the others').
    folds : Folds
    held_out : tuple of int
    bands : (p,) int
        Band of each column; a kernel is kept for each.
    """

    def __init__(
        self, features: Rows, folds: Folds, held_out: tuple[int, ...], bands: np.ndarray
    ) -> None:
        self._bands = bands
        self._train = np.flatnonzero(folds.train(*held_out))
        self._place = np.full(len(folds.block), -1)
        used = np.flatnonzero(folds.usable)
        self._place[used] = np.arange(len(used))
        self._kernels = {
            int(band): _kernel(features, used, self._train, np.flatnonzero(bands == band))
            for band in np.unique(bands)
        }

    def source(self, loaded: Loaded, cross: CrossMoments | None) -> Array:
        """The targets of all samples (n, t)."""
        return loaded.values

    def basis(self, column_weights: np.ndarray) -> KernelBasis:
        """Decompose with these weights (p,) of the columns, equal within a band."""
        kernel = np.zeros((int(self._place.max()) + 1, len(self._train)))
        for band, part in self._kernels.items():
            kernel += column_weights[np.argmax(self._bands == band)] * part
        eigenvalues, left = np.linalg.eigh(kernel[self._place[self._train]])
        return KernelBasis(np.maximum(eigenvalues, 0), left, kernel, self._place, self._train)


@dataclass(frozen=True)
class KernelBasis:
    """The samples' side. `left` U (n_train, q); `kernel` of all used with the training samples."""

    eigenvalues: np.ndarray
    left: np.ndarray
    kernel: np.ndarray
    place: np.ndarray
    train: np.ndarray

    def coordinates(self, index: np.ndarray) -> np.ndarray:
        """Z (m, q) of samples given by number."""
        return self.kernel[self.place[index]] @ self.left

    def coefficients(self, products: Products, source: Array, columns: slice) -> Array:
        """C = U'(Y - mean), (q, t)."""
        centred = self.left - self.left.mean(axis=0)
        return products.put(centred.T) @ products.rows(source, self.train)[:, columns]


def _kernel(features: Rows, used: np.ndarray, train: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(n_used, n_train) products of features standardised on the training samples.

    Columns are standardised a piece at a time: no second copy of an array is made.
    """
    kernel = np.zeros((len(used), len(train)))
    trained = np.searchsorted(used, train)
    read = None if isinstance(features, np.ndarray) else read_rows(features, used)
    size = max(1, VALUES_AT_ONCE // len(used))
    for start in range(0, len(columns), size):
        chosen = columns[start : start + size]
        part = features[np.ix_(used, chosen)] if read is None else read[:, chosen]
        part = part.astype(np.float64)
        inside = part[trained]
        mean, sd = inside.mean(axis=0), inside.std(axis=0)
        constant = sd <= CONSTANT * np.abs(inside).max(axis=0, initial=0)
        part -= mean
        part *= np.where(constant, 0, 1 / np.where(constant, 1, sd))
        kernel += part @ part[trained].T
    return kernel
