"""One ridge problem solved for all penalties and targets by one eigendecomposition.

Minimises |y - b - X w|^2 + penalty |w|^2 over weights w and a free intercept b; the columns of X
and y are standardised on the training samples. With the eigenvectors of the smaller Gram matrix
(features x features, or samples x samples), eigenvalues e, left vectors L and basis B:

    prediction = Z diag(1 / (e + penalty)) C,   Z = X_new B,   C = L' y

where B = V, L = X V for X'X = V diag(e) V', and B = X' U, L = U for XX' = U diag(e) U'.
Feature-sized algebra is float64; target-sized products have the targets' precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmbrain.encoding.scores import unit_columns

# A feature whose SD is below this share of its largest value is constant but for rounding.
_CONSTANT = 1e-13


@dataclass(frozen=True)
class Decomposition:
    """Eigendecomposition of one training set's Gram matrix (see the formula above)."""

    mean: np.ndarray  # (p,)
    scale: np.ndarray  # (p,) 1 / SD, 0 for constant columns
    basis: np.ndarray  # B (p, q)
    left: np.ndarray  # L (n_train, q)
    eigenvalues: np.ndarray  # e (q,)

    def rotate(self, new_features: np.ndarray) -> np.ndarray:
        """Z (m, q) of new samples (m, p)."""
        return ((new_features - self.mean) * self.scale) @ self.basis

    def fit(self, targets: np.ndarray) -> Fit:
        """Coefficients of the training targets (n_train, t), standardised here."""
        dtype = targets.dtype
        mean = targets.mean(axis=0, dtype=np.float64)
        standard = targets - mean.astype(dtype)
        sd = np.sqrt(np.einsum("it,it->t", standard, standard, dtype=np.float64) / len(standard))
        standard /= np.where(sd > 0, sd, 1).astype(dtype)
        return Fit(self, self.left.astype(dtype).T @ standard, mean, sd)


@dataclass(frozen=True)
class Fit:
    """One training set's features and targets where ridge is diagonal, for every penalty."""

    decomposition: Decomposition
    coefficients: np.ndarray  # C (q, t), of standardised targets
    mean: np.ndarray  # (t,) of the targets
    sd: np.ndarray  # (t,)

    def predict(self, new_features: np.ndarray, penalty: np.ndarray) -> np.ndarray:
        """(m, t) predictions in the targets' units, each target at its own penalty (t,)."""
        dtype = self.coefficients.dtype
        shrink = 1 / (self.decomposition.eigenvalues[:, None] + penalty)
        rotated = self.decomposition.rotate(new_features).astype(dtype)
        standard = rotated @ (self.coefficients * shrink.astype(dtype))
        return standard * self.sd.astype(dtype) + self.mean.astype(dtype)

    def validate(
        self, new_features: np.ndarray, truth: np.ndarray, penalties: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """R2 and correlation (a, t) of the predictions at each penalty (a,) with `truth` (m, t).

        The products of predictions and truth need one projection of the truth for all penalties;
        only the predictions' norms need a product a penalty, by the triangular factor of Z where
        that is smaller. R2 is 1 - (|y|^2 - 2 <y, prediction> + |prediction|^2) / |y|^2 with y in
        the training set's mean and SD, split into its centred part and its mean.
        """
        dtype = self.coefficients.dtype
        rotated = self.decomposition.rotate(new_features)
        centre = rotated.mean(axis=0)
        rotated -= centre
        shrink = (1 / (self.decomposition.eigenvalues + penalties[:, None])).astype(dtype)
        along = rotated.astype(dtype).T @ unit_columns(truth)
        along *= self.coefficients
        product = shrink @ along
        offset = (shrink * centre.astype(dtype)) @ self.coefficients
        if _triangle_pays(*rotated.shape, truth.shape[1], len(penalties)):
            rotated = np.linalg.qr(rotated, mode="r")
        rotated = rotated.astype(dtype)
        energy = np.empty_like(product)
        for row, weights in zip(energy, shrink, strict=True):
            predicted = rotated @ (weights[:, None] * self.coefficients)
            row[:] = np.einsum("it,it->t", predicted, predicted)
        sd = np.where(self.sd > 0, self.sd, 1)
        size = len(new_features)
        length = np.sqrt(size) * truth.std(axis=0, dtype=np.float64) / sd
        mean = (truth.mean(axis=0, dtype=np.float64) - self.mean) / sd
        explained = 2 * length * product - energy + size * offset * (2 * mean - offset)
        total = length**2 + size * mean**2
        r2 = np.divide(explained, total, out=np.zeros(product.shape), where=total > 0)
        norm = np.sqrt(energy)
        return r2, np.divide(product, norm, out=np.zeros(product.shape), where=norm > 0)


def decompose(features: np.ndarray) -> Decomposition:
    """Standardise training features (n_train, p) and decompose the smaller Gram matrix."""
    mean = features.mean(axis=0)
    sd = features.std(axis=0)
    constant = sd <= _CONSTANT * np.abs(features).max(axis=0, initial=0)
    scale = np.where(constant, 0, 1 / np.where(constant, 1, sd))
    standard = (features - mean) * scale
    if standard.shape[1] <= len(standard):
        eigenvalues, basis = np.linalg.eigh(standard.T @ standard)
        left = standard @ basis
    else:
        eigenvalues, left = np.linalg.eigh(standard @ standard.T)
        basis = standard.T @ left
    return Decomposition(mean, scale, basis, left, np.maximum(eigenvalues, 0))


def _triangle_pays(n_samples: int, n_features: int, n_targets: int, n_penalties: int) -> bool:
    """Whether products saved by Z's triangular factor outweigh making it in float64."""
    saved = n_penalties * n_targets * (n_samples - n_features)
    return saved > 2 * n_samples * n_features
