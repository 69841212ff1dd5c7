"""A simulated run of MEG with a brain, a heart and eyes, and preprocessing with every step off."""

import os
from collections.abc import Mapping
from pathlib import Path

import mne
import numpy as np
import pytest

RATE, SECONDS = 200.0, 20.0
NOISY, FLAT = "MEG 0722", "MEG 1132"
TIMES = np.arange(round(RATE * SECONDS)) / RATE
NOISE = {"grad": 3e-13, "mag": 3e-15}  # per sqrt(Hz)
OFF = {
    "ctf_compensation": None,
    "saturation": {"share": None, "min_duration": 0.1, "margin": 0.2, "most": 0.5},
    "bad_channels": {"search": False, "search_duration": None, "interval": 5.0, "extra": []},
    "maxwell": {
        "apply": False,
        "tsss_duration": None,
        "tsss_correlation": 0.98,
        "origin": "auto",
        "internal_order": 8,
        "external_order": 3,
        "regularise": True,
        "calibration": "auto",
        "cross_talk": "auto",
        "head_position": "first_run",
        "movement_compensation": False,
    },
    "empty_room_projections": 0,
    "notch_frequencies": [],
    "band": None,
    "artefacts": {
        "method": "ssp",
        "ecg_components": 0,
        "eog_components": 0,
        "ecg_channel": None,
        "eog_channel": None,
        "ica": {
            "components": 15,
            "seed": 0,
            "high_pass": 1.0,
            "sampling_rate": 100.0,
            "ecg_threshold": 0.3,
            "eog_threshold": 3.0,
        },
    },
    "resample": None,
}
SSS = {"maxwell": {"apply": True}}
BODY = {"artefacts": {"ecg_components": 1, "eog_components": 1}}
DIPOLES = {  # places in the head (m) and directions
    "brain": ([0.02, 0.0, 0.08], [1.0, 0.0, 0.0]),
    "heart": ([0.03, 0.0, 0.01], [0.0, 1.0, 0.0]),
    "eyes": ([0.0, 0.065, 0.05], [1.0, 0.0, 0.0]),
}


def measurement_info(head=(0.0, 0.0, 0.04)) -> mne.Info:
    meg = mne.channels.read_meg_canonical_info("neuromag")
    kinds = [*meg.get_channel_types(), "ecg", "eog"]
    info = mne.create_info([*meg.ch_names, "ECG063", "EOG061"], RATE, kinds)
    for new, old in zip(info["chs"], meg["chs"], strict=False):
        for key in ("loc", "coil_type", "unit", "kind", "coord_frame"):
            new[key] = old[key]
    position = np.eye(4)
    position[:3, 3] = head
    info["dev_head_t"] = mne.transforms.Transform("meg", "head", position)
    return info


def fields(info: mne.Info) -> dict[str, np.ndarray]:
    """Field of 1 Am at each place of DIPOLES (306,)."""
    places, directions = (np.array(v) for v in zip(*DIPOLES.values(), strict=True))
    ones = np.ones(len(places))
    dipoles = mne.Dipole(np.arange(len(places)), places, ones, directions, ones)
    sphere = mne.make_sphere_model((0.0, 0.0, 0.04), head_radius=None, verbose="error")
    forward, _ = mne.make_forward_dipole(
        dipoles, sphere, mne.pick_info(info, np.arange(306)), verbose="error"
    )
    return dict(zip(DIPOLES, forward["sol"]["data"].T, strict=True))


def bumps(times: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((TIMES[:, None] - times) / width) ** 2).sum(axis=1)


def courses() -> dict[str, np.ndarray]:
    return {
        "brain": 4e-8 * np.sin(2 * np.pi * 11 * TIMES),
        "heart": 2e-7 * bumps(np.arange(0.6, SECONDS, 0.85), 0.015),
        "eyes": 2e-7 * bumps(np.array([2.1, 5.0, 7.7, 11.2, 13.9, 16.5, 18.8]), 0.07),
    }


def recording(head=(0.0, 0.0, 0.04), sources=tuple(DIPOLES), noise=1.0, seed=0):
    """A run with the sources named; white sensor noise at `noise` times NOISE."""
    info = measurement_info(head)
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((308, len(TIMES)))
    levels = np.array([NOISE[kind] for kind in info.get_channel_types()[:306]])
    data[:306] *= noise * levels[:, None] * np.sqrt(RATE / 2)
    gain = fields(info)
    for name in sources:
        data[:306] += np.outer(gain[name], courses()[name])
    data[306] = 1e-3 * (courses()["heart"] / 2e-7 + 0.01 * data[306])
    data[307] = 2e-4 * (courses()["eyes"] / 2e-7 + 0.01 * data[307])
    return mne.io.RawArray(data, info, verbose="error")


def field_of(name: str, raw: mne.io.BaseRaw) -> np.ndarray:
    """Amplitude (306,) with which each sensor follows a source's time course."""
    course = courses()[name][:: round(RATE / raw.info["sfreq"])]
    return raw.get_data()[:306] @ course / (course @ course)


def settings(*changes: Mapping) -> dict:
    """OFF with changes merged in, sections key by key."""
    merged = dict(OFF)
    for change in changes:
        for key, value in change.items():
            merged[key] = merged[key] | value if isinstance(value, Mapping) else value
    return merged


def real_recordings() -> Path:
    """Folder of short real recordings; skips the test where $LMBRAIN_DATA does not name it."""
    folder = os.environ.get("LMBRAIN_DATA")
    if folder is None:
        pytest.skip("set LMBRAIN_DATA to the folder of real data (its meg/ holds recordings)")
    return Path(folder) / "meg"
