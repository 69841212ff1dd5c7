"""Ridge regression of many targets with the penalty chosen by nested cross-validation, exactly.

The training set without blocks k and j is the same for inner fold j of outer fold k as for inner
fold k of outer fold j, so it is decomposed once (10 + 45 decompositions, not 100, for ten folds).

The penalty is the one with the highest R2 over the inner folds, not the highest correlation: the
correlation hardly changes once shrinkage is strong, so it often picks a penalty that shrinks the
prediction to nothing, or none at all; on simulated responses R2 chose better for both scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from lmbrain.encoding.decomposition import Fit, decompose
from lmbrain.encoding.folds import Folds
from lmbrain.encoding.scores import pearson, r2_score
from lmbrain.errors import LmbrainError

Targets = Callable[[int], np.ndarray]


@dataclass(frozen=True)
class NestedRidgeResult:
    """Held-out predictions and what was chosen, per outer fold (k) and target (t).

    Attributes
    ----------
    prediction : (n, t)
        Held-out prediction in the responses' units; NaN for samples in no test fold.
    r_per_fold, r2_per_fold : (k, t)
        Pearson correlation, and R2 against the training mean, inside each test fold.
    penalty : (k, t)
        Chosen penalty.
    validation_r : (k, t)
        Mean correlation over the inner folds at the chosen penalty.
    response_mean, response_sd : (k, t)
        Of the training responses of each outer fold.
    penalties : (a,)
        The grid.
    inner_prediction : (k, n, t) or None
        On request: prediction of each training sample of outer fold k by the fit that left out
        its block as well as block k; NaN elsewhere.
    """

    prediction: np.ndarray
    r_per_fold: np.ndarray
    r2_per_fold: np.ndarray
    penalty: np.ndarray
    validation_r: np.ndarray
    response_mean: np.ndarray
    response_sd: np.ndarray
    penalties: np.ndarray
    inner_prediction: np.ndarray | None = None

    @property
    def r(self) -> np.ndarray:
        """(t,) mean over test folds of the correlation."""
        return self.r_per_fold.mean(axis=0)

    @property
    def r2(self) -> np.ndarray:
        """(t,) mean over test folds of R2."""
        return self.r2_per_fold.mean(axis=0)

    @property
    def at_edge(self) -> np.ndarray:
        """(k, t) int8: -1 where the smallest penalty was chosen, +1 the largest, else 0."""
        low, high = self.penalty == self.penalties.min(), self.penalty == self.penalties.max()
        return high.astype(np.int8) - low.astype(np.int8)


def nested_ridge(
    features: np.ndarray,
    responses: np.ndarray | Targets,
    folds: Folds,
    penalties: list[float],
    penalty_per: Literal["target", "all"] = "target",
    dtype: type = np.float32,
    inner_predictions: bool = False,
) -> NestedRidgeResult:
    """Predict every sample by a ridge fit that saw neither it nor its surroundings.

    For outer fold k the penalty with the highest R2, averaged over the inner folds (fitted on
    `folds.train(k, j)`, scored on `folds.score(j, k)`), is refitted on `folds.train(k)`.
    Features and responses are standardised on the training samples of every fit.

    Parameters
    ----------
    features : (n, p) float
        Any scale; p may be 0 (predicts the training mean). Columns constant in a training set
        get no weight there.
    responses : (n, t) float, or callable
        A callable gives the (n, t) responses of outer fold k (cross-fitted denoised ones); it is
        called several times per fold. Only rows in `train(k)` and `test(k)` are read.
    folds : Folds
    penalties : list of float
        Grid, positive; the unit is that of summed squares of standardised features.
    penalty_per : "target" or "all"
        One penalty a target, or one for all (highest mean R2 over targets).
    dtype : float32 or float64
        Of the target-sized products and the results.
    inner_predictions : bool
        Also return the cross-fitted predictions of the training samples.

    Raises
    ------
    LmbrainError
        If features or responses that are used hold a non-finite number, lengths differ, or a
        response is constant in a training fold.
    """
    features = np.asarray(features, np.float64)
    penalties = np.asarray(penalties, np.float64)
    _check_features(features, folds)
    targets = _checked_targets(responses, folds, dtype)
    shared = not callable(responses)
    kept: dict[tuple[int, int], Fit] | None = {} if inner_predictions else None
    validation_r2, validation_r = _validate(features, targets, shared, folds, penalties, kept)
    n_outer, _, n_targets = validation_r.shape
    chosen = _choose(validation_r2, penalty_per)
    penalty = penalties[chosen]
    prediction = np.full((len(features), n_targets), np.nan, dtype)
    mean, sd, r, r2 = np.empty((4, n_outer, n_targets))
    for outer in range(n_outer):
        train, test = folds.train(outer), folds.test(outer)
        truth = targets(outer)
        fit = decompose(features[train]).fit(truth[train])
        prediction[test] = fit.predict(features[test], penalty[outer])
        mean[outer], sd[outer] = fit.mean, fit.sd
        r[outer] = pearson(prediction[test], truth[test])
        r2[outer] = r2_score(prediction[test], truth[test], fit.mean)
    return NestedRidgeResult(
        prediction=prediction,
        r_per_fold=r,
        r2_per_fold=r2,
        penalty=penalty,
        validation_r=np.take_along_axis(validation_r, chosen[:, None], axis=1)[:, 0],
        response_mean=mean,
        response_sd=sd,
        penalties=penalties,
        inner_prediction=None if kept is None else _cross_fitted(kept, features, folds, penalty),
    )


def _validate(
    features: np.ndarray,
    targets: Targets,
    shared: bool,
    folds: Folds,
    penalties: np.ndarray,
    kept: dict[tuple[int, int], Fit] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """R2 and correlation (k, a, t) of each outer fold and penalty, mean over the inner folds.

    Fits go into `kept` under (outer, inner) where that is given.
    """
    n_outer = folds.n_outer
    r2, r = np.zeros((2, n_outer, len(penalties), targets(0).shape[1]))
    for pair in combinations(range(n_outer), 2):
        train = folds.train(*pair)
        decomposition = decompose(features[train])
        fit = None
        for outer, inner in (pair, pair[::-1]):
            truth = targets(outer)
            if fit is None or not shared:
                fit = decomposition.fit(truth[train])
            scored = folds.score(inner, outer)
            scores = fit.validate(features[scored], truth[scored], penalties)
            r2[outer] += scores[0] / (n_outer - 1)
            r[outer] += scores[1] / (n_outer - 1)
            if kept is not None:
                kept[outer, inner] = fit
    return r2, r


def _choose(validation: np.ndarray, penalty_per: Literal["target", "all"]) -> np.ndarray:
    """(k, t) index of the best penalty from validation scores (k, a, t)."""
    if penalty_per == "target":
        return validation.argmax(axis=1)
    best = validation.mean(axis=2).argmax(axis=1)
    return np.broadcast_to(best[:, None], (len(validation), validation.shape[2]))


def _cross_fitted(
    kept: dict[tuple[int, int], Fit], features: np.ndarray, folds: Folds, penalty: np.ndarray
) -> np.ndarray:
    """(k, n, t) predictions of each outer fold's training samples, block by block left out."""
    dtype = next(iter(kept.values())).coefficients.dtype
    predictions = np.full((len(penalty), len(features), penalty.shape[1]), np.nan, dtype)
    for (outer, inner), fit in kept.items():
        scored = folds.score(inner, outer)
        predictions[outer, scored] = fit.predict(features[scored], penalty[outer])
    return predictions


def _check_features(features: np.ndarray, folds: Folds) -> None:
    if features.ndim != 2 or len(features) != len(folds.block):
        raise LmbrainError(
            f"features of shape {features.shape} do not fit {len(folds.block)} samples; "
            "make folds and features from the same words table."
        )
    wrong = ~np.isfinite(features) & folds.usable[:, None]
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise LmbrainError(
            f"Feature column {column} of sample {row} is not a finite number; mend the feature "
            "or leave the sample out of the folds."
        )


def _checked_targets(responses: np.ndarray | Targets, folds: Folds, dtype: type) -> Targets:
    """Responses of each outer fold in `dtype`, refused where they cannot be used."""
    if callable(responses):
        checked: set[int] = set()

        def targets(outer: int) -> np.ndarray:
            values = np.asarray(responses(outer), dtype)
            if outer not in checked:
                _check_responses(values, folds, outer)
                checked.add(outer)
            return values

        return targets
    values = np.asarray(responses, dtype)
    for outer in range(folds.n_outer):
        _check_responses(values, folds, outer)
    return lambda outer: values


def _check_responses(values: np.ndarray, folds: Folds, outer: int) -> None:
    if values.ndim != 2 or len(values) != len(folds.block):
        raise LmbrainError(
            f"responses of shape {values.shape} do not fit {len(folds.block)} samples; "
            "make folds and responses from the same words table."
        )
    train = folds.train(outer)
    wrong = ~np.isfinite(values) & (train | folds.test(outer))[:, None]
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise LmbrainError(
            f"Response {column} of sample {row} is not a finite number; mend the recording or "
            "leave the sample out of the folds."
        )
    constant = np.ptp(values[train], axis=0) == 0
    if constant.any():
        raise LmbrainError(
            f"Response {int(constant.argmax())} never varies in the training samples of fold "
            f"{outer}; mark its sensor as bad or exclude the subject."
        )
