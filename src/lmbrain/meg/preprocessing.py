"""Story-blind cleaning of one MEG run, step by step.

Nothing here sees the words, the features or another person, so the whole run may be used.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mne
import numpy as np

from lmbrain.meg.artefacts import remove_artefacts
from lmbrain.meg.bad_channels import find_bad_channels, known_bad_channels
from lmbrain.meg.empty_room import project_room_out
from lmbrain.meg.filtering import filter_in_time, resample
from lmbrain.meg.head_position import head_movement, head_positions, tracked
from lmbrain.meg.maxwell import description, device_arguments, separate
from lmbrain.meg.quality import places, sensors_by_type, spectra
from lmbrain.meg.saturation import annotate_saturation
from lmbrain.meg.suitability import check, check_length

log = logging.getLogger(__name__)

Settings = Mapping[str, Any]


def preprocess(
    raw: mne.io.BaseRaw,
    settings: Settings,
    *,
    head_position: mne.transforms.Transform | None = None,
    calibration: str | Path | None = None,
    cross_talk: str | Path | None = None,
    room: mne.io.BaseRaw | None = None,
    positions: str | Path | None = None,
) -> tuple[mne.io.BaseRaw, dict[str, Any]]:
    """Clean one run, in the order of the settings.

    Parameters
    ----------
    raw
        The recording, best not loaded (it is copied and left as it is).
    settings
        The config's section `preprocessing`, whose comments explain every value; used are

        - `ctf_compensation`: grade of CTF's gradient compensation (0 to 3); None: as recorded;
        - `saturation`: `lmbrain.meg.saturation.annotate_saturation`;
        - `bad_channels`: `lmbrain.meg.bad_channels.find_bad_channels`;
        - `maxwell`: `lmbrain.meg.maxwell.separate`; SSS also rebuilds bad sensors, without it
          they are interpolated;
        - `empty_room_projections`: `lmbrain.meg.empty_room.project_room_out`;
        - `notch_frequencies`, `band`: `lmbrain.meg.filtering.filter_in_time`;
        - `artefacts`: `lmbrain.meg.artefacts.remove_artefacts`;
        - `resample` (Hz; None keeps the rate).
    head_position
        Device-to-head transform of the reference run, to which SSS moves this run's sensors if
        `maxwell.head_position` says so.
    calibration, cross_talk
        Elekta fine calibration and cross-talk files, used where `maxwell` says `auto`.
    room
        Recording of the empty room, for `empty_room_projections`.
    positions
        Position file of the head over the run; None takes them from the recording.

    Returns
    -------
    raw
        The cleaned recording, loaded, projections applied, no bad sensors left, without EEG;
        saturated stretches are annotated.
    quality
        What was found and removed, plain lists and numbers: `duration` (s), `sampling_rate`
        (Hz), `saturated` (s), `bad_channels`, `head`, `maxwell`, `heart`, `blinks`,
        `ica_converged`, `spectra_before`, `spectra_after`, `sensors` (good ones by type; the order
        of topographies), `places` (m), `steps` (in words).

    Raises
    ------
    LmbrainError
        If the recording does not allow what the settings ask for.
    """
    source = _source(raw)
    check(raw, source, settings)
    maxwell, artefacts = settings["maxwell"], settings["artefacts"]
    known = known_bad_channels(raw, source, settings["bad_channels"]["extra"])
    raw = _channels(raw, artefacts)
    extra = [name for name in known["extra"] if name in raw.ch_names]
    if settings["ctf_compensation"] is not None:
        raw.apply_gradient_compensation(settings["ctf_compensation"], verbose="error")
    quality: dict[str, Any] = {
        "duration": round(float(raw.times[-1]), 3),
        "sampling_rate": float(raw.info["sfreq"]),
        "saturated": annotate_saturation(raw, source, settings["saturation"], extra),
    }
    check_length(raw, source, settings)
    device = device_arguments(raw, maxwell, calibration, cross_talk)
    search = settings["bad_channels"] | {"extra": extra}
    bad = find_bad_channels(raw, source, **search, device=device)
    raw.info["bads"] = sorted({*raw.info["bads"], *extra, *bad["noisy"], *bad["flat"]})
    quality |= {"bad_channels": bad, "spectra_before": spectra(raw, sensors_by_type(raw))}
    track = _followed(raw, source, maxwell, positions)
    quality["head"] = head_movement(raw.info, head_position, track, raw.first_time)
    destination = head_position if maxwell["head_position"] == "first_run" else None
    log.info("%s: %s", source, "Maxwell filter" if maxwell["apply"] else "no Maxwell filter")
    raw = separate(raw, maxwell, device, destination, track)
    quality["maxwell"] = description(raw, maxwell, device, destination, track)
    if settings["empty_room_projections"]:
        wanted = settings["empty_room_projections"]
        project_room_out(raw, source, room, wanted, settings["notch_frequencies"], settings["band"])
    good = sensors_by_type(raw)
    meg = [name for names in good.values() for name in names]
    filter_in_time(raw, source, meg, settings["notch_frequencies"], settings["band"])
    quality |= {"sensors": good, "places": places(raw.info)}
    quality |= remove_artefacts(raw, source, artefacts, joint=maxwell["apply"])
    if raw.info["bads"]:
        raw.interpolate_bads(origin=device["origin"], verbose="error")
    if settings["resample"] is not None:
        resample(raw, source, settings["resample"])
    quality["spectra_after"] = spectra(raw, good)
    quality["steps"] = steps(settings, quality)
    return raw, quality


def steps(settings: Settings, quality: Settings) -> list[str]:
    """The steps applied to a run, with their numbers, in words and in order."""
    artefacts, search = settings["artefacts"], settings["bad_channels"]
    said = []
    if settings["ctf_compensation"] is not None:
        said.append(f"gradient compensation of grade {settings['ctf_compensation']}")
    if settings["saturation"]["share"] is not None:
        saturated = quality["saturated"]
        said.append(f"{saturated:g} s annotated as saturated" if saturated else "nothing saturated")
    if search["search"]:
        length = search["search_duration"]
        part = "the whole run" if length is None else f"{length:g} s of the run"
        said.append(f"search for bad sensors in {part}")
    if quality["maxwell"] is not None:
        said.append(_separation(settings["maxwell"], quality["maxwell"]))
    if settings["empty_room_projections"]:
        number = settings["empty_room_projections"]
        noun = "projection" if number == 1 else "projections"
        said.append(f"{number} empty-room {noun} a sensor type")
    if settings["notch_frequencies"]:
        said.append(f"notch at {_listed(settings['notch_frequencies'])} Hz")
    if settings["band"] is not None:
        said.append("band-pass {:g} to {:g} Hz".format(*settings["band"]))
    for artefact, noun in (("heart", "heart beats"), ("blinks", "blinks")):
        if quality[artefact] is not None:
            removed = len(quality[artefact]["components"])
            said.append(f"{noun} by {artefacts['method'].upper()} ({removed} removed)")
    bad = len({name for names in quality["bad_channels"].values() for name in names})
    if bad and quality["maxwell"] is None:
        said.append(f"{bad} bad {'sensor' if bad == 1 else 'sensors'} interpolated")
    if settings["resample"] is not None:
        said.append(f"resampled to {settings['resample']:g} Hz")
    return said


def _separation(maxwell: Settings, done: Settings) -> str:
    tsss = maxwell["tsss_duration"]
    origin = ", ".join(f"{1e3 * v:.0f}" for v in done["origin"])
    kind = "SSS" if tsss is None else f"tSSS in buffers of {tsss:g} s"
    parts = [f"origin {origin} mm"]
    parts += [name.replace("_", "-") for name in ("calibration", "cross_talk") if done[name]]
    return f"{kind} ({'; '.join([*parts, 'head position: ' + done['head_position']])})"


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _channels(raw: mne.io.BaseRaw, artefacts: Settings) -> mne.io.BaseRaw:
    """A copy without EEG, which nothing here cleans or uses, but with channels named."""
    named = {artefacts["ecg_channel"], artefacts["eog_channel"]}
    kinds = raw.get_channel_types()
    eeg = [n for n, k in zip(raw.ch_names, kinds, strict=True) if k == "eeg" and n not in named]
    return raw.copy().drop_channels(eeg)


def _followed(
    raw: mne.io.BaseRaw, source: str, maxwell: Settings, positions: str | Path | None
) -> np.ndarray | None:
    """Head positions to compensate for; cHPI signals are taken out of the recording, in place."""
    if not (maxwell["apply"] and maxwell["movement_compensation"]):
        return None
    track = head_positions(raw, source, positions)
    if tracked(raw):
        raw.load_data(verbose="error")
        mne.chpi.filter_chpi(raw, include_line=False, verbose="error")
    return track


def _source(raw: mne.io.BaseRaw) -> str:
    names = [Path(name).name for name in raw.filenames if name is not None]
    return names[0] if names else "The recording"
