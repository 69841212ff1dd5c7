"""MEG systems that can see the simulated brains: their sensors, and where the head is in them.

Elekta/MEGIN (102 magnetometers, 204 planar gradiometers) and CTF (axial gradiometers) are MNE's
canonical layouts. CTF's references and the whole KIT layout stand for the real ones: places of
that kind and number, coils of the true type.
"""

from __future__ import annotations

from functools import cache

import mne
import numpy as np
from mne.io.constants import FIFF

from lmbrain.errors import LmbrainError
from lmbrain.simulation.sources import HEAD_RADIUS, ORIGIN

EXTRA_CHANNELS = {"STI101": "stim", "EOG061": "eog", "ECG063": "ecg"}
SYSTEMS = ("neuromag", "ctf275", "kit157")
KIT_SENSORS = 157
# Offset (m) of a head in the middle of the helmet, as `measurement_info` takes it.
SEATS = {
    "neuromag": np.zeros(3),
    "ctf275": np.array([0.0, 0.0, 0.01]),
    "kit157": np.array([0.0, 0.0, 0.01]),
}
PLANAR_BASELINE = 0.0168  # m
AXIAL_BASELINES = {  # m, by coil type
    FIFF.FIFFV_COIL_CTF_GRAD: 0.05,
    FIFF.FIFFV_COIL_CTF_REF_GRAD: 0.0786,
    FIFF.FIFFV_COIL_KIT_GRAD: 0.05,
}
# References stand above the helmet; one looks along each axis of the device.
_REFERENCE_CENTRE = np.array([0.0, 0.0, 0.25])  # m, device frame
_REFERENCE_STEP = 0.03  # m
_COPIED = ("loc", "coil_type", "unit", "kind", "coord_frame")


@cache
def sensors(system: str) -> mne.Info:
    """Channels of a system as MNE describes them: sensors, then references; do not change it.

    Raises
    ------
    LmbrainError
        If the system is none of `SYSTEMS`.
    """
    if system not in SYSTEMS:
        raise LmbrainError(
            f"No layout of a system {system!r}; data.simulated.recordings.system may be "
            f"{', '.join(SYSTEMS)}."
        )
    if system == "neuromag":
        return mne.channels.read_meg_canonical_info(system)
    ctf = mne.channels.read_meg_canonical_info("ctf275")
    if system == "ctf275":
        references = [
            *_references(["BG1", "BG2", "BG3"], FIFF.FIFFV_COIL_CTF_REF_MAG, 0.0),
            *_references(["G11", "G22", "G33"], FIFF.FIFFV_COIL_CTF_REF_GRAD, 0.05),
        ]
        return _described([dict(channel) for channel in ctf["chs"]] + references)
    places = np.array([channel["loc"] for channel in ctf["chs"]])
    chosen = _spread(places[:, :3], KIT_SENSORS)
    channels = [
        _channel(f"MEG {number:03d}", loc, FIFF.FIFFV_COIL_KIT_GRAD, FIFF.FIFFV_MEG_CH)
        for number, loc in enumerate(places[chosen], start=1)
    ]
    names = [f"MEG {KIT_SENSORS + number:03d}" for number in (1, 2, 3)]
    return _described([*channels, *_references(names, FIFF.FIFFV_COIL_KIT_REF_MAG, 0.0)])


def measurement_info(
    sampling_rate: float,
    line_frequency: float,
    head: np.ndarray,
    system: str = "neuromag",
    extra: dict[str, str] = EXTRA_CHANNELS,
    coils: np.ndarray | None = None,
) -> mne.Info:
    """Channels, head position and head shape of a run.

    Parameters
    ----------
    sampling_rate, line_frequency
        Hz.
    head
        Offset (m) and rotation vector (radians) of the head against the device, 6 numbers.
    system
        One of `SYSTEMS`.
    extra
        Names and MNE types of the channels behind the sensors.
    coils
        Head-position coils x 3, head coordinates (m), digitised with the head's shape.
    """
    canonical = sensors(system)
    types = [*canonical.get_channel_types(), *extra.values()]
    info = mne.create_info([*canonical.ch_names, *extra], sampling_rate, types)
    for channel, model in zip(info["chs"], canonical["chs"], strict=False):
        for key in _COPIED:
            channel[key] = model[key]
    for number, channel in enumerate(info["chs"]):
        channel["scanno"] = channel["logno"] = number + 1
    info["dev_head_t"] = device_to_head(head)
    info["line_freq"] = line_frequency
    info.set_montage(_head_shape(coils))
    return info


def device_to_head(head: np.ndarray) -> mne.transforms.Transform:
    """Transform from the device's to the head's frame for a head as in `measurement_info`."""
    device_head = np.eye(4)
    device_head[:3, :3] = mne.transforms.rotation3d(*head[3:])
    device_head[:3, 3] = ORIGIN + head[:3]
    return mne.transforms.Transform("meg", "head", device_head)


def clearance(info: mne.Info) -> float:
    """Least distance of a sensor from the head's surface, m; negative inside."""
    places = np.array([info["chs"][k]["loc"][:3] for k in sensor_picks(info)])
    middle = mne.transforms.apply_trans(info["dev_head_t"], places) - ORIGIN
    return float(np.linalg.norm(middle, axis=1).min() - HEAD_RADIUS)


def sensor_picks(info: mne.Info) -> np.ndarray:
    """Indices of sensors and references."""
    return mne.pick_types(info, meg=True, ref_meg=True)


def seen_by_neuromag(info: mne.Info) -> mne.Info:
    """Elekta sensors about the same head, to which field strengths in the room refer."""
    if FIFF.FIFFV_COIL_VV_PLANAR_T1 in {channel["coil_type"] for channel in info["chs"]}:
        return info
    elekta = sensors("neuromag").copy()
    elekta["dev_head_t"] = info["dev_head_t"]
    return elekta


def _spread(places: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` places, each the farthest from those before it, in order of the array."""
    chosen = [int(places[:, 2].argmax())]
    distance = np.linalg.norm(places - places[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(places - places[chosen[-1]], axis=1))
    return np.sort(chosen)


def _references(names: list[str], coil_type: int, shift: float) -> list[dict]:
    """Three references, along x, y and z of the device."""
    channels = []
    for axis, name in enumerate(names):
        axes = np.roll(np.eye(3), 2 - axis, axis=0)  # the last one, the normal, is that axis
        place = _REFERENCE_CENTRE + np.array([shift, 0.0, _REFERENCE_STEP * axis])
        loc = np.concatenate([place, axes.ravel()])
        channels.append(_channel(name, loc, coil_type, FIFF.FIFFV_REF_MEG_CH))
    return channels


def _channel(name: str, loc: np.ndarray, coil_type: int, kind: int) -> dict:
    return {
        "ch_name": name,
        "loc": np.array(loc),
        "coil_type": coil_type,
        "unit": FIFF.FIFF_UNIT_T,
        "kind": kind,
        "coord_frame": FIFF.FIFFV_COORD_DEVICE,
    }


def _described(channels: list[dict]) -> mne.Info:
    references = [channel["kind"] == FIFF.FIFFV_REF_MEG_CH for channel in channels]
    info = mne.create_info(
        [channel["ch_name"] for channel in channels],
        1000.0,
        ["ref_meg" if reference else "mag" for reference in references],
    )
    for new, model in zip(info["chs"], channels, strict=True):
        for key in _COPIED:
            new[key] = model[key]
    info["dev_head_t"] = device_to_head(np.zeros(6))
    return info


def _head_shape(coils: np.ndarray | None) -> mne.channels.DigMontage:
    """Fiducials, 60 points of the head's surface and its coils, head coordinates."""
    golden = np.pi * (3 - np.sqrt(5))
    height = np.linspace(-0.2, 0.95, 60)
    around = golden * np.arange(60)
    ring = np.sqrt(1 - height**2)
    points = np.column_stack([ring * np.cos(around), ring * np.sin(around), height])
    side = np.sqrt(HEAD_RADIUS**2 - ORIGIN[2] ** 2)
    return mne.channels.make_dig_montage(
        nasion=[0, side, 0],
        lpa=[-side, 0, 0],
        rpa=[side, 0, 0],
        hsp=ORIGIN + HEAD_RADIUS * points,
        hpi=coils,
        coord_frame="head",
    )
