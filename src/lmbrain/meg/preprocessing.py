"""Story-blind cleaning of one MEG run: bad sensors, Maxwell filter, filters, heart and blinks.

Nothing here sees the words, the features or another person, so the whole run may be used.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mne
import numpy as np

from lmbrain.errors import LmbrainError
from lmbrain.meg.quality import head_movement, spectra

log = logging.getLogger(__name__)

CHUNK = 5.0  # s, length of one bad-channel interval
SPHERE = (0.0, 0.0, 0.04)  # m, head coordinates, where no head shape was digitised
HEART_RATE = (35.0, 180.0)  # beats per minute
FEWEST_BLINKS = 5
Settings = Mapping[str, Any]


def preprocess(
    raw: mne.io.BaseRaw,
    *,
    bad_channels: Settings,
    maxwell: Settings,
    notch_frequencies: Sequence[float],
    band: tuple[float, float],
    artefacts: Settings,
    head_position: mne.transforms.Transform | None = None,
    calibration: str | Path | None = None,
    cross_talk: str | Path | None = None,
) -> tuple[mne.io.BaseRaw, dict[str, Any]]:
    """Clean one run, in the order of the parameters.

    Parameters
    ----------
    raw
        The recording, best not preloaded (it is copied and left as it is).
    bad_channels
        `search` (bool): look for noisy and flat sensors with `find_bad_channels_maxwell`;
        `search_duration` (s; None = whole run): look at that much, in pieces spread over the run;
        `extra` (names): bad sensors known beforehand, spaces in names ignored.
    maxwell
        `apply` (bool): signal space separation (SSS), which also rebuilds bad sensors; without it
        they are interpolated. `tsss_duration` (s; None = no temporal extension): its buffer.
    notch_frequencies
        Hz; may be empty.
    band
        Pass band [low, high] in Hz; low 0 means no high-pass.
    artefacts
        `ecg_components`, `eog_components`: signal-space projections (SSP) of the average heart
        beat and blink to remove; 0 = none. After SSS gradiometers and magnetometers share them,
        otherwise each sensor type has its own.
    head_position
        Device-to-head transform of the reference run, to which SSS moves this run's sensors.
    calibration, cross_talk
        Elekta fine calibration and cross-talk files.

    Returns
    -------
    raw
        The cleaned recording, loaded, projections applied, no bad sensors left.
    quality
        What was found and removed: plain lists and numbers.

    Raises
    ------
    LmbrainError
        If the recording does not allow what the settings ask for.

    References
    ----------
    Taulu & Simola 2006 (tSSS); Uusitalo & Ilmoniemi 1997 (SSP).
    """
    source = _source(raw)
    _check(raw, source, bad_channels, maxwell, notch_frequencies, band, artefacts)
    raw = raw.copy()
    device = {
        "origin": _origin(raw.info),
        "calibration": None if calibration is None else str(calibration),
        "cross_talk": None if cross_talk is None else str(cross_talk),
        "ignore_ref": "ref_meg" in raw,
    }
    bad = find_bad_channels(raw, **bad_channels, device=device)
    raw.info["bads"] = sorted({name for names in bad.values() for name in names})
    good = _sensors(raw)
    quality: dict[str, Any] = {
        "duration": round(float(raw.times[-1]), 3),
        "sampling_rate": float(raw.info["sfreq"]),
        "bad_channels": bad,
        "head": head_movement(raw.info, head_position),
        "spectra_before": spectra(raw, good),
    }
    raw = _separate(raw, source, maxwell, head_position, device)
    _filter(raw, notch_frequencies, band)
    quality |= remove_artefacts(raw, **artefacts, joint=maxwell["apply"])
    if raw.info["bads"]:
        raw.interpolate_bads(origin=device["origin"], verbose="error")
    quality["spectra_after"] = spectra(raw, good)
    return raw, quality


def find_bad_channels(
    raw: mne.io.BaseRaw,
    *,
    search: bool,
    search_duration: float | None,
    extra: Sequence[str],
    device: Settings,
) -> dict[str, list[str]]:
    """Names of bad sensors: `marked` in the file, `extra` from the config, `noisy`, `flat`.

    A sensor is noisy or flat if it is so in 5 of the 5 s intervals looked at, or in half of them
    where there are fewer than 10 (limits: `mne.preprocessing.find_bad_channels_maxwell`).

    Parameters
    ----------
    raw
        The recording; left as it is.
    search, search_duration, extra
        See `preprocess`.
    device
        Keyword arguments that MNE's Maxwell functions share.
    """
    by_plain_name = {name.replace(" ", ""): name for name in raw.ch_names}
    unknown = [name for name in extra if name.replace(" ", "") not in by_plain_name]
    if unknown:
        raise LmbrainError(
            f"{_source(raw)} has no sensor {unknown[0]!r}; correct "
            "preprocessing.bad_channels.extra in the config."
        )
    bad = {
        "marked": list(raw.info["bads"]),
        "extra": [by_plain_name[name.replace(" ", "")] for name in extra],
        "noisy": [],
        "flat": [],
    }
    if not search:
        return bad
    sample = _spread(raw, search_duration)
    sample.info["bads"] = sorted({*bad["marked"], *bad["extra"]})
    intervals = int(min(search_duration or np.inf, raw.times[-1]) / CHUNK)
    bad["noisy"], bad["flat"] = mne.preprocessing.find_bad_channels_maxwell(
        sample,
        duration=CHUNK,
        min_count=min(5, max(1, intervals // 2)),
        **device,
        verbose="error",
    )
    return bad


def _spread(raw: mne.io.BaseRaw, duration: float | None) -> mne.io.BaseRaw:
    """MEG of up to `duration` seconds in pieces of CHUNK, spread evenly over the run."""
    meg = raw.copy().pick(["meg", "ref_meg"], exclude=(), verbose="error")
    pieces = None if duration is None else max(1, int(duration / CHUNK))
    if pieces is None or pieces * CHUNK >= raw.times[-1]:
        return meg
    step = round(CHUNK * raw.info["sfreq"])
    starts = np.linspace(0, len(raw.times) - step, pieces).astype(int)
    crops = [
        meg.copy().crop(raw.times[start], raw.times[start + step - 1]).load_data(verbose="error")
        for start in starts
    ]
    return mne.concatenate_raws(crops, verbose="error")


def remove_artefacts(
    raw: mne.io.BaseRaw, *, ecg_components: int, eog_components: int, joint: bool
) -> dict[str, Any]:
    """Project the average heart beat and blink out of a filtered recording, in place.

    Parameters
    ----------
    raw
        Loaded recording with the channels that the components ask for.
    ecg_components, eog_components
        Numbers of projections; 0 leaves the artefact alone.
    joint
        One set of projections for gradiometers and magnetometers (after SSS, where both hold
        the same signals), else one each.

    Returns
    -------
    dict with `heart` and `blinks` (None if not asked for): `events` found, `per_minute`,
    `explained` variance of each projection.

    Raises
    ------
    LmbrainError
        If the heart rate found is implausible. Fewer than 5 blinks are left in, with a warning.
    """
    minutes = raw.times[-1] / 60
    report: dict[str, Any] = {"heart": None, "blinks": None}
    projections: list[mne.Projection] = []
    if ecg_components:
        events, _, rate = mne.preprocessing.find_ecg_events(raw, verbose="error")
        if not HEART_RATE[0] <= rate <= HEART_RATE[1]:
            raise LmbrainError(
                f"{_source(raw)}: the ECG channel shows {rate:.0f} heart beats a minute, which is "
                "implausible; exclude the subject or set preprocessing.artefacts.ecg_components "
                "to 0."
            )
        found = _projections(raw, events, (-0.2, 0.4), ecg_components, joint)
        projections += found
        report["heart"] = _artefact(events, minutes, found)
    if eog_components:
        # MNE's default high-pass of 1 Hz leaves a trough's rebound that counts as a blink.
        events = mne.preprocessing.find_eog_events(raw, l_freq=0.5, verbose="error")
        found = []
        if len(events) >= FEWEST_BLINKS:
            found = _projections(raw, events, (-0.2, 0.2), eog_components, joint)
        else:
            log.warning("%s: only %d blinks, none removed", _source(raw), len(events))
        projections += found
        report["blinks"] = _artefact(events, minutes, found)
    raw.add_proj(projections, verbose="error")
    raw.apply_proj(verbose="error")
    return report


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
    kinds = _sensors(raw)
    return mne.compute_proj_evoked(
        average,
        n_grad=components if joint or "grad" in kinds else 0,
        n_mag=components if joint or "mag" in kinds else 0,
        n_eeg=0,
        meg="combined" if joint else "separate",
        verbose="error",
    )


def _artefact(
    events: np.ndarray, minutes: float, projections: list[mne.Projection]
) -> dict[str, Any]:
    return {
        "events": len(events),
        "per_minute": round(len(events) / float(minutes), 1),
        "explained": [round(float(p["explained_var"]), 3) for p in projections],
    }


def _separate(
    raw: mne.io.BaseRaw,
    source: str,
    maxwell: Settings,
    head_position: mne.transforms.Transform | None,
    device: Settings,
) -> mne.io.BaseRaw:
    if not maxwell["apply"]:
        # The file's own projections (such as the empty room's) serve where SSS does not.
        return raw.load_data(verbose="error").apply_proj(verbose="error")
    log.info("%s: Maxwell filter", source)
    return mne.preprocessing.maxwell_filter(
        raw,
        st_duration=maxwell["tsss_duration"],
        destination=head_position,
        **device,
        verbose="error",
    )


def _filter(raw: mne.io.BaseRaw, notch_frequencies: Sequence[float], band: Sequence[float]) -> None:
    picks = [name for names in _sensors(raw).values() for name in names]
    if len(notch_frequencies):
        raw.notch_filter(list(notch_frequencies), picks=picks, verbose="error")
    raw.filter(band[0] or None, band[1], picks=picks, verbose="error")


def _sensors(raw: mne.io.BaseRaw) -> dict[str, list[str]]:
    """Names of the sensors not marked as bad, per sensor type present."""
    kinds = {}
    for kind in ("grad", "mag"):
        picks = mne.pick_types(raw.info, meg=kind, ref_meg=False, exclude="bads")
        if len(picks):
            kinds[kind] = [raw.ch_names[i] for i in picks]
    return kinds


def _origin(info: mne.Info) -> str | tuple[float, float, float]:
    """Fit the sphere to the digitised head shape where there is one."""
    from mne.io.constants import FIFF

    points = [p for p in info["dig"] or [] if p["kind"] == FIFF.FIFFV_POINT_EXTRA]
    return "auto" if len(points) >= 10 else SPHERE


def _source(raw: mne.io.BaseRaw) -> str:
    names = [Path(name).name for name in raw.filenames if name is not None]
    return names[0] if names else "The recording"


def _check(
    raw: mne.io.BaseRaw,
    source: str,
    bad_channels: Settings,
    maxwell: Settings,
    notch_frequencies: Sequence[float],
    band: Sequence[float],
    artefacts: Settings,
) -> None:
    duration, nyquist = raw.times[-1], raw.info["sfreq"] / 2
    wanted = maxwell["apply"] or bad_channels["search"]
    history = raw.info["proc_history"] or []
    separated = any(p.get("max_info", {}).get("sss_info") for p in history)
    tsss = maxwell["tsss_duration"] if maxwell["apply"] else None
    problems = {
        "has no MEG sensors; give a MEG recording": not _sensors(raw),
        "has already been Maxwell filtered; set preprocessing.maxwell.apply and "
        "preprocessing.bad_channels.search to false": wanted and separated,
        "was recorded with MaxShield and needs the Maxwell filter; set "
        "preprocessing.maxwell.apply to true": raw.info.get("maxshield") and not maxwell["apply"],
        "holds no head position (dev_head_t); set preprocessing.maxwell.apply and "
        "preprocessing.bad_channels.search to false": wanted and raw.info["dev_head_t"] is None,
        f"lasts {duration:.1f} s, less than preprocessing.maxwell.tsss_duration; shorten it": (
            tsss is not None and duration < tsss
        ),
        f"lasts {duration:.1f} s, less than the {CHUNK:.0f} s that the search for bad channels "
        "needs; set preprocessing.bad_channels.search to false": (
            bad_channels["search"] and duration < CHUNK
        ),
        f"is sampled at {2 * nyquist:g} Hz, but preprocessing.notch_frequencies holds "
        f"{max(notch_frequencies, default=0):g} Hz; keep those below {nyquist:g} Hz": (
            max(notch_frequencies, default=0) >= nyquist
        ),
        f"is sampled at {2 * nyquist:g} Hz, but preprocessing.band ends at {band[1]:g} Hz; end it "
        f"below {nyquist:g} Hz": band[1] >= nyquist,
        "has no ECG channel; set preprocessing.artefacts.ecg_components to 0": (
            artefacts["ecg_components"] > 0 and "ecg" not in raw
        ),
        "has no EOG channel; set preprocessing.artefacts.eog_components to 0": (
            artefacts["eog_components"] > 0 and "eog" not in raw
        ),
    }
    for problem, is_so in problems.items():
        if is_so:
            raise LmbrainError(f"{source} {problem}.")
