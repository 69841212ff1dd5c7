"""Figures that show whether the cleaning of a recording worked; small enough for a JSON file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import mne

RESOLUTION = 1.0  # Hz
HIGHEST = 150.0  # Hz
SCALES = {"mag": (1e15, "fT/sqrt(Hz)"), "grad": (1e13, "fT/cm/sqrt(Hz)")}


def spectra(raw: mne.io.BaseRaw, picks: dict[str, list[str]]) -> dict[str, Any]:
    """Amplitude spectral densities of a recording (Welch, 1 Hz apart, up to 150 Hz).

    Parameters
    ----------
    raw
        The recording; left untouched.
    picks
        Sensor names per MNE sensor type (`grad`, `mag`).

    Returns
    -------
    dict with `frequencies` (Hz) and, per sensor type, `median`, `low` and `high` (5th and 95th
    percentile over sensors) and their `unit`.
    """
    names = [name for group in picks.values() for name in group]
    length = min(round(raw.info["sfreq"] / RESOLUTION), len(raw.times))
    spectrum = raw.compute_psd(
        method="welch",
        fmax=min(HIGHEST, raw.info["sfreq"] / 2),
        picks=names,
        exclude=(),
        n_fft=length,
        n_overlap=length // 2,
        proj=False,
        verbose="error",
    )
    density, frequencies = spectrum.get_data(picks=names, exclude=(), return_freqs=True)
    row = {name: i for i, name in enumerate(spectrum.ch_names)}
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


def head_movement(info: mne.Info, reference: mne.transforms.Transform | None) -> dict[str, Any]:
    """Where the head was, and how far it moved from the reference run.

    Returns
    -------
    dict: `position` of the device's origin in head coordinates (mm; None if unknown), and
    `distance` (mm) and `rotation` (degrees) from the reference (None without one).
    """
    here = info["dev_head_t"]
    if here is None:
        return {"position": None, "distance": None, "rotation": None}
    position = here["trans"][:3, 3] * 1e3
    if reference is None:
        return {"position": _short(position), "distance": None, "rotation": None}
    distance = np.linalg.norm(position - reference["trans"][:3, 3] * 1e3)
    # Rotations an angle a apart differ by 2 sqrt(2) sin(a / 2) in the Frobenius norm.
    chord = np.linalg.norm(here["trans"][:3, :3] - reference["trans"][:3, :3]) / np.sqrt(8)
    rotation = 2 * np.degrees(np.arcsin(min(chord, 1.0)))
    return {
        "position": _short(position),
        "distance": round(float(distance), 2),
        "rotation": round(float(rotation), 2),
    }


def _short(values: np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
