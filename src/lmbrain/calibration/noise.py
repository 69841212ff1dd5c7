"""Noise of word-locked responses: one sample a word, with the autocorrelation that brains have.

Every kind has variance 1 in expectation, so that strengths of planted effects compare between
kinds. Autoregressive noise forgets at a steady pace; 1/f noise has no longest time scale; slow
drift is a wave of a few hundred to thousands of words over autoregressive noise.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from lmbrain.errors import LmbrainError

AUTOREGRESSIVE = {"ar0": 0.0, "ar50": 0.5, "ar80": 0.8, "ar95": 0.95}
KINDS = (*AUTOREGRESSIVE, "drift", "one_over_f")
# Share of the variance of drifting noise that is drift, and its waves a story.
DRIFT_SHARE = 0.5
DRIFT_WAVES = (0.5, 3.0)
_BURN_IN = 200  # samples: 0.95**200 is 4e-5
_LONGER = (
    4  # 1/f noise is cut out of a series so many times longer, which does not close in on itself
)


def noise(kind: str, samples: int, series: int, rng: np.random.Generator) -> np.ndarray:
    """Independent series of one kind of noise.

    Parameters
    ----------
    kind : 'ar0', 'ar50', 'ar80', 'ar95', 'drift' or 'one_over_f'
        Autoregressive with the coefficient in hundredths; with slow drift; with a power spectrum
        that falls as 1/f down to one wave in four stories.
    samples, series : int
    rng

    Returns
    -------
    (samples, series) float64, mean 0 and variance 1 in expectation.

    Raises
    ------
    LmbrainError
        For an unknown kind.
    """
    if kind in AUTOREGRESSIVE:
        return autoregressive(AUTOREGRESSIVE[kind], samples, series, rng)
    if kind == "one_over_f":
        return _one_over_f(samples, series, rng)
    if kind == "drift":
        fast = autoregressive(0.5, samples, series, rng)
        return np.sqrt(1 - DRIFT_SHARE) * fast + np.sqrt(DRIFT_SHARE) * _waves(samples, series, rng)
    raise LmbrainError(f"There is no noise {kind!r}; use any of {', '.join(KINDS)}.")


def autoregressive(
    coefficient: float, samples: int, series: int, rng: np.random.Generator
) -> np.ndarray:
    """(samples, series) of first-order autoregressive noise, stationary, variance 1."""
    drive = rng.standard_normal((samples + _BURN_IN, series))
    values = lfilter([1.0], [1.0, -coefficient], drive, axis=0)[_BURN_IN:]
    return values * np.sqrt(1 - coefficient**2)


def neighbours(series: int, correlation: float) -> np.ndarray:
    """Matrix (series, series) that makes independent columns correlated like neighbouring sensors.

    `noise(...) @ neighbours(...)` correlates columns i and j by correlation ** |i - j|; temporal
    spectrum and variance stay.
    """
    place = np.arange(series)
    return np.linalg.cholesky(correlation ** np.abs(place[:, None] - place)).T


def _one_over_f(samples: int, series: int, rng: np.random.Generator) -> np.ndarray:
    length = _LONGER * samples
    frequencies = np.fft.rfftfreq(length)
    amplitude = np.zeros(len(frequencies))
    amplitude[1:] = frequencies[1:] ** -0.5
    shape = (len(frequencies), series)
    spectrum = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    values = np.fft.irfft(spectrum * amplitude[:, None], n=length, axis=0)[:samples]
    return values * length / np.sqrt(4 * np.sum(amplitude**2))


def _waves(samples: int, series: int, rng: np.random.Generator) -> np.ndarray:
    """Sines of random phase and slowness, variance 1 over phases."""
    waves = rng.uniform(*DRIFT_WAVES, series)
    phase = rng.uniform(0, 2 * np.pi, series)
    turns = waves * (np.arange(samples) / samples)[:, None]
    return np.sqrt(2) * np.sin(2 * np.pi * turns + phase)
