"""Figures that show whether the cleaning of a recording worked; small enough for a JSON file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import mne
import numpy as np

from lmbrain.meg.saturation import usable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

RESOLUTION = 1.0  # Hz
HIGHEST = 150.0  # Hz
SCALES = {"mag": (1e15, "fT/sqrt(Hz)"), "grad": (1e13, "fT/cm/sqrt(Hz)")}
PIECE = 30  # windows of a spectrum held at a time


def sensors_by_type(raw: mne.io.BaseRaw) -> dict[str, list[str]]:
    """Names of the sensors not marked as bad, per MNE sensor type present (`grad`, `mag`)."""
    kinds = {}
    for kind in ("grad", "mag"):
        picks = mne.pick_types(raw.info, meg=kind, ref_meg=False, exclude="bads")
        if len(picks):
            kinds[kind] = [raw.ch_names[i] for i in picks]
    return kinds


def by_sensor(
    values: Mapping[str, float], sensors: Mapping[str, Sequence[str]]
) -> dict[str, list[float]]:
    """Values of named sensors as lists by sensor type; types without values are left out."""
    return {
        kind: _short([values[name] for name in names])
        for kind, names in sensors.items()
        if all(name in values for name in names)
    }


def places(info: mne.Info) -> dict[str, list[float]]:
    """Where each MEG sensor is in the device (m)."""
    picks = mne.pick_types(info, meg=True, ref_meg=False, exclude=())
    return {info.ch_names[i]: _short(info["chs"][i]["loc"][:3]) for i in picks}


def spectra(raw: mne.io.BaseRaw, picks: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Amplitude spectral densities of a recording (Welch, 1 Hz apart, up to 150 Hz).

    Parameters
    ----------
    raw
        The recording; left untouched, need not be loaded. Saturated stretches do not count.
    picks
        Sensor names per MNE sensor type (`grad`, `mag`).

    Returns
    -------
    dict with `frequencies` (Hz) and, per sensor type, `median`, `low` and `high` (5th and 95th
    percentile over sensors) and their `unit`.
    """
    names = [name for group in picks.values() for name in group]
    frequencies, density = power(raw, names)
    row = {name: i for i, name in enumerate(names)}
    summary: dict[str, Any] = {"frequencies": _short(frequencies)}
    for kind, group in picks.items():
        scale, unit = SCALES[kind]
        amplitude = np.sqrt(density[[row[name] for name in group]]) * scale
        low, median, high = np.percentile(amplitude, [5, 50, 95], axis=0)
        summary[kind] = {
            "unit": unit,
            "median": _short(median),
            "low": _short(low),
            "high": _short(high),
        }
    return summary


def power(raw: mne.io.BaseRaw, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Welch's power spectral density over the usable stretches, read in pieces.

    Returns
    -------
    frequencies (Hz), and density (sensors x frequencies, T^2/Hz or (T/m)^2/Hz)
    """
    rate, stretches = raw.info["sfreq"], usable(raw)
    length = min(round(rate / RESOLUTION), max(stop - start for start, stop in stretches))
    hop = length - length // 2
    total, windows, frequencies = 0.0, 0, np.empty(0)
    for start, stop in stretches:
        number = (stop - start - length // 2) // hop if stop - start >= length else 0
        for first in range(0, number, PIECE):
            count = min(PIECE, number - first)
            begin = start + first * hop
            density, frequencies = mne.time_frequency.psd_array_welch(
                raw.get_data(names, begin, begin + (count - 1) * hop + length, verbose="error"),
                rate,
                fmax=min(HIGHEST, rate / 2),
                n_fft=length,
                n_overlap=length // 2,
                verbose="error",
            )
            total, windows = total + count * density, windows + count
    return frequencies, total / windows


def _short(values: ArrayLike) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
