"""The simulated cohort as a BIDS data set, and the record of what was planted in it."""

from __future__ import annotations

import json
from pathlib import Path

import mne
import mne_bids
import numpy as np
import pandas as pd
from mne.io.constants import FIFF

from lmbrain.artefacts import atomic_path
from lmbrain.simulation.events import write_events
from lmbrain.simulation.faults import (
    NONE,
    Faults,
    on_recording_clock,
    saturate,
    silence,
    sound_clock,
    spoil_triggers,
)
from lmbrain.simulation.head import head_positions, positions_path
from lmbrain.simulation.person import Person, make_person, stream
from lmbrain.simulation.recordings import Conditions, simulate_run
from lmbrain.simulation.sound import CHANNEL, recorded, sound_name, speech, write_sound
from lmbrain.simulation.systems import measurement_info

NAME = "Simulated readers of a story"


def response_strengths(
    planted_domains: list[str],
    onset_strength: float,
    length_strength: float,
    lm_strength: float,
    domain_strength: float,
) -> dict[str, float]:
    """Strength of each group of components, as `person.make_person` takes them."""
    return {
        "onset": onset_strength,
        "length": length_strength,
        "lm": lm_strength,
        **dict.fromkeys(planted_domains, domain_strength),
    }


def simulate_subject(
    subject: str,
    words: pd.DataFrame,
    truth: pd.DataFrame,
    root: str | Path,
    task: str,
    strengths: dict[str, float],
    sampling_rate: float,
    line_frequency: float,
    seed: int,
    noise_slope: float = 1.0,
    system: str = "neuromag",
    faults: Faults = NONE,
) -> dict:
    """Record one person and add the folder ``sub-<subject>`` to a BIDS data set.

    The folder appears whole or not at all, so that several people can be written at a time.

    Parameters
    ----------
    subject
        BIDS label.
    words, truth
        Words table and truth table of all items.
    root
        Folder of the BIDS data set; `write_dataset_files` writes the files at its top.
    task
        BIDS label.
    strengths
        See `response_strengths`.
    sampling_rate, line_frequency
        Hz.
    seed
        Seed of the study.
    noise_slope
        Exponent of 1/f in the power of the brains' background activity.
    system
        One of `systems.SYSTEMS`; all are written as FIF, since there are no writers for CTF's .ds
        and KIT's .con.
    faults
        What goes wrong, as in the config; `faults.NONE` nothing.

    Returns
    -------
    What was planted in this person: ``subject``, ``bad_channels``, ``components``, each with
    ``name, regressor, places, dipoles`` (m, head coordinates), ``window`` (s), ``gain, peak``
    (single-trial noise deviations at the best sensor for a regressor of 1), ``peak_sensor`` and,
    in ``grad`` and ``mag``, the sensors above a third of the greatest strength of their type; and
    ``faults`` of each run.
    """
    if subject in faults["unresponsive"]:
        strengths = dict.fromkeys(strengths, 0.0)
    person = make_person(subject, seed, strengths, noise_slope=noise_slope, system=system)
    planted = {}
    with atomic_path(Path(root) / f"sub-{subject}") as folder:
        # The private folder around the new one serves as a data set of its own meanwhile.
        for number, (run, part) in enumerate(words.groupby("run", sort=False)):
            clock = sound_clock(faults["audio"], number)
            heard = on_recording_clock(part, **clock)
            raw, path = simulate_run(
                heard,
                truth.loc[part.index],
                person,
                str(run),
                sampling_rate,
                line_frequency,
                Conditions(**faults["movement"], interference=faults["interference"]),
            )
            if faults["audio"]["channel"]:
                _add_sound(raw, part, person, root, **clock)
            planted[str(run)] = {"clock": clock, **_spoil(raw, heard, person, str(run), faults)}
            written = _write_run(raw, folder.parent, subject, task, str(run))
            if path is not None:
                mne.chpi.write_head_pos(positions_path(written.fpath), head_positions(path))
            write_events(
                part,
                written.copy().update(suffix="events", extension=".tsv", split=None).fpath,
                sampling_rate,
                **faults["events"],
                sound=faults["audio"]["channel"],
            )
    return _record(person, sampling_rate, line_frequency) | {"faults": planted}


def write_dataset_files(root: str | Path, subjects: list[str]) -> None:
    """Write dataset_description.json, participants.tsv and README of a simulated data set."""
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    mne_bids.make_dataset_description(
        path=root,
        name=NAME,
        dataset_type="raw",
        data_license="CC0",
        authors=["lmbrain"],
        overwrite=True,
        verbose="error",
    )
    lines = ["participant_id", *(f"sub-{subject}" for subject in subjects)]
    with atomic_path(root / "participants.tsv") as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with atomic_path(root / "README") as temporary:
        temporary.write_text(
            f"{NAME}\n\nNo person was recorded: lmbrain.simulation made every sample.\n"
            "Items were shown one at a time; events.tsv lists them in the column `word`.\n",
            encoding="utf-8",
        )


def _add_sound(
    raw: mne.io.RawArray,
    words: pd.DataFrame,
    person: Person,
    root: str | Path,
    lag: float,
    rate: float,
) -> None:
    """Add the channel that records the story's sound, and write the sound; all write the same."""
    story, run = str(words["story"].iloc[0]), str(words["run"].iloc[0])
    sound = speech(words, person.seed)
    write_sound(sound, root, sound_name(story, run))
    rng = stream(person.seed, person.subject, "sound channel", run)
    heard = recorded(sound, len(raw.times), raw.info["sfreq"], lag, rate, rng)
    info = mne.create_info([CHANNEL], raw.info["sfreq"], "misc")
    raw.add_channels([mne.io.RawArray(heard[None], info, verbose="error")], force_update_info=True)


def _spoil(
    raw: mne.io.RawArray, words: pd.DataFrame, person: Person, run: str, faults: Faults
) -> dict:
    rng = stream(person.seed, person.subject, "faults", run)
    planted: dict = {"triggers": spoil_triggers(raw, words, rng, **faults["triggers"])}
    stretch = dict(faults["saturation"])
    if run in stretch.pop("runs"):
        planted["saturation"] = saturate(raw, rng, **stretch)
    if person.subject in faults["silent"]:
        silence(raw)
        planted["silent"] = True
    return planted


def _write_run(
    raw: mne.io.RawArray, root: Path, subject: str, task: str, run: str
) -> mne_bids.BIDSPath:
    """Write a run with mne-bids; it would alter the words, so events are written elsewhere."""
    path = mne_bids.BIDSPath(
        subject=subject, task=task, run=run, suffix="meg", extension=".fif", datatype="meg",
        root=root,
    )  # fmt: skip
    plain = root / f"run-{run}_raw.fif"
    raw.save(plain, fmt="single", verbose="error")
    if FIFF.FIFFV_COIL_KIT_GRAD in {channel["coil_type"] for channel in raw.info["chs"]}:
        # mne-bids takes every recording with KIT's coils for a .con file.
        path.mkdir()
        plain.rename(path.fpath)
        described = {
            "TaskName": task,
            "SamplingFrequency": raw.info["sfreq"],
            "PowerLineFrequency": raw.info["line_freq"],
        }
        path.fpath.with_suffix(".json").write_text(json.dumps(described) + "\n", encoding="utf-8")
        return path
    stored = mne.io.read_raw_fif(plain, verbose="error")
    written = mne_bids.write_raw_bids(stored, path, overwrite=True, verbose="error")
    plain.unlink()
    return written


def _record(person: Person, sampling_rate: float, line_frequency: float) -> dict:
    info = measurement_info(sampling_rate, line_frequency, person.head, person.system)
    names = np.array(info.ch_names)
    picks = {kind: mne.pick_types(info, meg=kind) for kind in ("grad", "mag")}
    components = []
    for source, strength in zip(person.sources, np.abs(person.strengths).T, strict=True):
        components.append(
            {
                "name": source.component.name,
                "regressor": source.component.regressor,
                "places": list(source.component.places),
                "dipoles": np.round(source.positions, 4).tolist(),
                "window": [round(edge, 4) for edge in source.window],
                "gain": round(source.gain, 4),
                "peak": round(float(strength.max()), 4),
                "peak_sensor": str(names[strength.argmax()]),
                **{k: _broad(names[p], strength[p]) for k, p in picks.items()},
            }
        )
    return {
        "subject": person.subject,
        "bad_channels": {"noisy": person.noisy, "flat": person.flat},
        "components": components,
    }


def _broad(names: np.ndarray, strength: np.ndarray) -> list[str]:
    """Sensors above a third of the greatest strength; none where nothing was planted."""
    return names[(strength > strength.max(initial=0) / 3) & (strength > 0)].tolist()
