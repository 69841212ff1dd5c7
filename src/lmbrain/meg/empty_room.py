"""Projections of the empty room: the surroundings' fields, where no SSS takes them away."""

from __future__ import annotations

from collections.abc import Sequence

import mne

from lmbrain.errors import LmbrainError
from lmbrain.meg.filtering import filter_in_time
from lmbrain.meg.quality import sensors_by_type

STRETCH = 1.0  # s of the empty room whose patterns are averaged at a time


def project_room_out(
    raw: mne.io.BaseRaw,
    source: str,
    room: mne.io.BaseRaw | None,
    projections: int,
    notch_frequencies: Sequence[float],
    band: tuple[float, float] | None,
) -> None:
    """Remove from a recording the patterns that are strongest in an empty room, in place.

    Parameters
    ----------
    raw
        Loaded recording, bad sensors marked.
    source
        Its name, for messages.
    room
        Recording of the same sensors without a person, best of the same day.
    projections
        Patterns a sensor type (signal-space projection of the room's covariance).
    notch_frequencies, band
        As the recording is filtered; the room's patterns are those of the same band.

    Raises
    ------
    LmbrainError
        If there is no empty room, or it lacks sensors of the recording.

    References
    ----------
    Uusitalo & Ilmoniemi 1997.
    """
    if room is None:
        raise LmbrainError(
            f"{source} names no empty-room recording (AssociatedEmptyRoom in its JSON file); name "
            "one, or set preprocessing.empty_room_projections to 0."
        )
    kinds = sensors_by_type(raw)
    good = [name for names in kinds.values() for name in names]
    missing = sorted(set(good) - set(room.ch_names))
    if missing:
        raise LmbrainError(
            f"{source}: the empty-room recording lacks the sensor {missing[0]}; name one of the "
            "same system, or set preprocessing.empty_room_projections to 0."
        )
    if raw.compensation_grade != room.compensation_grade:
        room = room.copy().apply_gradient_compensation(raw.compensation_grade or 0)
    room = room.copy().pick(good, exclude=(), verbose="error").load_data(verbose="error")
    room.info["bads"] = []  # those of the recording are not among the good ones
    filter_in_time(room, f"{source}, empty room", good, notch_frequencies, band)
    raw.add_proj(
        mne.compute_proj_raw(
            room,
            duration=STRETCH,
            n_grad=projections if "grad" in kinds else 0,
            n_mag=projections if "mag" in kinds else 0,
            n_eeg=0,
            verbose="error",
        ),
        verbose="error",
    )
    raw.apply_proj(verbose="error")
