"""Raw recordings of simulated people who read or hear the story."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import mne
import numpy as np
import pandas as pd

from lmbrain.errors import LmbrainError
from lmbrain.simulation import noise, surroundings
from lmbrain.simulation.head import COIL_CHANNEL, HeadPath, add_coils, coil_places, head_path
from lmbrain.simulation.person import Person, stream
from lmbrain.simulation.sources import dipole_gain, time_course, topographies
from lmbrain.simulation.stimulus import FIXATION
from lmbrain.simulation.systems import (
    EXTRA_CHANNELS,
    clearance,
    device_to_head,
    measurement_info,
    sensor_picks,
)

TRIGGERS = {"word": 1, "fixation": 2}
TAIL = 3.0  # s of rest after the last item of a run
PULSE = 0.02  # s, length of a trigger pulse


@dataclass(frozen=True)
class Conditions:
    """How a run goes; as given here, quietly.

    distance, rotation
        The head's movement within the run: farthest from its start, m and degrees.
    coils
        Whether head-position coils are on (cHPI).
    interference
        Factor of the room's interference.
    """

    distance: float = 0.0
    rotation: float = 0.0
    coils: bool = False
    interference: float = 1.0


def simulate_run(
    words: pd.DataFrame,
    truth: pd.DataFrame,
    person: Person,
    run: str,
    sampling_rate: float,
    line_frequency: float,
    conditions: Conditions = Conditions(),
) -> tuple[mne.io.RawArray, HeadPath | None]:
    """Record one run.

    Parameters
    ----------
    words, truth
        Rows of that run (see `truth.truth_table`); onsets in the recording's own time.
    person
        The reader.
    run
        Label; with the person it fixes noise and head position.
    sampling_rate, line_frequency
        Hz.
    conditions
        Movement and interference.

    Returns
    -------
    raw
        Sensors and references (T; planar gradiometers T/m), `STI101` with a pulse (`TRIGGERS`) at
        each onset, `EOG061` and `ECG063` (V), with coils `STI201`.
    path
        The head's positions; None where it kept still.

    Raises
    ------
    LmbrainError
        If the head moves out of the helmet, or the coils need a higher sampling rate.
    """
    rng = stream(person.seed, person.subject, "run", run)
    move = [0.002, 0.002, 0.002, *np.deg2rad([1, 1, 1])]
    head = person.head + rng.normal(scale=move)
    extra = EXTRA_CHANNELS | ({COIL_CHANNEL: "stim"} if conditions.coils else {})
    coils = coil_places() if conditions.coils else None
    info = measurement_info(sampling_rate, line_frequency, head, person.system, extra, coils)
    picks = sensor_picks(info)
    meg = mne.pick_info(info, picks)
    onset = words["onset"].to_numpy()
    n = round((onset[-1] + words["duration"].iloc[-1] + TAIL) * sampling_rate)
    data = np.zeros((len(info.ch_names), n), np.float32)
    data[: len(picks)] = noise.sensor_noise(meg, n, sampling_rate, rng)
    modulation = noise.trial_gain(onset, n, sampling_rate, rng)
    courses = [
        noise.brain_courses(person.brain, modulation, n, sampling_rate, rng),
        surroundings.room_courses(n, sampling_rate, line_frequency, rng),
        _body(info, data, person, rng),
        planted_courses(words, truth, person, n, sampling_rate),
    ]
    path = None
    if conditions.distance or conditions.rotation:
        wander = stream(person.seed, person.subject, "movement", run)
        duration = n / sampling_rate
        path = head_path(head, duration, conditions.distance, conditions.rotation, wander)
    _add_fields(data[: len(picks)], meg, person, courses, path, conditions)
    _break_channels(info, data, person, rng)
    data[info.ch_names.index("STI101")] = triggers(words, n, sampling_rate)
    raw = mne.io.RawArray(data, info, verbose="error")
    if conditions.coils:
        still = HeadPath(np.array([0.0, n / sampling_rate]), np.stack([head, head]))
        add_coils(raw, path or still)
    return raw, path


def planted_courses(
    words: pd.DataFrame, truth: pd.DataFrame, person: Person, n: int, sampling_rate: float
) -> np.ndarray:
    """Currents of the planted responses in a run: sources x n, Am."""
    samples = np.round(words["onset"].to_numpy() * sampling_rate).astype(int)
    courses = np.zeros((len(person.sources), n))
    for row, source, current in zip(courses, person.sources, person.currents, strict=True):
        impulses = np.zeros(n)
        impulses[samples] = truth[source.component.regressor].to_numpy() * current
        row[:] = np.convolve(impulses, time_course(source.window, sampling_rate))[:n]
    return courses


def triggers(words: pd.DataFrame, n: int, sampling_rate: float) -> np.ndarray:
    """Stimulus channel (n,): a pulse at each item, its value by the item's kind."""
    samples = np.round(words["onset"].to_numpy() * sampling_rate).astype(int)
    return pulses(samples, [TRIGGERS[kind] for kind in trial_types(words)], n, sampling_rate)


def pulses(samples: np.ndarray, values: list[int], n: int, sampling_rate: float) -> np.ndarray:
    """Stimulus channel (n,): pulses of `PULSE` s from `samples` on."""
    channel = np.zeros(n)
    width = round(PULSE * sampling_rate)
    for sample, value in zip(samples, values, strict=True):
        channel[sample : sample + width] = value
    return channel


def trial_types(words: pd.DataFrame) -> list[str]:
    """``fixation`` for crosses, ``word`` for the rest."""
    return ["fixation" if text == FIXATION else "word" for text in words["text"]]


def _fields(meg: mne.Info, person: Person, conditions: Conditions) -> list[np.ndarray]:
    """Sensors x sources of brain, room, body and planted responses, for a head position."""
    return [
        dipole_gain(meg, person.brain.positions, person.brain.orientations),
        surroundings.room_fields(meg, conditions.interference),
        np.stack([surroundings.heart_field(meg), surroundings.eye_field(meg)], axis=1),
        topographies(meg, person.sources),
    ]


def _add_fields(
    data: np.ndarray,
    meg: mne.Info,
    person: Person,
    courses: list[np.ndarray],
    path: HeadPath | None,
    conditions: Conditions,
) -> None:
    """Add what the sources drive at the sensors; fields are linear between head positions."""
    if path is None:
        for fields, course in zip(_fields(meg, person, conditions), courses, strict=True):
            data += fields.astype(np.float32) @ course.astype(np.float32)
        return
    meg = meg.copy()
    edges = np.round(path.times * meg["sfreq"]).astype(int)
    before = None
    for (start, stop), ends in zip(pairwise(edges), pairwise(path.heads), strict=True):
        here = before if before is not None else _fields_at(ends[0], meg, person, conditions)
        there = _fields_at(ends[1], meg, person, conditions)
        chosen = slice(start, min(stop, data.shape[1]))
        share = np.linspace(0, 1, stop - start, endpoint=False, dtype=np.float32)
        share = share[: chosen.stop - chosen.start]
        for first, last, course in zip(here, there, courses, strict=True):
            part = course[:, chosen].astype(np.float32)
            data[:, chosen] += first.astype(np.float32) @ (part * (1 - share))
            data[:, chosen] += last.astype(np.float32) @ (part * share)
        before = there


def _fields_at(
    head: np.ndarray, meg: mne.Info, person: Person, conditions: Conditions
) -> list[np.ndarray]:
    meg["dev_head_t"] = device_to_head(head)
    if clearance(meg) <= 0:
        raise LmbrainError(
            f"The head of person {person.subject} would touch the helmet; lower "
            "data.simulated.recordings.faults.movement."
        )
    return _fields(meg, person, conditions)


def _body(info: mne.Info, data: np.ndarray, person: Person, rng: np.random.Generator) -> np.ndarray:
    """Courses of heart and eyes (2 x n); their own channels are written into `data`."""
    n, rate = data.shape[1], info["sfreq"]
    habits = stream(person.seed, person.subject, "habits")
    beats = surroundings.heart_course(n, rate, habits.uniform(0.9, 1.25), rng)
    lids = surroundings.blink_course(n, rate, habits.uniform(4.0, 8.0), rng)
    for name, course, peak in (("ECG063", beats, 1e-3), ("EOG061", lids, 2e-4)):
        data[info.ch_names.index(name)] = peak * (course + 0.04 * rng.standard_normal(n))
    return np.stack([beats, lids])


def _break_channels(
    info: mne.Info, data: np.ndarray, person: Person, rng: np.random.Generator
) -> None:
    n = data.shape[1]
    data[info.ch_names.index(person.noisy)] += 3e-11 * rng.standard_normal(n)
    data[info.ch_names.index(person.flat)] = 1e-18 * rng.standard_normal(n)
