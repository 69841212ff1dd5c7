"""The leading patterns, over sensors and time, of what people share and the model misses."""

from __future__ import annotations

import numpy as np
from scipy import linalg
from scipy.sparse.linalg import eigsh

from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError

# Ridge penalty for each feature, in samples. Weak on purpose: overfitted noise is private to a
# person and averages out of the cross-person covariance, a part of the model left in does not.
PENALTY_PER_FEATURE = 1.0


def shared_components(
    responses: list[np.ndarray],
    folds: Folds,
    outer: int,
    components: int,
    features: np.ndarray | None,
) -> np.ndarray:
    """Leading eigenvectors of the cross-person covariance of the residuals, on training samples.

    With residuals R_p (m, d) the matrix is the sum over pairs p != q of R_p' R_q: noise that is
    independent between people averages out of it. Nothing of block `outer`, nor of samples within
    the gap of it, enters: the residuals come from ridge models fitted on `folds.train(outer,
    inner)` and applied to `folds.score(inner, outer)`, not from the study's held-out predictions,
    whose models for the other blocks have seen block `outer`.

    Parameters
    ----------
    responses : of each person, (n, d)
        In units of the training fold's standard deviation, mean 0 there.
    folds
    outer
        The block that stays out.
    components
        Number of eigenvectors.
    features : (n, f) or None
        The language model's (and the controls') features; None leaves the responses as they are,
        so that the components are those of the shared response.

    Returns
    -------
    (d, components), orthonormal columns.

    Raises
    ------
    LmbrainError
        If there are fewer than two people, more components than targets, or missing features.
    """
    size = responses[0].shape[1]
    if len(responses) < 2:
        raise LmbrainError("Shared components need at least two people.")
    if components > size:
        raise LmbrainError(
            f"divergence.components is {components}, but the selected sensors and bins are only "
            f"{size}; lower it, or widen divergence.window."
        )
    if components == size:
        return np.eye(size)
    residuals = _residuals(responses, folds, outer, features)
    total = np.sum(residuals, axis=0)
    covariance = total.T @ total
    for residual in residuals:
        covariance -= residual.T @ residual
    start = np.random.default_rng(0).standard_normal(size)
    return eigsh(covariance, k=components, which="LA", v0=start)[1][:, ::-1]


def _residuals(
    responses: list[np.ndarray], folds: Folds, outer: int, features: np.ndarray | None
) -> list[np.ndarray]:
    """What ridge on the features leaves of each person's training responses, cross-fitted."""
    if features is None:
        return [response[folds.train(outer)].astype(float) for response in responses]
    train = folds.train(outer)
    if not np.isfinite(features[train]).all():
        raise LmbrainError("A usable sample lacks features; leave it out of the folds.")
    sd = features[train].std(axis=0, dtype=float)
    scaled = (features - features[train].mean(axis=0, dtype=float)) / np.where(sd > 0, sd, 1.0)
    parts: list[list[np.ndarray]] = [[] for _ in responses]
    for inner in range(folds.n_outer):
        if inner == outer:
            continue
        fit, score = folds.train(outer, inner), folds.score(inner, outer)
        hat = _ridge_hat(scaled[fit], scaled[score])
        for part, response in zip(parts, responses, strict=True):
            mean = response[fit].mean(axis=0, dtype=float)
            part.append(response[score] - mean - hat @ (response[fit] - mean))
    return [np.concatenate(part) for part in parts]


def _ridge_hat(fit: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Matrix (m_score, m_fit) that turns responses fitted on into predictions.

    The penalty is the best one if f standardised features of equal weight explained half of the
    response, f (1 - R2) / R2 with R2 = .5.
    """
    samples, size = fit.shape
    penalty = PENALTY_PER_FEATURE * size
    fit, score = fit - fit.mean(axis=0), score - fit.mean(axis=0)
    if size < samples:
        inverse = linalg.solve(fit.T @ fit + penalty * np.eye(size), fit.T, assume_a="pos")
        return score @ inverse
    kernel = fit @ fit.T + penalty * np.eye(samples)
    return linalg.solve(kernel, fit @ score.T, assume_a="pos").T
