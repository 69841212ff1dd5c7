"""The responses that ridge predicts, many targets at a time, in the form that it needs.

Targets are shifted and scaled by the median over blocks of their mean and SD, which keeps responses
in tesla within float32's range and changes no result: fits subtract the training samples' mean,
and ridge is linear in the targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lmbrain.encoding.folds import Folds
from lmbrain.encoding.moments import CONSTANT, BlockMoments, scored_margin, training_parts
from lmbrain.encoding.products import Array, Products
from lmbrain.errors import LmbrainError

TargetsOfFold = Callable[[int], np.ndarray]
VALUES_AT_ONCE = 2**21  # responses in one piece, which stays in cache


@dataclass(frozen=True)
class Loaded:
    """Some targets of one outer fold (or of all), shifted and scaled.

    Attributes
    ----------
    values : (n, t) array of `Products`
        Zero in rows that are not used.
    centre, scale : (t,) float64
        values * scale + centre are the responses.
    sums, squares : (k, t) float64
        Sum and sum of squares over each block of the folds.
    """

    values: Array
    centre: np.ndarray
    scale: np.ndarray
    sums: np.ndarray
    squares: np.ndarray


class Targets:
    """Responses (n, t), the same for all outer folds or given by a callable for each.

    Parameters
    ----------
    responses : (n, t) array-like read by columns, or callable
        A callable gives the (n, t) responses of an outer fold.
    folds : Folds
    products : Products

    Raises
    ------
    LmbrainError
        If a used response is not finite, never varies in a training set, or lengths differ.
    """

    def __init__(
        self, responses: np.ndarray | TargetsOfFold, folds: Folds, products: Products
    ) -> None:
        self.folds, self.products = folds, products
        self.shared = not callable(responses)
        self._of_fold = responses if callable(responses) else lambda outer: responses
        shape = np.shape(self._of_fold(0))
        if len(shape) != 2 or shape[0] != len(folds.block):
            raise LmbrainError(
                f"responses of shape {shape} do not fit {len(folds.block)} samples; "
                "make folds and responses from the same words table."
            )
        self.count = shape[1]

    def load(self, outer: int, columns: slice) -> Loaded:
        """The targets in `columns` as outer fold `outer` sees them."""
        folds, products = self.folds, self.products
        source = self._of_fold(outer)
        outers = range(folds.n_outer) if self.shared else [outer]
        used = folds.usable if self.shared else folds.train(outer) | folds.test(outer)
        count = columns.stop - columns.start
        values = np.zeros((len(used), count), products.dtype)
        centre, scale = np.empty((2, count))
        sums, squares = np.empty((2, folds.n_outer, count))
        size = max(1, VALUES_AT_ONCE // len(used))
        for part in pieces(columns.start, columns.stop, size):
            raw = np.asarray(source[:, part], dtype=np.float64)
            _check(raw, used, folds, outers, part.start)
            here = slice(part.start - columns.start, part.stop - columns.start)
            kept = raw[used]
            inside = [folds.block[used] == block for block in range(folds.n_outer)]
            centre[here], scale[here] = _middle([kept[mask] for mask in inside])
            kept -= centre[here]
            kept /= scale[here]
            values[used, here] = kept
            for block, mask in enumerate(inside):
                sums[block, here] = kept[mask].sum(axis=0)
                squares[block, here] = np.einsum("it,it->t", kept[mask], kept[mask])
        return Loaded(products.put(values), centre, scale, sums, squares)

    def training_moments(
        self, loaded: Loaded, held_out: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance (t,) of the shifted and scaled targets over a training set."""
        blocks, margin = training_parts(self.folds, held_out)
        size = sum(int(self.folds.test(block).sum()) for block in blocks) - len(margin)
        return self._moments(loaded, blocks, margin, size)

    def scored_moments(
        self, loaded: Loaded, inner: int, outer: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance (t,) over the samples of block `inner` that score inside `outer`."""
        margin = scored_margin(self.folds, inner, outer)
        size = int(self.folds.test(inner).sum()) - len(margin)
        return self._moments(loaded, [inner], margin, size)

    def _moments(
        self, loaded: Loaded, blocks: list[int], margin: np.ndarray, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        rest = self.products.get(self.products.rows(loaded.values, margin)).astype(np.float64)
        mean = (loaded.sums[blocks].sum(axis=0) - rest.sum(axis=0)) / size
        square = (loaded.squares[blocks].sum(axis=0) - np.square(rest).sum(axis=0)) / size
        return mean, np.maximum(square - mean**2, 0)


class CrossMoments:
    """Sums X'Y of features (and a one) times targets over any training set.

    Parameters
    ----------
    moments : BlockMoments
    loaded : Loaded
    targets : Targets
    kept : bool
        Keep the sums of each block, to put them together for several training sets; else every
        training set's are made anew.
    """

    def __init__(self, moments: BlockMoments, loaded: Loaded, targets: Targets, kept: bool) -> None:
        self._moments, self._loaded, self._targets = moments, loaded, targets
        self.kept = kept
        blocks = range(targets.folds.n_outer) if kept else []
        self._blocks = [self._sum(np.flatnonzero(targets.folds.test(b))) for b in blocks]

    def training(self, *held_out: int) -> Array:
        """(p + 1, t) X'Y of the samples that train when these blocks are held out.

        A sum over the training blocks, not the total less the held-out ones: an artefact in a
        held-out block costs no digits.
        """
        folds = self._targets.folds
        if not self.kept:
            return self._sum(np.flatnonzero(folds.train(*held_out)))
        blocks, margin = training_parts(folds, held_out)
        first, *others = blocks
        # One array is filled in place: target-sized temporaries cost more than the sums.
        total = self._targets.products.copy(self._blocks[first])
        for block in others:
            total += self._blocks[block]
        if len(margin):
            total -= self._sum(margin)
        return total

    def scored(self, inner: int, outer: int) -> Array:
        """(p + 1, t) X'Y of the samples of block `inner` that score inside fold `outer`."""
        margin = scored_margin(self._targets.folds, inner, outer)
        if len(margin) == 0:
            return self._blocks[inner]
        return self._blocks[inner] - self._sum(margin)

    def _sum(self, index: np.ndarray) -> Array:
        """X'Y over samples given by number."""
        products = self._targets.products
        parts = (
            products.put(rows.T) @ products.rows(self._loaded.values, piece)
            for piece, rows in self._moments.pieces(index)
        )
        total = next(parts)
        for part in parts:
            total += part
        return total


def pieces(start: int, stop: int, size: int) -> Iterator[slice]:
    """Cut a range of columns into pieces of at most `size`."""
    for first in range(start, stop, size):
        yield slice(first, min(first + size, stop))


def _middle(blocks: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Median over blocks of their mean and SD (t,): an artefact in one block moves neither."""
    means = np.stack([block.mean(axis=0) for block in blocks if len(block)])
    sds = np.stack([block.std(axis=0) for block in blocks if len(block)])
    centre, scale = np.median(means, axis=0), np.median(sds, axis=0)
    largest = np.max([np.abs(block).max(axis=0) for block in blocks if len(block)], axis=0)
    spread = np.hypot(sds.max(axis=0), np.ptp(means, axis=0))
    return centre, np.where(scale > CONSTANT * largest, scale, spread)


def _check(
    values: np.ndarray, used: np.ndarray, folds: Folds, outers: Iterable[int], first_column: int
) -> None:
    wrong = ~np.isfinite(values) & used[:, None]
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise LmbrainError(
            f"Response {first_column + column} of sample {row} is not a finite number; mend the "
            "recording or leave the sample out of the folds."
        )
    blocks = [values[used & folds.test(block)] for block in range(folds.n_outer)]
    low = np.stack([b.min(axis=0, initial=np.inf) for b in blocks])
    high = np.stack([b.max(axis=0, initial=-np.inf) for b in blocks])
    for outer in outers:
        train = np.arange(folds.n_outer) != outer
        constant = high[train].max(axis=0) == low[train].min(axis=0)
        if constant.any():
            raise LmbrainError(
                f"Response {first_column + int(constant.argmax())} never varies in the training "
                f"samples of fold {outer}; mark its sensor as bad or exclude the subject."
            )
