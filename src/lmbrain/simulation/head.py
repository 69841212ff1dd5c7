"""Movement of a simulated head within a run, and how it is measured: positions and coils."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
from mne.io.constants import FIFF

from lmbrain.errors import LmbrainError
from lmbrain.simulation.sources import HEAD_RADIUS, ORIGIN
from lmbrain.simulation.systems import device_to_head

STEP = 2.0  # s between positions
TURN = 20.0  # s that the head typically takes to turn back
COIL_CHANNEL = "STI201"
COIL_FREQUENCIES = (83.0, 143.0, 203.0, 263.0, 323.0)  # Hz
LOWEST_RATE = 1000.0  # Hz of sampling, at which the coils are well below half
# Directions of the coils from the head's middle: forehead and behind the ears.
_COILS = ((0.4, 0.8, 0.45), (-0.4, 0.8, 0.45), (0.85, -0.4, 0.3), (-0.85, -0.4, 0.3), (0, 0.7, 0.7))


@dataclass(frozen=True)
class HeadPath:
    """Positions of the head over a run, linear in between.

    times
        Positions, s from the run's start on, the last at or after its end.
    heads
        Positions x 6: offset (m) and rotation vector (radians) of the head against the device.
    """

    times: np.ndarray
    heads: np.ndarray


def head_path(
    head: np.ndarray, duration: float, distance: float, rotation: float, rng: np.random.Generator
) -> HeadPath:
    """A head that wanders about.

    Parameters
    ----------
    head
        Where it starts (6 numbers).
    duration
        Seconds.
    distance, rotation
        Farthest from the start (m, degrees), both in one random direction.

    Returns
    -------
    Positions `STEP` apart, the first one `head`.
    """
    times = np.arange(0.0, duration + STEP, STEP)
    width = max(1, round(TURN / STEP / 2))
    heads = np.tile(np.asarray(head, float), (len(times), 1))
    for part, size in ((slice(0, 3), distance), (slice(3, 6), np.deg2rad(rotation))):
        direction = rng.normal(size=3)
        walk = np.cumsum(rng.normal(size=len(times) + width))
        course = np.convolve(walk, np.ones(width) / width, "same")[: len(times)]
        course -= course[0]
        course *= size / np.abs(course).max()
        heads[:, part] += np.outer(course, direction / np.linalg.norm(direction))
    return HeadPath(times, heads)


def head_positions(path: HeadPath) -> np.ndarray:
    """Positions as `mne.chpi.read_head_pos` reads them from a MaxFilter file: positions x 10."""
    rows = np.zeros((len(path.times), 10))
    for row, time, head in zip(rows, path.times, path.heads, strict=True):
        transform = device_to_head(head)["trans"]
        row[0] = time
        row[1:4] = mne.transforms.rot_to_quat(transform[:3, :3])
        row[4:7] = transform[:3, 3]
        row[7] = 1.0  # goodness of fit
    return rows


def positions_path(recording: str | Path) -> Path:
    """Where the positions of a recording lie, beside it, as MaxFilter's -hp writes them."""
    return Path(recording).with_suffix(".pos")


def coil_places() -> np.ndarray:
    """Places of the head-position coils: coils x 3, head coordinates (m)."""
    directions = np.array(_COILS, float)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return ORIGIN + HEAD_RADIUS * directions


def add_coils(raw: mne.io.RawArray, path: HeadPath) -> None:
    """Switch the head-position coils on (cHPI), in place.

    Parameters
    ----------
    raw
        Elekta recording with the channel `COIL_CHANNEL` and the coils digitised.
    path
        The head's positions.

    Raises
    ------
    LmbrainError
        If the sampling rate is too low for the coils' frequencies.
    """
    if raw.info["sfreq"] < LOWEST_RATE:
        raise LmbrainError(
            f"Head-position coils need a sampling rate of at least {LOWEST_RATE:g} Hz, not "
            f"{raw.info['sfreq']:g}; raise data.simulated.recordings.sampling_rate, or set "
            "faults.movement.coils to false."
        )
    _describe_coils(raw.info)
    # MNE's simulation wants the positions inside the recording.
    inside = head_positions(path)[path.times < raw.times[-1]]
    mne.simulation.add_chpi(raw, head_pos=inside, interp="linear", verbose="error")


def _describe_coils(info: mne.Info) -> None:
    """Enter what the coils' fit at the run's start and their generator leave in a file."""
    places = coil_places()
    in_device = mne.transforms.apply_trans(np.linalg.inv(info["dev_head_t"]["trans"]), places)
    points = [
        {
            "kind": FIFF.FIFFV_POINT_HPI,
            "ident": number,
            "r": place.astype(np.float32),
            "coord_frame": FIFF.FIFFV_COORD_UNKNOWN,
        }
        for number, place in enumerate(in_device, start=1)
    ]
    numbers = np.arange(1, len(places) + 1)
    result = {
        "dig_points": mne._fiff._digitization._format_dig_points(points),
        "order": numbers,
        "used": numbers,
        "goodness": np.ones(len(places)),
        "good_limit": 0.98,
        "dist_limit": 0.005,
        "accept": np.ones(1, int),
        "coord_trans": info["dev_head_t"],
    }
    coils = [
        {"number": int(number), "coil_freq": frequency}
        for number, frequency in zip(numbers, COIL_FREQUENCIES, strict=True)
    ]
    bits = [{"event_bits": np.array([256 * 2**k, 0, 256 * 2**k, 256 * 2**k])} for k in range(5)]
    with info._unlock():  # MNE offers no other way to describe coils
        info["hpi_results"] = [result]
        info["hpi_meas"] = [{"hpi_coils": coils}]
        info["hpi_subsystem"] = {
            "ncoil": len(bits), "event_channel": COIL_CHANNEL, "hpi_coils": bits,
        }  # fmt: skip
