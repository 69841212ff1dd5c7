"""What other people's brains add to a prediction of the response over model and controls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def added_by_others(
    response: np.ndarray,
    prediction: np.ndarray,
    other: np.ndarray,
    control: np.ndarray | None = None,
) -> np.ndarray:
    """How much nearer one person's response comes when other people's prediction joins.

    |y - Z|^2 - |y - Z'|^2 with Z = a L + b C and Z' = a' L + b' C + c' X, divided by d; L is the
    language model's prediction, C that of the controls, X that from other people. Weights are
    least squares over words and targets (stacking, Breiman 1996).

    L, C and X of a test block come from fits that never saw the block, but those of the other
    blocks come from fits that did: weights fitted there would have seen the test block. So the
    block is halved, and each half takes the weights of the other. No word's own response enters
    its weights, and two or three weights cannot carry much from one half to the other.

    Parameters
    ----------
    response, prediction, other, control : (m, d)
        One person's words of one test block in order, in training units (0 is the training mean).
        Without `control` Z = a L.

    Returns
    -------
    (m,) of any sign, in the units of `response` squared. Its mean over words of independent noise
    is not above 0.
    """
    base = [prediction] if control is None else [prediction, control]
    result = np.empty(len(response))
    for scored, fitted in _halves(len(response)):
        without = _error(response, base, scored, fitted)
        result[scored] = without - _error(response, [*base, other], scored, fitted)
    return result


def _halves(size: int) -> list[tuple[slice, slice]]:
    first, second = slice(0, size // 2), slice(size // 2, size)
    return [(first, second), (second, first)]


def _error(
    response: np.ndarray, predictions: Sequence[np.ndarray], scored: slice, fitted: slice
) -> np.ndarray:
    """Mean squared error of each scored word; the stack's weights come from the fitted words."""
    columns = np.array([p[fitted].ravel() for p in predictions], dtype=float)
    # Through the normal equations: least norm where predictions are alike, or all at the mean.
    right = columns @ response[fitted].ravel().astype(float)
    weights = np.linalg.lstsq(columns @ columns.T, right, rcond=None)[0]
    stack = sum(w * p[scored] for w, p in zip(weights, predictions, strict=True))
    return np.mean((response[scored] - stack) ** 2, axis=1)
