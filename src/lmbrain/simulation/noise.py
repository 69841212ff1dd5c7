"""Noise of the simulated brains and sensors.

Magnitudes are those of a 306-channel Elekta/MEGIN system.
"""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
import scipy.fft

from lmbrain.simulation.sources import ORIGIN, dipole_gain

BAND = (0.1, 40.0)  # Hz, band in which single-trial noise is expressed
BIN = 0.025  # s, width of the bins in which single-trial noise is expressed
BRAIN_DIPOLES = 120
BRAIN_NOISE = 5e-12  # T/m, median over gradiometers of the brain noise in BAND and BIN
SENSOR_DENSITY = {"grad": 3e-13, "mag": 3e-15, "ref_meg": 3e-15}  # white part, T/m, T per root Hz
SENSOR_CORNER = 1.0  # Hz below which the sensors' own 1/f noise exceeds the white part
TRIAL_GAIN = 0.3  # standard deviation of the log gain of brain noise from item to item


@dataclass(frozen=True)
class BrainNoise:
    """Background activity of one person.

    positions, orientations
        Dipoles x 3, head coordinates.
    moments
        Dipoles, Am: scale of each dipole's time course.
    alpha
        Dipoles: variance of the 10 Hz rhythm relative to that of the 1/f part at 10 Hz.
    slope
        Exponent of 1/f in the power; with 2 noise is much alike from one word to the next.
    """

    positions: np.ndarray
    orientations: np.ndarray
    moments: np.ndarray
    alpha: np.ndarray
    slope: float


def make_brain_noise(info: mne.Info, slope: float, rng: np.random.Generator) -> BrainNoise:
    """Random dipoles over the upper head, scaled to `BRAIN_NOISE` at the gradiometers of `info`."""
    direction = rng.normal(size=(8 * BRAIN_DIPOLES, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    direction = direction[direction[:, 2] > -0.35][:BRAIN_DIPOLES]
    positions = ORIGIN + direction * rng.uniform(0.04, 0.075, (BRAIN_DIPOLES, 1))
    orientations = np.cross(direction, rng.normal(size=direction.shape))
    orientations /= np.linalg.norm(orientations, axis=1, keepdims=True)
    alpha = np.where(direction[:, 1] < -0.3, rng.gamma(2.0, 1.5, BRAIN_DIPOLES), 0.0)
    unscaled = BrainNoise(
        positions, orientations, np.exp(rng.normal(scale=0.4, size=BRAIN_DIPOLES)), alpha, slope
    )
    variance = _binned_brain_variance(unscaled, dipole_gain(info, positions, orientations))
    grads = mne.pick_types(info, meg="grad")
    scale = BRAIN_NOISE / np.median(np.sqrt(variance[grads]))
    return BrainNoise(positions, orientations, unscaled.moments * scale, alpha, slope)


def noise_deviation(info: mne.Info, brain: BrainNoise, gain: np.ndarray) -> np.ndarray:
    """Single-trial noise of each sensor after ideal preprocessing.

    Parameters
    ----------
    info
        The sensors (channel types).
    brain
        The person's background activity.
    gain
        Sensors x brain dipoles.

    Returns
    -------
    Sensors: standard deviation of brain and sensor noise, band-passed to `BAND` and averaged in
    bins of `BIN`; without the far field, the heart and the eyes, which preprocessing takes away.
    """
    frequency, weight = _binning()
    white = _density(info) ** 2
    sensor = white * np.sum(weight * _sensor_power(frequency))
    return np.sqrt(_binned_brain_variance(brain, gain) + sensor)


def brain_courses(
    brain: BrainNoise, gain: np.ndarray, n: int, sampling_rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Time courses of the brain noise, dipoles x n in Am, multiplied by `gain` (n,)."""
    frequency = scipy.fft.rfftfreq(n, 1 / sampling_rate)
    power = _brain_power(frequency, brain) * brain.moments[:, None] ** 2
    return coloured(power, n, sampling_rate, rng) * gain.astype(np.float32)


def trial_gain(onset: np.ndarray, n: int, sampling_rate: float, rng: np.random.Generator):
    """Gain of the brain noise over a run (n,), from item to item log-normal; mean square 1.

    Gives words of high energy that no two people share.
    """
    values = np.exp(rng.normal(scale=TRIAL_GAIN, size=len(onset)) - TRIAL_GAIN**2)
    return np.interp(np.arange(n) / sampling_rate, onset + 0.25, values)


def sensor_noise(
    info: mne.Info, n: int, sampling_rate: float, rng: np.random.Generator
) -> np.ndarray:
    """The sensors' own noise, independent between sensors: sensors x n, T/m and T."""
    power = _sensor_power(scipy.fft.rfftfreq(n, 1 / sampling_rate))
    density = _density(info)
    noise = np.empty((len(density), n), np.float32)
    for start in range(0, len(density), 34):  # in parts, to keep the memory small
        rows = slice(start, start + 34)
        noise[rows] = coloured(density[rows, None] ** 2 * power, n, sampling_rate, rng)
    return noise


def coloured(
    power: np.ndarray, n: int, sampling_rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Gaussian noise of a given one-sided power spectral density.

    Parameters
    ----------
    power
        Rows x (n // 2 + 1), unit^2/Hz at the frequencies of `rfftfreq(n, 1 / sampling_rate)`;
        the constant part is left out.
    n
        Samples.

    Returns
    -------
    Rows x n, float32.
    """
    shape = power.shape
    spectrum = np.empty(shape, np.complex64)
    spectrum.real = rng.standard_normal(shape, np.float32)
    spectrum.imag = rng.standard_normal(shape, np.float32)
    spectrum *= np.sqrt(power * (sampling_rate * n / 4)).astype(np.float32)
    spectrum[:, 0] = 0
    return scipy.fft.irfft(spectrum, n, axis=1, overwrite_x=True)


def _density(info: mne.Info) -> np.ndarray:
    kinds = info.get_channel_types(mne.pick_types(info, meg=True, ref_meg=True))
    return np.array([SENSOR_DENSITY[kind] for kind in kinds])


def _sensor_power(frequency: np.ndarray) -> np.ndarray:
    return 1 + SENSOR_CORNER / np.maximum(frequency, 0.05)


def _brain_power(frequency: np.ndarray, brain: BrainNoise) -> np.ndarray:
    """Dipoles x frequencies: 1/f above 0.2 Hz, and a rhythm at 10 Hz."""
    background = (1 / np.sqrt(frequency**2 + 0.2**2)) ** brain.slope
    rhythm = np.exp(-0.5 * ((frequency - 10) / 1.2) ** 2) / 10**brain.slope
    return background + brain.alpha[:, None] * rhythm


def _binning() -> tuple[np.ndarray, np.ndarray]:
    """Frequencies, and the share (times the step) of each that band-pass and bins let through."""
    step = 0.02
    frequency = np.arange(BAND[0], BAND[1], step)
    return frequency, np.sinc(frequency * BIN) ** 2 * step


def _binned_brain_variance(brain: BrainNoise, gain: np.ndarray) -> np.ndarray:
    frequency, weight = _binning()
    variance = _brain_power(frequency, brain) @ weight * brain.moments**2
    return gain**2 @ variance
