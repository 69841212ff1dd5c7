"""What else the sensors of the simulated recordings see: far sources, the mains, heart and eyes.

Magnitudes are those of a shielded room, at the magnetometers of an Elekta/MEGIN system about the
same head, whichever system records.
"""

from __future__ import annotations

import mne
import numpy as np
import scipy.fft

from lmbrain.simulation.noise import coloured
from lmbrain.simulation.sources import dipole_gain
from lmbrain.simulation.systems import (
    AXIAL_BASELINES,
    PLANAR_BASELINE,
    seen_by_neuromag,
    sensor_picks,
)

_MU0_OVER_4PI = 1e-7

# Far magnetic dipoles (lifts, trams): position in metres and moment direction, device frame.
_FAR = (
    ((4.0, 1.5, -1.0), (0.3, 1.0, 0.2)),
    ((-3.0, 3.5, 0.5), (1.0, -0.2, 0.6)),
    ((1.0, -5.0, 2.0), (0.1, 0.4, 1.0)),
)
_FAR_FIELD = 3e-12  # T, standard deviation at the best magnetometer
_MAINS = ((-2.5, -2.0, -1.5), (0.5, 0.2, 1.0))
_MAINS_FIELD = 1e-12  # T, amplitude at the best magnetometer
_HEART_POSITION = (0.015, 0.0, -0.13)  # head frame: vessels of the neck, outside the sphere
_HEART_MOMENT = (0.3, 1.0, 0.4)
_HEART_FIELD = 8e-13  # T, peak at the best magnetometer
_EYES = ((-0.032, 0.072, 0.015), (0.032, 0.072, 0.015))  # head frame
_BLINK_FIELD = 3e-12  # T, peak at the best magnetometer


def room_fields(info: mne.Info, interference: float = 1.0) -> np.ndarray:
    """Fields of the far sources and, last, of the mains: sensors x sources, T/m and T.

    `interference` multiplies them; 1 is a quiet shielded room.
    """
    fields = [_far_field(info, *far, _FAR_FIELD) for far in _FAR]
    fields.append(_far_field(info, *_MAINS, _MAINS_FIELD))
    return np.stack(fields, axis=1) * interference


def room_courses(
    n: int, sampling_rate: float, line_frequency: float, rng: np.random.Generator
) -> np.ndarray:
    """Courses of the far sources (1/f^2) and, last, of the mains: sources x n."""
    frequency = scipy.fft.rfftfreq(n, 1 / sampling_rate)
    power = 1 / (frequency**2 + 0.05**2)
    power /= power[1:].sum() * frequency[1]
    slow = coloured(np.tile(power, (len(_FAR) + 1, 1)), n, sampling_rate, rng)
    phase = 2 * np.pi * (line_frequency * np.arange(n) / sampling_rate + rng.uniform())
    mains = (1 + 0.1 * slow[-1]) * np.sin(phase)
    return np.vstack([slow[:-1], mains])


def heart_field(info: mne.Info) -> np.ndarray:
    """Field of the heart at the sensors: T/m, T."""
    device_head = info["dev_head_t"]["trans"]
    rotation = device_head[:3, :3]
    position = rotation.T @ (np.array(_HEART_POSITION) - device_head[:3, 3])
    return _far_field(info, position, rotation.T @ np.array(_HEART_MOMENT), _HEART_FIELD)


def heart_course(n: int, sampling_rate: float, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Course (n,), peak 1, of beats at `rate` Hz."""
    duration = n / sampling_rate
    intervals = rng.normal(1 / rate, 0.05 / rate, int(2 * duration * rate) + 2)
    beats = np.cumsum(intervals)
    lag = np.arange(-0.1, 0.4, 1 / sampling_rate)
    wave = np.exp(-0.5 * (lag / 0.012) ** 2) - 0.25 * np.exp(-0.5 * ((lag - 0.03) / 0.012) ** 2)
    wave += 0.15 * np.exp(-0.5 * ((lag - 0.26) / 0.04) ** 2)
    return _at(beats, lag, wave, np.ones(len(beats)), n, sampling_rate)


def eye_field(info: mne.Info) -> np.ndarray:
    """Field of a blink at the sensors: T/m, T."""
    elekta = seen_by_neuromag(info)
    field = _lids(info)
    reference = field if elekta is info else _lids(elekta)
    reference = np.abs(reference[mne.pick_types(elekta, meg="mag")]).max()
    return field * (_BLINK_FIELD / reference)


def blink_course(
    n: int, sampling_rate: float, interval: float, rng: np.random.Generator
) -> np.ndarray:
    """Course (n,), peak about 1, of blinks with the mean time `interval` (s) between them."""
    count = int(3 * n / sampling_rate / interval) + 10
    times = np.cumsum(1.0 + rng.gamma(2.0, (interval - 1.0) / 2, count))
    lag = np.arange(0, 0.35, 1 / sampling_rate)
    wave = np.sin(np.pi * lag / 0.35) ** 2
    return _at(times, lag, wave, rng.uniform(0.7, 1.3, count), n, sampling_rate)


def magnetic_dipole(info: mne.Info, position: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Field of a magnetic dipole at sensors and references: T, planar gradiometers T/m.

    Point approximation of the coils; `position` (m) and `moment` (A m^2) in the device frame.
    """
    picks = sensor_picks(info)
    chosen = [info["chs"][k] for k in picks]
    loc = np.array([channel["loc"] for channel in chosen])
    centre, along, normal = loc[:, :3], loc[:, 3:6], loc[:, 9:12]
    plain = _normal_field(centre, normal, position, moment)
    step = along * PLANAR_BASELINE / 2
    planar = _normal_field(centre + step, normal, position, moment)
    planar -= _normal_field(centre - step, normal, position, moment)
    baseline = np.array([AXIAL_BASELINES.get(channel["coil_type"], 0.0) for channel in chosen])
    outer = _normal_field(centre + baseline[:, None] * normal, normal, position, moment)
    kinds = np.array(info.get_channel_types(picks))
    return np.select(
        [kinds == "grad", baseline > 0], [planar / PLANAR_BASELINE, plain - outer], plain
    )


def _normal_field(places, normal, position, moment) -> np.ndarray:
    offset = places - np.asarray(position)
    distance = np.linalg.norm(offset, axis=1, keepdims=True)
    unit = offset / distance
    field = 3 * unit * (unit @ np.asarray(moment))[:, None] - np.asarray(moment)
    return np.sum(_MU0_OVER_4PI * field / distance**3 * normal, axis=1)


def _far_field(info: mne.Info, position, moment, field: float) -> np.ndarray:
    position, moment = np.asarray(position, float), np.asarray(moment, float)
    elekta = seen_by_neuromag(info)
    reference = magnetic_dipole(elekta, position, moment)[mne.pick_types(elekta, meg="mag")]
    return magnetic_dipole(info, position, moment) * (field / np.abs(reference).max())


def _lids(info: mne.Info) -> np.ndarray:
    upwards = np.tile([0.0, 0.2, 1.0], (2, 1)) / np.hypot(0.2, 1.0)
    return dipole_gain(info, np.array(_EYES), upwards).sum(axis=1)


def _at(times, lag, wave, height, n: int, sampling_rate: float) -> np.ndarray:
    """A course with `wave` (over `lag` seconds) at each of `times` that fits whole in the run."""
    course = np.zeros(n)
    steps = np.round(lag * sampling_rate).astype(int)
    for time, size in zip(times, height, strict=True):
        samples = round(time * sampling_rate) + steps
        if samples[0] >= 0 and samples[-1] < n:
            course[samples] += size * wave
    return course
