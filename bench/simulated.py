"""Features and responses like those of an encoding study, of any size, from a seed."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.signal import lfilter

# Word-locked responses overlap from word to word.
NOISE_AUTOCORRELATION = 0.5
# Sources that many sensors and bins share: of the signal, and of the noise.
SIGNAL_SOURCES = 20
NOISE_SOURCES = 60
# Share of targets that the features tell nothing about, and the largest correlation of the others
# with what the features tell about them. With 5,156 words and 1,600 features of the power-law
# spectrum the held-out r of the best targets is then about .3 and the median about .05.
SILENT = 0.25
LARGEST = 0.4


def simulate(
    n_samples: int,
    n_features: int,
    n_targets: int,
    spectrum: Literal["power", "flat"] = "power",
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Features (n, p) and responses (n, t) in float32.

    Features: with `power`, eigenvalues of the covariance fall as 1/rank, as those of
    language-model states roughly do, and each component is autocorrelated (AR(1), coefficient
    uniform in 0 to .6); with `flat`, independent normal numbers. Columns then get different
    scales and offsets. Responses: a linear function of the features, mixed from a few sources,
    plus AR(1) noise of which half is shared between targets; unit variance, of which between 0
    and LARGEST^2 is signal.
    """
    draw = np.random.default_rng(seed)
    rank = np.arange(1, n_features + 1)
    slowness = draw.uniform(0, 0.6, n_features) if spectrum == "power" else np.zeros(n_features)
    size = 1 / np.sqrt(rank) if spectrum == "power" else np.ones(n_features)
    components = _autoregressive(draw, n_samples, slowness) * size
    features = components
    if spectrum == "power":
        features = components @ np.linalg.qr(draw.standard_normal((n_features, n_features)))[0]
    scale = np.exp(draw.normal(0, 0.5, n_features))
    features = (features + draw.standard_normal(n_features)) * scale

    sources = components @ draw.standard_normal((n_features, SIGNAL_SOURCES))
    signal = _unit(sources @ draw.standard_normal((SIGNAL_SOURCES, n_targets)))
    noise = _autoregressive(draw, n_samples, np.full(NOISE_SOURCES, NOISE_AUTOCORRELATION))
    shared = noise @ draw.standard_normal((NOISE_SOURCES, n_targets))
    private = _autoregressive(draw, n_samples, np.full(n_targets, NOISE_AUTOCORRELATION))
    strength = LARGEST * draw.uniform(size=n_targets)
    strength[draw.uniform(size=n_targets) < SILENT] = 0
    responses = strength * signal + np.sqrt(1 - strength**2) * _unit(_unit(shared) + private)
    return {"features": features.astype(np.float32), "responses": responses.astype(np.float32)}


def _autoregressive(
    draw: np.random.Generator, n_samples: int, coefficients: np.ndarray
) -> np.ndarray:
    """(n, c) columns of unit variance, each AR(1) with its own coefficient (c,)."""
    columns = draw.standard_normal((n_samples, len(coefficients)))
    columns[1:] *= np.sqrt(1 - coefficients**2)
    for column, coefficient in zip(columns.T, coefficients, strict=True):
        column[:] = lfilter([1], [1, -coefficient], column)
    return columns


def _unit(values: np.ndarray) -> np.ndarray:
    """Columns divided by their standard deviation."""
    return values / values.std(axis=0)
