"""Signal-to-noise ratio of planted word-locked responses after each step of the cleaning.

`python -m bench.snr`; the steps are the chain's own functions.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pandas as pd
import yaml

from bench.machine import describe
from bench.tables import markdown
from lmbrain.artefacts import atomic_path
from lmbrain.config import load_study
from lmbrain.meg.artefacts import remove_artefacts
from lmbrain.meg.bad_channels import find_bad_channels
from lmbrain.meg.bins import bin_means
from lmbrain.meg.filtering import filter_in_time, resample
from lmbrain.meg.maxwell import device_arguments, separate
from lmbrain.meg.quality import sensors_by_type
from lmbrain.simulation import material, noise
from lmbrain.simulation.head import head_positions
from lmbrain.simulation.person import Person, make_person, stream
from lmbrain.simulation.recordings import Conditions, planted_courses, simulate_run
from lmbrain.simulation.sources import dipole_gain, topographies
from lmbrain.simulation.stimulus import stimulus_words
from lmbrain.simulation.surroundings import eye_field
from lmbrain.simulation.systems import sensors
from lmbrain.simulation.truth import truth_table

PACKAGES = ("mne", "numpy", "scipy", "scikit-learn")
CONFIG = Path(__file__).resolve().parents[1] / "config" / "config.yaml"
DOMAINS = ["social_emotional", "figurative", "physical"]
INTERVAL, BIN = 0.4, 0.025  # s; the bins of a word end where the next word's begin
LOWER_RATES = (200.0, 100.0)  # Hz: 5 and 2.5 samples a bin
CONDITIONS = {
    "quiet": Conditions(),
    "interference x 20": Conditions(interference=20.0),
    "head moves 10 mm, 6 degrees": Conditions(distance=0.01, rotation=6.0),
}
KINDS = {"grad": "gradiometers", "mag": "magnetometers"}


@dataclass(frozen=True)
class Recording:
    """A simulated run with what was planted in it.

    words
        Its items.
    field
        Sensors x samples: the planted part alone, head where it was at the run's start.
    planted
        Items x sensors x bins of it.
    positions
        Head positions over the run, as MNE keeps them; None where it kept still.
    """

    raw: mne.io.BaseRaw
    words: pd.DataFrame
    field: np.ndarray
    planted: np.ndarray
    person: Person
    positions: np.ndarray | None


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, run, print a table a recording, write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.snr", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="of each recording")
    parser.add_argument("--rate", type=float, default=500.0, help="Hz of the recordings")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    given = parser.parse_args(arguments)
    settings = load_study(yaml.safe_load(CONFIG.read_text())).preprocessing.model_dump()
    tables = {}
    for name, conditions in CONDITIONS.items():
        recording = record(conditions, given.minutes, given.rate, given.seed)
        tables[name] = list(rows(recording, settings))
        print(f"### {name}\n\n{markdown(tables[name])}\n", flush=True)
    if given.output is not None:
        report = {"machine": describe(PACKAGES), "tables": tables} | vars(given)
        with atomic_path(given.output) as path:
            path.write_text(json.dumps(report, indent=1, default=str))


def rows(recording: Recording, settings: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """A row a step, in dB; each leaves a line on the error stream."""
    for step, raw in stages(recording, settings):
        row = {"after": step}
        row |= {kind: f"{ratio:.1f}" for kind, ratio in ratios(raw, recording).items()}
        print(row, file=sys.stderr, flush=True)
        yield row


def record(conditions: Conditions, minutes: float, rate: float, seed: int) -> Recording:
    """Simulate a run of one person with the toy study's strengths."""
    story = stimulus_words(material.story(), round(60 * minutes / INTERVAL), ["01"], INTERVAL, "s")
    features = np.random.default_rng(seed).normal(size=(len(story), 12))
    truth = truth_table(story, material.annotation(), features, DOMAINS)
    strengths = {"onset": 1.0, "length": 0.2, "lm": 0.25, **dict.fromkeys(DOMAINS, 0.9)}
    person = _broken_at_their_best(make_person("01", seed, strengths))
    raw, path = simulate_run(story, truth, person, "01", rate, 50.0, conditions)
    meg = mne.pick_info(raw.info, mne.pick_types(raw.info, meg=True))
    courses = planted_courses(story, truth, person, len(raw.times), rate)
    field = topographies(meg, person.sources) @ courses
    alone = mne.io.RawArray(field, meg, verbose="error")
    planted = bin_means(alone, meg.ch_names, edges(story))
    positions = None if path is None else head_positions(path)
    return Recording(raw, story, field, planted, person, positions)


def _broken_at_their_best(person: Person) -> Person:
    """The person, with the best gradiometer noisy and the best magnetometer flat."""
    info = sensors(person.system)
    best = {}
    for kind in KINDS:
        picks = mne.pick_types(info, meg=kind)
        size = np.linalg.norm(person.strengths[picks], axis=1)
        best[kind] = info.ch_names[picks[size.argmax()]]
    return replace(person, noisy=best["grad"], flat=best["mag"])


def stages(
    recording: Recording, settings: Mapping[str, Any]
) -> Iterator[tuple[str, mne.io.BaseRaw]]:
    """The recording after each step, in the chain's order; where steps are rivals, each of them."""
    raw, maxwell = recording.raw.copy(), settings["maxwell"] | {"apply": True}
    yield "nothing", raw
    device = device_arguments(raw, maxwell, None, None)
    bad = find_bad_channels(raw, "The recording", **settings["bad_channels"], device=device)
    raw.info["bads"] = sorted({name for names in bad.values() for name in names})
    plain = raw.copy().interpolate_bads(origin=device["origin"], verbose="error")
    yield "bad sensors interpolated", plain
    yield "SSS", separate(raw, maxwell | {"tsss_duration": None}, device, None, None)
    separated = separate(raw, maxwell, device, None, None)
    yield "tSSS", separated
    if recording.positions is not None:
        yield from _filtered(separated, settings, "tSSS without compensation, ", joint=True)
        separated = separate(raw, maxwell, device, None, recording.positions)
        yield "tSSS with movement compensation", separated
    yield from _steps_after(separated, settings)
    yield from _filtered(plain, settings, "without Maxwell filter, ", joint=False)
    yield "limit: brain and sensor noise alone, band-pass", limit(recording, settings)


def _steps_after(
    raw: mne.io.BaseRaw, settings: Mapping[str, Any]
) -> Iterator[tuple[str, mne.io.BaseRaw]]:
    """What follows the Maxwell filter."""
    names = [name for group in sensors_by_type(raw).values() for name in group]
    raw = raw.copy()
    filter_in_time(raw, "The recording", names, settings["notch_frequencies"], None)
    yield "notch", raw
    filter_in_time(raw, "The recording", names, [], settings["band"])
    yield "band-pass", raw
    independent = raw.copy()
    ica = settings["artefacts"] | {"method": "ica"}
    remove_artefacts(independent, "The recording", ica, joint=True)
    yield "band-pass, then ICA", independent
    remove_artefacts(raw, "The recording", settings["artefacts"], joint=True)
    yield "band-pass, then SSP", raw
    for rate in LOWER_RATES:
        lower = raw.copy()
        resample(lower, "The recording", rate)
        yield f"band-pass, SSP, then {rate:g} Hz", lower


def _filtered(
    raw: mne.io.BaseRaw, settings: Mapping[str, Any], name: str, joint: bool
) -> Iterator[tuple[str, mne.io.BaseRaw]]:
    """The rest of the chain at once."""
    raw = raw.copy()
    names = [name for group in sensors_by_type(raw).values() for name in group]
    filter_in_time(raw, "The recording", names, settings["notch_frequencies"], settings["band"])
    remove_artefacts(raw, "The recording", settings["artefacts"], joint=joint)
    yield f"{name}notch, band-pass, SSP", raw


def limit(recording: Recording, settings: Mapping[str, Any]) -> mne.io.BaseRaw:
    """Planted responses in brain and sensor noise only, as if all else could be removed."""
    raw = recording.raw
    meg = mne.pick_info(raw.info, mne.pick_types(raw.info, meg=True))
    n, rate, person = len(raw.times), raw.info["sfreq"], recording.person
    rng = stream(person.seed, "limit")
    data = recording.field + noise.sensor_noise(meg, n, rate, rng)
    modulation = noise.trial_gain(recording.words["onset"].to_numpy(), n, rate, rng)
    gain = dipole_gain(meg, person.brain.positions, person.brain.orientations)
    data += gain @ noise.brain_courses(person.brain, modulation, n, rate, rng)
    clean = mne.io.RawArray(data, meg, verbose="error")
    filter_in_time(clean, "The limit", meg.ch_names, [], settings["band"])
    return clean


def ratios(raw: mne.io.BaseRaw, recording: Recording) -> dict[str, float]:
    """Signal-to-noise ratio in dB, median over sensors: by type, near the eyes, and broken ones.

    A sensor's response is its mean in every bin of every word. Its signal is the planted part,
    scaled to fit it best; its noise is the rest. Both have their mean removed. By type: sensors in
    which most is planted; near the eyes: those that blinks reach most.
    """
    names = recording.raw.ch_names[: recording.planted.shape[1]]
    found = bin_means(raw, names, edges(recording.words)).transpose(1, 0, 2)
    planted = recording.planted.transpose(1, 0, 2)
    decibels = np.array(
        [_decibels(f.ravel(), p.ravel()) for f, p in zip(found, planted, strict=True)]
    )
    kinds = np.array(recording.raw.get_channel_types(names))
    broken = np.isin(names, [recording.person.noisy, recording.person.flat])
    near = np.abs(eye_field(mne.pick_info(recording.raw.info, range(len(names)))))
    columns = {"broken": broken, "near the eyes": np.zeros(len(names), bool)}
    for kind, column in KINDS.items():
        own = ~broken & (kinds == kind)
        columns[column] = own & _large(planted.std(axis=(1, 2)), own)
        columns["near the eyes"] |= own & _large(near, own)
    order = [*KINDS.values(), "near the eyes", "broken"]
    return {column: float(np.median(decibels[columns[column]])) for column in order}


def _large(size: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Above a third of the largest."""
    return size > size[among].max() / 3


def _decibels(found: np.ndarray, planted: np.ndarray) -> float:
    explained = np.corrcoef(found, planted)[0, 1] ** 2
    return float(10 * np.log10(explained / (1 - explained)))


def edges(words: pd.DataFrame) -> np.ndarray:
    """Items x (bins + 1) seconds: the bins from one word to the next."""
    bins = round(INTERVAL / BIN)
    return words["onset"].to_numpy()[:, None] + BIN * np.arange(bins + 1)


if __name__ == "__main__":
    main()
