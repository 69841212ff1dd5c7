"""The simulated cohort as a BIDS data set, and the record of what was planted in it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import mne
import mne_bids
import numpy as np
import pandas as pd

from lmbrain.artefacts import atomic_path
from lmbrain.simulation.person import Person, make_person
from lmbrain.simulation.recordings import (
    TRIGGERS,
    simulate_run,
    trial_types,
)
from lmbrain.simulation.systems import measurement_info

NAME = "Simulated readers of a story"
_EVENT_COLUMNS = {
    "onset": "Seconds from the start of the recording",
    "duration": "Seconds for which the item was shown",
    "trial_type": "word, or fixation for a cross between paragraphs",
    "value": "Value on the stimulus channel STI101",
    "sample": "Sample of the onset, counted from 0",
    "word": "The item as shown",
    "story": "Name of the story",
}


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

    Returns
    -------
    What was planted in this person: ``subject``, ``bad_channels`` and ``components``, each with
    ``name, regressor, places, dipoles`` (m, head coordinates), ``window`` (s), ``gain, peak``
    (single-trial noise deviations at the best sensor for a regressor of 1), ``peak_sensor`` and,
    in ``grad`` and ``mag``, the sensors above a third of the greatest strength of their type.
    """
    person = make_person(subject, seed, strengths)
    with atomic_path(Path(root) / f"sub-{subject}") as folder:
        # The private folder around the new one serves as a data set of its own meanwhile.
        for run, part in words.groupby("run", sort=False):
            raw, _ = simulate_run(
                part, truth.loc[part.index], person, str(run), sampling_rate, line_frequency
            )
            _write_run(raw, part, folder.parent, subject, task, str(run))
    return _record(person, sampling_rate, line_frequency)


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


def _write_run(
    raw: mne.io.RawArray, words: pd.DataFrame, root: Path, subject: str, task: str, run: str
) -> None:
    """Write a run with mne-bids, then its events ourselves: mne-bids would alter the words."""
    path = mne_bids.BIDSPath(subject=subject, task=task, run=run, datatype="meg", root=root)
    plain = root / f"run-{run}_raw.fif"
    raw.save(plain, fmt="single", verbose="error")
    stored = mne.io.read_raw_fif(plain, verbose="error")
    written = mne_bids.write_raw_bids(stored, path, overwrite=True, verbose="error")
    plain.unlink()
    events = written.copy().update(suffix="events", extension=".tsv", split=None).fpath
    _events_table(words, raw.info["sfreq"]).to_csv(
        events, sep="\t", index=False, quoting=csv.QUOTE_NONE, encoding="utf-8"
    )
    columns = {name: {"Description": text} for name, text in _EVENT_COLUMNS.items()}
    events.with_suffix(".json").write_text(json.dumps(columns, indent=1) + "\n", encoding="utf-8")


def _events_table(words: pd.DataFrame, sampling_rate: float) -> pd.DataFrame:
    kinds = trial_types(words)
    return pd.DataFrame(
        {
            "onset": words["onset"].to_numpy(),
            "duration": words["duration"].to_numpy(),
            "trial_type": kinds,
            "value": [TRIGGERS[kind] for kind in kinds],
            "sample": np.round(words["onset"].to_numpy() * sampling_rate).astype(int),
            "word": words["text"].to_numpy(),
            "story": words["story"].to_numpy(),
        },
        columns=list(_EVENT_COLUMNS),
    )


def _record(person: Person, sampling_rate: float, line_frequency: float) -> dict:
    info = measurement_info(sampling_rate, line_frequency, person.head)
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
    return names[(strength > strength.max() / 3) & (strength > 0)].tolist()
