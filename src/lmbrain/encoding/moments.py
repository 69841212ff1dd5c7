"""Block Gram matrices: all that ridge needs to know of the features, read once and in pieces.

With X the features and a column of ones, the sums X'X over the samples of each block of the folds
give the Gram matrix of every training set, centred and standardised on exactly its samples:

    n = G[-1, -1],  mean = G[-1, :-1] / n,  A = G[:-1, :-1] - n mean mean',  SD = sqrt(diag A / n)

Features are shifted and scaled beforehand, by the mean and SD of all used samples, so that no
digits are lost in these differences. That changes no result: standardising on the training
samples undoes it. float64 throughout; the features need not fit in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError

ROWS_AT_ONCE = 4096  # samples read at a time, fewer where they are wide:
VALUES_AT_ONCE = 2**23  # at most so many numbers, 64 MiB
# Constant but for rounding is what varies by less than this share of its size: an SD beside the
# largest value, or a variance beside the mean square where the mean was taken off before.
CONSTANT = 1e-13


class Rows(Protocol):
    """Anything two-dimensional that gives rows by slices: an array, a memory map, an HDF5 set."""

    shape: tuple[int, ...]

    def __getitem__(self, rows: slice) -> np.ndarray: ...


class BlockMoments:
    """Sums of products of features, block by block.

    Parameters
    ----------
    features : (n, p) array, or anything that gives rows by slices
    folds : Folds

    Attributes
    ----------
    mean, scale : (p,) float64
        Over the used samples; scale is 1 / SD, or 0 for a column that never varies.
    grams : (k, p + 1, p + 1) float64
        X'X of each block.

    Raises
    ------
    LmbrainError
        If a feature of a used sample is not finite.
    """

    def __init__(self, features: Rows, folds: Folds) -> None:
        self.features, self.folds = features, folds
        self.mean, self.scale = mean_and_scale(features, folds.usable)
        size = features.shape[1] + 1
        self.grams = np.zeros((folds.n_outer, size, size))
        for block, gram in enumerate(self.grams):
            for _, rows in self.pieces(np.flatnonzero(folds.test(block))):
                gram += rows.T @ rows

    def rows(self, index: np.ndarray) -> np.ndarray:
        """(m, p + 1) shifted and scaled features of samples given by number, ones appended."""
        values = (read_rows(self.features, index) - self.mean) * self.scale
        return np.column_stack([values, np.ones(len(index))])

    def pieces(self, index: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Samples given by number and their `rows`, a few thousand at a time."""
        for piece in row_pieces(index, len(self.mean)):
            yield piece, self.rows(piece)

    def training(self, *held_out: int) -> np.ndarray:
        """(p + 1, p + 1) X'X of the samples that train when these blocks are held out."""
        (first, *others), margin = training_parts(self.folds, held_out)
        total = self.grams[first] - self._gram(margin)
        for block in others:
            total += self.grams[block]
        return total

    def scored(self, inner: int, outer: int) -> np.ndarray:
        """(p + 1, p + 1) X'X of the samples of block `inner` that score inside fold `outer`."""
        return self.grams[inner] - self._gram(scored_margin(self.folds, inner, outer))

    def _gram(self, index: np.ndarray) -> np.ndarray | float:
        if len(index) == 0:
            return 0.0
        rows = self.rows(index)
        return rows.T @ rows


def standardise(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, 1 / SD and standardised Gram matrix of a training set, from its X'X.

    Parameters
    ----------
    gram : (p + 1, p + 1) float64

    Returns
    -------
    mean, scale : (p,)
        In the units of X; scale is 0 for a constant column.
    standard : (p, p)
        Sum over samples of products of the standardised features.
    """
    size = gram[-1, -1]
    mean = gram[-1, :-1] / size
    centred = gram[:-1, :-1] - np.outer(mean, gram[-1, :-1])
    variance = np.diag(centred) / size
    constant = variance <= CONSTANT * np.diag(gram)[:-1] / size
    scale = np.where(constant, 0, 1 / np.sqrt(np.where(constant, 1, variance)))
    centred *= scale
    centred *= scale[:, None]
    return mean, scale, centred


def training_parts(folds: Folds, held_out: tuple[int, ...]) -> tuple[list[int], np.ndarray]:
    """The blocks that train when some are held out, and the samples in them that do not.

    The latter, by number, are those within the gap of a held-out block.
    """
    blocks = [block for block in range(folds.n_outer) if block not in held_out]
    near = np.isin(folds.block, blocks) & ~folds.train(*held_out)
    return blocks, np.flatnonzero(near)


def scored_margin(folds: Folds, inner: int, outer: int) -> np.ndarray:
    """Samples of block `inner`, by number, that are too near block `outer` to score inside it."""
    return np.flatnonzero(folds.test(inner) & ~folds.score(inner, outer))


def row_pieces(index: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """Samples given by number, few enough at a time for rows of this width to stay small."""
    size = min(ROWS_AT_ONCE, max(1, VALUES_AT_ONCE // max(width, 1)))
    for start in range(0, len(index), size):
        yield index[start : start + size]


def read_rows(features: Rows, index: np.ndarray) -> np.ndarray:
    """(m, p) float64 rows given by ascending number, in slices if need be."""
    if isinstance(features, np.ndarray):
        return np.asarray(features[index], np.float64)
    breaks = np.flatnonzero(np.diff(index) > 1) + 1
    stretches = [s for s in np.split(index, breaks) if len(s)]
    pieces = [np.asarray(features[slice(s[0], s[-1] + 1)], np.float64) for s in stretches]
    return np.concatenate(pieces) if pieces else np.empty((0, features.shape[1]))


def mean_and_scale(features: Rows, usable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and 1 / SD (0 where constant) of the used samples, read in pieces.

    Raises
    ------
    LmbrainError
        If a feature of a used sample is not finite.
    """
    count, mean, squares = 0, np.zeros(features.shape[1]), np.zeros(features.shape[1])
    largest = np.zeros(features.shape[1])
    index = np.flatnonzero(usable)
    for piece in row_pieces(index, len(mean)):
        rows = read_rows(features, piece)
        _check_finite(rows, piece)
        # Sums of squares of two parts combine exactly (Chan, Golub & LeVeque 1983, eq. 2.1).
        shift = rows.mean(axis=0) - mean
        total = count + len(piece)
        squares += np.square(rows - rows.mean(axis=0)).sum(axis=0)
        squares += shift**2 * count * len(piece) / total
        mean += shift * len(piece) / total
        largest = np.maximum(largest, np.abs(rows).max(axis=0, initial=0))
        count = total
    sd = np.sqrt(squares / max(count, 1))
    constant = sd <= CONSTANT * largest
    return mean, np.where(constant, 0, 1 / np.where(constant, 1, sd))


def _check_finite(rows: np.ndarray, index: np.ndarray) -> None:
    wrong = ~np.isfinite(rows)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise LmbrainError(
            f"Feature column {column} of sample {index[row]} is not a finite number; mend the "
            "feature or leave the sample out of the folds."
        )
