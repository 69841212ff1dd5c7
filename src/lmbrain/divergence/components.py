"""Patterns, over sensors and time, of what people share and the language model misses."""

from __future__ import annotations

import numpy as np
from scipy import linalg
from scipy.sparse.linalg import LinearOperator, eigsh

from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError

# Ridge penalty for each feature, in samples. Weak on purpose: overfitted noise is private to a
# person and averages out of the cross-person covariance, a part of the model left in does not.
PENALTY_PER_FEATURE = 1.0
# Principal components kept before whitening: noise in sensors and bins is strongly correlated
# (some 50 dimensions of 3,000 hold it), and directions of hardly any variance would be blown up.
MOST_PRINCIPAL = 150
# Fewer than these samples a dimension give a noise covariance too rough to invert.
SAMPLES_PER_PRINCIPAL = 4
# Weight of the mean variance in the noise covariance: without it, directions whose noise came out
# small by chance would lead.
SHRINKAGE = 0.1


def training_residuals(
    responses: list[np.ndarray], folds: Folds, outer: int, features: np.ndarray | None
) -> list[np.ndarray]:
    """What ridge on the features leaves of each person's training responses, cross-fitted.

    Nothing of block `outer`, nor of samples within the gap of it, enters: the models are fitted on
    `folds.train(outer, inner)` and applied to `folds.score(inner, outer)`. The study's held-out
    predictions would not do, as the models for the other blocks have seen block `outer`.

    Parameters
    ----------
    responses : of each person, (n, d)
        In units of the training fold's standard deviation, mean 0 there; rows that the person
        lacks are NaN.
    folds
    outer
        The block that stays out.
    features : (n, f) or None
        The language model's (and the controls') features; None leaves the responses as they are,
        so that the components are those of the shared response.

    Returns
    -------
    Of each person, (m, d) float32, m training samples by inner block; NaN where the person lacks
    the sample.

    Raises
    ------
    LmbrainError
        If a training sample lacks features.
    """
    train = folds.train(outer)
    if features is None:
        return [response[train].astype(np.float32) for response in responses]
    if not np.isfinite(features[train]).all():
        raise LmbrainError("A usable sample lacks features; leave it out of the folds.")
    sd = features[train].std(axis=0, dtype=float)
    scaled = (features - features[train].mean(axis=0, dtype=float)) / np.where(sd > 0, sd, 1.0)
    parts: list[list[np.ndarray]] = [[] for _ in responses]
    for inner in range(folds.n_outer):
        if inner == outer:
            continue
        fit, score = folds.train(outer, inner), folds.score(inner, outer)
        factors: dict[bytes, list[np.ndarray]] = {}  # the same for people with the same samples
        for part, response in zip(parts, responses, strict=True):
            own = fit & np.isfinite(response[:, 0])
            samples = own.tobytes()
            if samples not in factors:
                factors[samples] = _ridge(scaled[own], scaled[score])
            mean = response[own].mean(axis=0, dtype=float).astype(np.float32)
            predicted = (response[own] - mean).astype(np.float32)
            for factor in factors[samples]:
                predicted = factor @ predicted
            part.append((response[score] - mean - predicted).astype(np.float32))
    return [np.concatenate(part) for part in parts]


def shared_components(residuals: list[np.ndarray], components: int) -> np.ndarray:
    """Leading eigenvectors of the residuals' cross-person covariance.

    With residuals R_p (m, d) the matrix is the sum over pairs p != q of R_p' R_q: noise that is
    independent between people averages out of it. Of two people the samples that both have enter.

    Parameters
    ----------
    residuals : of each person, (m, d)
        From `training_residuals`; rows that the person lacks are NaN.
    components
        Number of eigenvectors.

    Returns
    -------
    (d, components), orthonormal columns.

    Raises
    ------
    LmbrainError
        If there are fewer than two people, or more components than targets.
    """
    size = _check(residuals, components)
    if components == size:
        return np.eye(size)
    residuals = [np.nan_to_num(residual) for residual in residuals]
    total = np.sum(residuals, axis=0)

    def apply(vector: np.ndarray) -> np.ndarray:
        vector = vector.astype(total.dtype)
        own = sum(residual.T @ (residual @ vector) for residual in residuals)
        return total.T @ (total @ vector) - own

    # Applied, not built: d x d products of every person would take most of the stage's time.
    covariance = LinearOperator((size, size), matvec=apply, dtype=float)
    start = np.random.default_rng(0).standard_normal(size)
    return eigsh(covariance, k=components, which="LA", v0=start, tol=1e-5)[1][:, ::-1]


def generalised_components(residuals: list[np.ndarray], components: int) -> np.ndarray:
    """Leading generalised eigenvectors of shared against private residual covariance.

    Within the leading principal components of the pooled residuals: with B the mean over pairs
    p != q of R_p' R_q / m, W the mean over people of R_p' R_p / m and the noise N = W - B, the
    patterns u of highest u'Bu / u'Nu. N is the covariance of the people's differences,
    sum of (R_p - mean)' (R_p - mean) / (m (people - 1)), hence never indefinite; it is shrunk
    towards its mean variance by `SHRINKAGE`. A sample that P' of the people have counts by P' - 1,
    the differences it holds, in N, W and B alike.

    Where noise is strongly correlated over sensors and bins, `shared_components` are drawn to the
    patterns of largest noise, whose chance products are largest; these are not.

    Parameters
    ----------
    residuals, components
        As in `shared_components`.

    Returns
    -------
    (d, components); the noise along each is uncorrelated with the others and has variance 1.

    Raises
    ------
    LmbrainError
        As `shared_components`, and if all people's residuals are the same.
    """
    size, people = _check(residuals, components), len(residuals)
    has = np.array([np.isfinite(residual[:, :1]) for residual in residuals])
    residuals = [np.nan_to_num(residual) for residual in residuals]
    count = has.sum(axis=0)
    samples = np.maximum(count - 1, 0).sum() / (people - 1)
    most = int(samples // SAMPLES_PER_PRINCIPAL)
    principal = max(components, min(MOST_PRINCIPAL, size, most))
    basis = _principal_axes(residuals, principal)
    projected = [(residual @ basis).astype(float) for residual in residuals]
    centre = np.sum(projected, axis=0) / np.maximum(count, 1)
    apart = [np.where(own, p - centre, 0) for own, p in zip(has, projected, strict=True)]
    noise = sum(p.T @ p for p in apart) / (samples * (people - 1))
    # The weight of a sample's own products, whose number is P': that of its differences.
    weight = np.sqrt((np.maximum(count - 1, 0) / np.maximum(count, 1)) / ((people - 1) / people))
    within = sum((weight * p).T @ (weight * p) for p in projected) / (samples * people)
    level = np.trace(noise) / principal
    if level <= np.finfo(np.float32).eps * np.trace(within):
        raise LmbrainError("All people have the same responses; list each person once.")
    shrunk = (1 - SHRINKAGE) * noise + SHRINKAGE * level * np.eye(principal)
    leading = (principal - components, principal - 1)
    vectors = linalg.eigh(within - noise, shrunk, subset_by_index=leading)[1][:, ::-1]
    return basis @ vectors


def _check(residuals: list[np.ndarray], components: int) -> int:
    """Number of targets d."""
    size = residuals[0].shape[1]
    if len(residuals) < 2:
        raise LmbrainError("Shared components need at least two people.")
    if components > size:
        raise LmbrainError(
            f"divergence.components is {components}, but the selected sensors and bins are only "
            f"{size}; lower it, or widen divergence.window."
        )
    return size


def _principal_axes(residuals: list[np.ndarray], count: int) -> np.ndarray:
    """Leading axes (d, count) of all people's residuals, by randomised subspace iteration."""
    size = residuals[0].shape[1]
    if count == size:
        return np.eye(size, dtype=np.float32)
    from sklearn.utils.extmath import randomized_svd

    # Exactness at the edge does not matter: what lies there is left to the whitening anyway.
    pooled = np.concatenate(residuals)
    return randomized_svd(pooled, count, n_oversamples=20, n_iter=3, random_state=0)[2].T


def _ridge(fit: np.ndarray, score: np.ndarray) -> list[np.ndarray]:
    """Matrices that, applied in turn, make predictions of the responses fitted on.

    The penalty is the best one if f standardised features of equal weight explained half of the
    response, f (1 - R2) / R2 with R2 = .5.
    """
    samples, size = fit.shape
    penalty = PENALTY_PER_FEATURE * size
    fit, score = fit - fit.mean(axis=0), score - fit.mean(axis=0)
    if size < samples:
        weights = linalg.solve(fit.T @ fit + penalty * np.eye(size), fit.T, assume_a="pos")
        return [weights.astype(np.float32), score.astype(np.float32)]
    kernel = fit @ fit.T + penalty * np.eye(samples)
    hat = linalg.solve(kernel, fit @ score.T, assume_a="pos").T
    return [hat.astype(np.float32)]
