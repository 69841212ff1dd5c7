"""How long responses resemble themselves: what the length of blocks has to cover."""

from __future__ import annotations

import numpy as np
from scipy import fft

from lmbrain.encoding.folds import Folds

# Targets handled at once: bounds the memory, changes no result.
CHUNK = 256


def autocorrelation(
    response: np.ndarray, folds: Folds, threshold: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """How long each target resembles itself, over the samples of each block, pooled.

    Parameters
    ----------
    response : (n, t)
    folds
    threshold
        In units of r.

    Returns
    -------
    lag1 : (t,)
        Autocorrelation between neighbouring samples.
    decay : (t,) int
        First lag, in samples, at which it is under `threshold`; half of the shortest block if it
        never is before. Constant targets have 0 for both.
    """
    sizes = [int(folds.test(fold).sum()) for fold in range(folds.n_outer)]
    lags = min(sizes) // 2 + 1
    pairs = sum(np.maximum(size - np.arange(lags), 1) for size in sizes)
    lag1 = np.empty(response.shape[1])
    decay = np.empty(response.shape[1], int)
    for start in range(0, response.shape[1], CHUNK):
        part = slice(start, start + CHUNK)
        centre = response[folds.usable, part].mean(axis=0, dtype=float)
        products = np.zeros((len(centre), lags))
        for fold in range(folds.n_outer):
            block = (response[folds.test(fold), part] - centre).T
            spectrum = fft.rfft(block, n=2 * block.shape[1])
            products += fft.irfft(np.abs(spectrum) ** 2)[:, :lags]
        variance = products[:, :1] / pairs[0]
        curve = products / pairs / np.where(variance > 0, variance, 1.0)
        under = curve < threshold
        lag1[part] = curve[:, 1]
        decay[part] = np.where(under.any(axis=1), under.argmax(axis=1), lags - 1)
    return lag1, decay
