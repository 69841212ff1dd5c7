"""Heart beats and blinks: found on their own channels, removed by projection or by ICA.

References
----------
Uusitalo & Ilmoniemi 1997 (signal-space projection, SSP).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import mne
import numpy as np

from lmbrain.errors import LmbrainError
from lmbrain.meg.ica import remove_components
from lmbrain.meg.quality import by_sensor, sensors_by_type

log = logging.getLogger(__name__)

HEART_RATE = (35.0, 180.0)  # beats per minute
FEWEST = 5  # events whose average is worth removing
SHORTEST = 5.0  # s of signal not annotated as bad in which to look for events
AROUND = 0.5  # s about an event that MNE may average
# MNE's default high-pass of 1 Hz leaves a blink's trough a rebound that counts as a blink.
BLINK_HIGH_PASS = 0.5  # Hz
WINDOWS = {"heart": (-0.2, 0.4), "blinks": (-0.2, 0.2)}  # s around an event
Settings = Mapping[str, Any]


def remove_artefacts(
    raw: mne.io.BaseRaw, source: str, settings: Settings, joint: bool
) -> dict[str, Any]:
    """Remove heart beats and blinks from a filtered recording, in place.

    Parameters
    ----------
    raw
        Loaded recording with the channels that the components ask for.
    source
        Its name, for messages.
    settings
        `method`: `ssp` (projections of the average heart beat and blink), `ica` or `none`;
        `ecg_components`, `eog_components`: projections, or at most so many independent
        components (0 leaves the artefact alone); `ecg_channel`, `eog_channel` (names; None: the
        channels of that type); `ica`: see `lmbrain.meg.ica.remove_components`.
    joint
        One set of projections for gradiometers and magnetometers (after SSS, where both hold
        the same signals), else one each.

    Returns
    -------
    dict with `heart` and `blinks` (None if not asked for): `method`, `events` found,
    `per_minute`, and `components`, each with `explained` (share of the average event's variance;
    SSP) or `score` (ICA) and `topography` (values by sensor type, in the order of
    `quality.sensors_by_type`); and `ica_converged` (None where no ICA was made).

    Raises
    ------
    LmbrainError
        If less than 5 s are not annotated as bad, the heart rate found is implausible, or fewer
        than 5 heart beats lie clear of bad stretches. Fewer than 5 such blinks are left in, with a
        warning.
    """
    report: dict[str, Any] = {"heart": None, "blinks": None, "ica_converged": None}
    wanted = {"heart": settings["ecg_components"], "blinks": settings["eog_components"]}
    if settings["method"] == "none" or not any(wanted.values()):
        return report
    _check_length(raw, source)
    events: dict[str, np.ndarray] = {}
    if wanted["heart"]:
        events["heart"] = _heart_beats(raw, source, settings["ecg_channel"])
    if wanted["blinks"]:
        events["blinks"] = _blinks(raw, settings["eog_channel"])
    for artefact, found in events.items():
        report[artefact] = {
            "method": settings["method"],
            "events": len(found),
            "per_minute": round(len(found) * 60 / float(raw.times[-1]), 1),
            "components": [],
        }
    if "blinks" in events and (number := _clear(raw, events["blinks"])) < FEWEST:
        del events["blinks"]
        log.warning("%s: only %d blinks, none removed", source, number)
    if not events:
        return report
    if settings["method"] == "ica":
        channels = {"heart": settings["ecg_channel"], "blinks": settings["eog_channel"]}
        most = {artefact: wanted[artefact] for artefact in events}
        components, report["ica_converged"] = remove_components(
            raw, source, most, channels, **settings["ica"]
        )
    else:
        components = _project_out(raw, events, wanted, joint)
    for artefact, removed in components.items():
        report[artefact]["components"] = removed
    return report


def _check_length(raw: mne.io.BaseRaw, source: str) -> None:
    good = np.isfinite(raw.get_data([0], reject_by_annotation="NaN", verbose="error"))
    seconds = good.sum() / raw.info["sfreq"]
    if seconds < SHORTEST:
        raise LmbrainError(
            f"{source}: {seconds:.1f} s are not annotated as bad, but heart beats and blinks are "
            f"looked for in {SHORTEST:g} s at least; name the run under data.missing for this "
            "person, or set preprocessing.artefacts.method to none."
        )


def _clear(raw: mne.io.BaseRaw, events: np.ndarray) -> int:
    """Number of events inside the run and away from bad stretches, as MNE would average them."""
    if not len(events):
        return 0
    epochs = mne.Epochs(
        raw,
        events,
        tmin=-AROUND,
        tmax=AROUND,
        baseline=None,
        picks=[0],
        proj=False,
        verbose="error",
    )
    return len(epochs.drop_bad(verbose="error"))


def _heart_beats(raw: mne.io.BaseRaw, source: str, channel: str | None) -> np.ndarray:
    events, _, rate = mne.preprocessing.find_ecg_events(raw, ch_name=channel, verbose="error")
    if not HEART_RATE[0] <= rate <= HEART_RATE[1]:
        raise LmbrainError(
            f"{source}: the ECG channel shows {rate:.0f} heart beats a minute, which is "
            "implausible; exclude the subject or set preprocessing.artefacts.ecg_components "
            "to 0."
        )
    number = _clear(raw, events)
    if number < FEWEST:
        raise LmbrainError(
            f"{source}: only {number} heart beats lie clear of the run's ends and of stretches "
            f"annotated as bad, fewer than {FEWEST}; name the run under data.missing for this "
            "person, or set preprocessing.artefacts.ecg_components to 0."
        )
    return events


def _blinks(raw: mne.io.BaseRaw, channel: str | None) -> np.ndarray:
    if not np.ptp(raw.get_data(channel or "eog"), axis=1).any():
        return np.empty((0, 3), int)  # MNE's search fails in a channel that is still
    return mne.preprocessing.find_eog_events(
        raw, ch_name=channel, l_freq=BLINK_HIGH_PASS, verbose="error"
    )


def _project_out(
    raw: mne.io.BaseRaw,
    events: Mapping[str, np.ndarray],
    wanted: Mapping[str, int],
    joint: bool,
) -> dict[str, list[dict[str, Any]]]:
    """Project the average of each kind of event out, in place."""
    found = {
        artefact: _projections(raw, times, WINDOWS[artefact], wanted[artefact], joint)
        for artefact, times in events.items()
    }
    sensors = sensors_by_type(raw)
    raw.add_proj([p for projections in found.values() for p in projections], verbose="error")
    raw.apply_proj(verbose="error")
    return {
        artefact: [_described(projection, sensors) for projection in projections]
        for artefact, projections in found.items()
    }


def _projections(
    raw: mne.io.BaseRaw,
    events: np.ndarray,
    window: tuple[float, float],
    components: int,
    joint: bool,
) -> list[mne.Projection]:
    average = mne.Epochs(
        raw,
        events,
        tmin=window[0],
        tmax=window[1],
        baseline=(None, None),  # slow drifts would otherwise outweigh the artefact
        picks="meg",
        proj=False,
        verbose="error",
    ).average()
    kinds = sensors_by_type(raw)
    return mne.compute_proj_evoked(
        average,
        n_grad=components if joint or "grad" in kinds else 0,
        n_mag=components if joint or "mag" in kinds else 0,
        n_eeg=0,
        meg="combined" if joint else "separate",
        verbose="error",
    )


def _described(projection: mne.Projection, sensors: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    data = projection["data"]
    values = dict(zip(data["col_names"], data["data"][0], strict=True))
    return {
        "explained": round(float(projection["explained_var"]), 3),
        "topography": by_sensor(values, sensors),
    }
