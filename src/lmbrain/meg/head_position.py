"""Where the head was in the helmet: at the run's start, and over the run where it was tracked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mne
import numpy as np

from lmbrain.errors import LmbrainError

FEWEST_COILS = 3  # that tell a position
MOST_POINTS = 200  # of a track kept for the report


def head_positions(raw: mne.io.BaseRaw, source: str, path: str | Path | None) -> np.ndarray:
    """Head positions over a run.

    Parameters
    ----------
    raw
        The recording, with its continuous head-position signals (cHPI) unless a file is given.
    source
        Its name, for the message.
    path
        Position file as MaxFilter writes it; None computes the positions from the cHPI coils.

    Returns
    -------
    (times, 10): time (s, counted as the recording's samples are), rotation as quaternion (3),
    translation (m, 3), goodness of fit, error (m), velocity (m/s).

    Raises
    ------
    LmbrainError
        If there is neither a file nor cHPI, or the file is broken or another recording's.
    """
    if path is not None:
        return _from_file(raw, source, Path(path))
    if not tracked(raw):
        raise LmbrainError(
            f"{source} holds no continuous head position (cHPI of an Elekta/MEGIN system), and no "
            ".pos file lies beside it; set preprocessing.maxwell.movement_compensation to false."
        )
    amplitudes = mne.chpi.compute_chpi_amplitudes(raw, verbose="error")
    places = mne.chpi.compute_chpi_locs(raw.info, amplitudes, verbose="error")
    positions = mne.chpi.compute_head_pos(raw.info, places, verbose="error")
    if not len(positions):
        raise LmbrainError(
            f"{source}: no head position could be fitted to its cHPI signals; set "
            "preprocessing.maxwell.movement_compensation to false."
        )
    return positions


def tracked(raw: mne.io.BaseRaw) -> bool:
    """Whether at some time enough cHPI coils were on to tell the head's position."""
    if not len(mne.chpi.get_chpi_info(raw.info, on_missing="ignore", verbose="error")[0]):
        return False
    active = mne.chpi.get_active_chpi(raw, on_missing="ignore", verbose="error")
    return bool((active >= FEWEST_COILS).any())


def head_movement(
    info: mne.Info,
    reference: mne.transforms.Transform | None,
    positions: np.ndarray | None = None,
    first_time: float = 0.0,
) -> dict[str, Any]:
    """Where the head was, how far from the reference run, and how far it moved within the run.

    Parameters
    ----------
    info
        Of the recording.
    reference
        Device-to-head transform of the reference run.
    positions
        From `head_positions`.
    first_time
        Time of the recording's first sample, as `positions` count it (s).

    Returns
    -------
    dict: `position` of the device's origin in head coordinates (mm; None if unknown), `distance`
    (mm) and `rotation` (degrees) from the reference (None without one), and `movement` from the
    first position known (None if not tracked): `times` (s), `distance`, `rotation`.
    """
    found: dict[str, Any] = dict.fromkeys(("position", "distance", "rotation", "movement"))
    here = info["dev_head_t"]
    if here is not None:
        found["position"] = [float(f"{value:.4g}") for value in here["trans"][:3, 3] * 1e3]
        if reference is not None:
            distance, rotation = _apart(here["trans"], reference["trans"])
            found |= {"distance": round(distance, 2), "rotation": round(rotation, 2)}
    if positions is not None:
        found["movement"] = _track(positions, first_time)
    return found


def _from_file(raw: mne.io.BaseRaw, source: str, path: Path) -> np.ndarray:
    try:
        positions = mne.chpi.read_head_pos(path)
    except (OSError, ValueError) as error:
        raise LmbrainError(f"{path} is no MaxFilter position file ({error}).") from error
    first, last = raw.first_time, raw.first_time + raw.times[-1]
    if not len(positions) or positions[0, 0] < first - 1e-3 or positions[0, 0] > last:
        begins = f"begin at {positions[0, 0]:.3f} s" if len(positions) else "are none"
        raise LmbrainError(
            f"{path} does not belong to {source}: its positions {begins}, the recording lasts "
            f"from {first:.3f} to {last:.3f} s on the same clock; replace it or take it away."
        )
    return positions


def _track(positions: np.ndarray, first_time: float) -> dict[str, list[float]]:
    kept = np.linspace(0, len(positions) - 1, min(len(positions), MOST_POINTS)).astype(int)
    trans, turns, times = mne.chpi.head_pos_to_trans_rot_t(positions[kept])
    places = np.tile(np.eye(4), (len(kept), 1, 1))
    places[:, :3, :3], places[:, :3, 3] = turns, trans
    apart = [_apart(place, places[0]) for place in places]
    return {
        "times": [round(float(t - first_time), 3) for t in times],
        "distance": [round(distance, 2) for distance, _ in apart],
        "rotation": [round(rotation, 2) for _, rotation in apart],
    }


def _apart(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Distance (mm) and angle (degrees) between two device-to-head transforms."""
    distance = np.linalg.norm(one[:3, 3] - other[:3, 3]) * 1e3
    # Rotations an angle a apart differ by 2 sqrt(2) sin(a / 2) in the Frobenius norm.
    chord = np.linalg.norm(one[:3, :3] - other[:3, :3]) / np.sqrt(8)
    return float(distance), float(2 * np.degrees(np.arcsin(min(chord, 1.0))))
