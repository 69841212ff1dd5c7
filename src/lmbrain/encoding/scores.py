"""Held-out scores: correlation, R2 and error, always inside one test fold at a time.

Predictions of different folds come from different fits: each fold has its own mean and scale.
Pooling them before correlating mixes those differences into the score (on pure autocorrelated
noise it is strongly negative), so r and R2 are computed per test fold and averaged over folds.
"""

from __future__ import annotations

import numpy as np

from lmbrain.encoding.folds import Folds

# Centred values below this many rounding errors of the raw ones count as constant.
_CONSTANT = 10


def pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson correlation of each column of `a` with the same column of `b`.

    Parameters
    ----------
    a, b : (n, ...) float
        Finite.

    Returns
    -------
    (...) float64 in [-1, 1]; 0 where either side is constant (such a column predicts nothing).
    """
    a_unit, b_unit = unit_columns(a), unit_columns(b)
    return np.clip(np.einsum("i...,i...->...", a_unit, b_unit, dtype=np.float64), -1, 1)


def unit_columns(values: np.ndarray) -> np.ndarray:
    """Columns centred and divided by their norm; zeros where a column is constant.

    Parameters
    ----------
    values : (n, ...) float

    Returns
    -------
    (n, ...) float, in the precision of `values`.
    """
    values = np.asarray(values)
    if not np.issubdtype(values.dtype, np.floating):
        values = values.astype(float)
    # The rounding of float32 stays small relative to the mean only when the sum is float64.
    centred = values - values.mean(axis=0, dtype=np.float64).astype(values.dtype)
    # Scaled first: squares of responses in tesla underflow float32.
    largest = np.abs(centred).max(axis=0, initial=0)
    scale = np.where(largest > 0, largest, 1).astype(values.dtype)
    centred /= scale
    norm = np.sqrt(np.einsum("i...,i...->...", centred, centred, dtype=np.float64))
    raw = np.abs(values).max(axis=0, initial=0)
    constant = largest <= _CONSTANT * np.finfo(values.dtype).eps * raw
    centred *= np.where(constant, 0, 1 / np.where(norm > 0, norm, 1)).astype(values.dtype)
    return centred


def r2_score(prediction: np.ndarray, responses: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """1 - sum (y - prediction)^2 / sum (y - baseline)^2, column by column.

    Parameters
    ----------
    prediction, responses : (n, ...) float
    baseline : (...) float
        What a model without features predicts: the training mean.

    Returns
    -------
    (...) float64, 1 or less; 0 where the responses equal the baseline throughout.
    """
    left = np.square(responses - prediction, dtype=np.float64).sum(axis=0)
    total = np.square(responses - baseline, dtype=np.float64).sum(axis=0)
    return np.divide(total - left, total, out=np.zeros_like(total), where=total > 0)


def fold_correlation(prediction: np.ndarray, responses: np.ndarray, folds: Folds) -> np.ndarray:
    """r inside each test fold; the score of a sensor and bin is its mean over the first axis.

    Parameters
    ----------
    prediction, responses : (n, ...) float
        Held-out predictions and responses; rows in no fold are not read.
    folds : Folds

    Returns
    -------
    (n_outer, ...) float64.
    """
    tests = [folds.test(outer) for outer in range(folds.n_outer)]
    return np.stack([pearson(prediction[test], responses[test]) for test in tests])


def squared_error(
    prediction: np.ndarray, responses: np.ndarray, folds: Folds, response_sd: np.ndarray
) -> np.ndarray:
    """Squared held-out error in units of the training fold's standard deviation.

    Parameters
    ----------
    prediction, responses : (n, ...) float
    folds : Folds
    response_sd : (n_outer, ...) float
        Standard deviation of the training responses of each outer fold.

    Returns
    -------
    (n, ...) float32; NaN for samples in no test fold.
    """
    return np.square(standardised_residual(prediction, responses, folds, response_sd))


def standardised_residual(
    prediction: np.ndarray, responses: np.ndarray, folds: Folds, response_sd: np.ndarray
) -> np.ndarray:
    """Held-out residual, response minus prediction, in the training fold's standard deviations.

    Parameters and shapes as in `squared_error`; returns (n, ...) float32.
    """
    residual = np.full(responses.shape, np.nan, np.float32)
    for outer in range(folds.n_outer):
        test = folds.test(outer)
        residual[test] = (responses[test] - prediction[test]) / response_sd[outer]
    return residual
