"""Scores of every penalty on the samples that an inner fold holds out, without predicting them.

With Z the coordinates of the scored samples (less their mean z), S = diag(1 / (e + penalty)) and
y the targets less their mean, a prediction Z S C needs

    <y, prediction> = sum over coordinates of S * (Z'y * C)      one product for all penalties
    |prediction|^2  = |Z S C|^2                                  one product a penalty
                    = (S C)' (Z'Z) (S C)                         where samples outnumber coordinates

and R2 against the training mean (0 here) follows from those and the two means:

    1 - R2 = |y + mean - prediction - z S C|^2 / |y + mean|^2
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmbrain.encoding.decomposition import Basis, GramBasis
from lmbrain.encoding.folds import Folds
from lmbrain.encoding.products import Array, Products
from lmbrain.encoding.targets import CrossMoments, Loaded

TARGETS_AT_ONCE = 8192  # products of many targets run fastest; more of them cost memory


class Scored:
    """The samples of block `inner` that score inside fold `outer`, in a basis' coordinates.

    Parameters
    ----------
    basis : Basis
    folds : Folds
    inner, outer : int
    loaded : Loaded
        Targets as fold `outer` sees them.
    cross : CrossMoments or None
        If it keeps its blocks, samples that outnumber the coordinates need not be read.
    products : Products
    """

    def __init__(
        self,
        basis: Basis,
        folds: Folds,
        inner: int,
        outer: int,
        loaded: Loaded,
        cross: CrossMoments | None,
        products: Products,
    ) -> None:
        self.size = int(folds.score(inner, outer).sum())
        self._products = products
        unread = cross is not None and cross.kept and isinstance(basis, GramBasis)
        if unread and self.size > len(basis.eigenvalues):
            self._from_moments(basis, inner, outer, cross)
        else:
            self._from_rows(basis, folds.score(inner, outer), loaded)

    def _from_rows(self, basis: Basis, scored: np.ndarray, loaded: Loaded) -> None:
        index = np.flatnonzero(scored)
        coordinates = basis.coordinates(index)
        self.mean = coordinates.mean(axis=0)
        self._rows = self._products.put(coordinates - self.mean)
        self._inner_products = None
        self._targets = self._products.rows(loaded.values, index)

    def _from_moments(self, basis: GramBasis, inner: int, outer: int, cross: CrossMoments) -> None:
        gram = basis.moments.scored(inner, outer)
        self.mean = gram[-1] @ basis.rotation / self.size
        products = basis.rotation.T @ gram @ basis.rotation
        products -= self.size * np.outer(self.mean, self.mean)
        self._inner_products = self._products.put(products)
        rotation = basis.rotation.copy()
        rotation[-1] -= self.mean  # the ones of X subtract the mean of Z as well
        self._rows = self._products.put(rotation)
        self._targets = cross.scored(inner, outer)

    def along(self, columns: slice) -> Array:
        """Z'y (q, t); Z is centred, so the mean of y does not matter."""
        return self._rows.T @ self._targets[:, columns]

    def energy(self, shrink: Array, coefficients: Array) -> Array:
        """|Z S C|^2 (t,) for the diagonal `shrink` (q,) of S."""
        dots = self._products.column_dots
        if self._inner_products is None:
            # Scaling Z instead of C: the smaller one.
            predicted = (self._rows * shrink) @ coefficients
            return dots(predicted, predicted)
        shrunk = shrink[:, None] * coefficients
        return dots(shrunk, self._inner_products @ shrunk)


@dataclass(frozen=True)
class ValidationScores:
    """R2 and correlation (a, t) of the predictions at each penalty, and what they rest on."""

    product: np.ndarray  # <y, prediction> (a, t)
    energy: np.ndarray  # |prediction|^2 (a, t)
    offset: np.ndarray  # z S C (a, t): mean prediction
    mean: np.ndarray  # (t,) of the scored targets, less the training mean
    variance: np.ndarray  # (t,) of the scored targets
    size: int

    @cached_property
    def r2(self) -> np.ndarray:
        """1 - sum (y - prediction)^2 / sum (y - training mean)^2; 0 where y equals that mean."""
        explained = 2 * self.product - self.energy
        explained += self.size * self.offset * (2 * self.mean - self.offset)
        total = self.size * (self.variance + self.mean**2)
        return np.divide(explained, total, out=np.zeros(explained.shape), where=total > 0)

    @cached_property
    def r(self) -> np.ndarray:
        """Pearson correlation; 0 where either side is constant."""
        norm = np.sqrt(np.maximum(self.energy, 0) * (self.size * self.variance))
        return np.divide(self.product, norm, out=np.zeros(norm.shape), where=norm > 0)


def score_penalties(
    scored: Scored,
    basis: Basis,
    coefficients: Array,
    columns: slice,
    penalties: np.ndarray,
    products: Products,
    mean: np.ndarray,
    variance: np.ndarray,
) -> ValidationScores:
    """Score the targets in `columns` at each penalty (a,).

    Parameters
    ----------
    scored : Scored
    basis : Basis
    coefficients : (q, t)
        C of these targets.
    columns : slice
    penalties : (a,)
    products : Products
    mean, variance : (t,)
        Of these targets over the scored samples; the mean less that of the training samples.
    """
    shrink = 1 / (basis.eigenvalues + penalties[:, None])
    weights = products.put(shrink)
    product = weights @ (scored.along(columns) * coefficients)
    offset = products.put(shrink * scored.mean) @ coefficients
    energy = np.stack([products.get(scored.energy(w, coefficients)) for w in weights])
    return ValidationScores(
        product=products.get(product).astype(np.float64),
        energy=energy.astype(np.float64),
        offset=products.get(offset).astype(np.float64),
        mean=mean,
        variance=variance,
        size=scored.size,
    )
