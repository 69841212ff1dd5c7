"""Raw recordings of simulated people who read the story: 306-channel Elekta/MEGIN runs.

A person's planted responses are scaled so that each group of components reaches its strength, in
units of the single-trial noise (`noise.noise_deviation`), at the person's best sensor and time;
people differ from it by their sources' gains. Within a group all components are equally strong.
"""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
import pandas as pd

from lmbrain.simulation import noise
from lmbrain.simulation.sources import (
    HEAD_RADIUS,
    ORIGIN,
    Source,
    component_groups,
    dipole_gain,
    make_source,
    time_course,
    topographies,
)
from lmbrain.simulation.stimulus import FIXATION

SYSTEM = "neuromag"
EXTRA_CHANNELS = {"STI101": "stim", "EOG061": "eog", "ECG063": "ecg"}
TRIGGERS = {"word": 1, "fixation": 2}
TAIL = 3.0  # s of rest after the last item of a run
PULSE = 0.02  # s, length of a trigger pulse


@dataclass(frozen=True)
class Person:
    """One simulated person; the same in all runs but for the head's position.

    sources, currents
        The planted components and the current (Am) that a regressor of 1 drives in each.
    strengths
        Sensors x sources: peak response to a regressor of 1, in single-trial noise deviations.
    brain
        Background activity.
    head
        Offset (m) and rotation vector (radians) of the head from the helmet's middle, 6 numbers.
    noisy, flat
        Names of the broken channels.
    """

    subject: str
    seed: int
    sources: list[Source]
    currents: np.ndarray
    strengths: np.ndarray
    brain: noise.BrainNoise
    head: np.ndarray
    noisy: str
    flat: str


def stream(seed: int, *names: str) -> np.random.Generator:
    """Random numbers of one purpose, independent of those of any other purpose."""
    return np.random.default_rng([seed, *"/".join(names).encode()])


def make_person(
    subject: str, seed: int, strengths: dict[str, float], jitter: bool = True
) -> Person:
    """A simulated person.

    Parameters
    ----------
    subject
        Label.
    seed
        Seed of the study; with the label it fixes the person.
    strengths
        Peak at the best sensor, in single-trial noise deviations, of each group of components:
        ``onset`` (each item), ``length`` and ``lm`` (standard deviation over words) and any
        planted domains (a typical word of the domain). 0 removes a group.
    jitter
        False: the person has the cohort's shared places, windows and gains.
    """
    groups = component_groups([g for g in strengths if g not in ("onset", "length", "lm")])
    head = np.zeros(6)
    if jitter:
        scale = [0.003, 0.003, 0.003, *np.deg2rad([2, 2, 2])]
        head = stream(seed, subject, "head").normal(scale=scale)
    info = measurement_info(200.0, 50.0, head)
    meg = mne.pick_info(info, mne.pick_types(info, meg=True))
    brain = noise.make_brain_noise(meg, stream(seed, subject, "brain"))
    gain = dipole_gain(meg, brain.positions, brain.orientations)
    deviation = noise.noise_deviation(meg, brain, gain)
    sources = [
        make_source(c, stream(seed, subject, "source", c.name) if jitter else None)
        for components in groups.values()
        for c in components
    ]
    pattern = topographies(meg, sources) / deviation[:, None]
    currents = 1 / np.abs(pattern).max(axis=0)
    start = 0
    for group, components in groups.items():
        own = slice(start, start + len(components))
        peak = _group_peak(pattern[:, own] * currents[own], sources[own])
        currents[own] *= strengths[group] / peak
        start = own.stop
    currents *= [source.gain for source in sources]
    kinds = stream(seed, subject, "bad channels")
    return Person(
        subject,
        seed,
        sources,
        currents,
        pattern * currents,
        brain,
        head,
        noisy=str(kinds.choice([c for c in meg.ch_names if not c.endswith("1")])),
        flat=str(kinds.choice([c for c in meg.ch_names if c.endswith("1")])),
    )


def measurement_info(sampling_rate: float, line_frequency: float, head: np.ndarray) -> mne.Info:
    """Channels, head position and head shape of a run.

    Parameters
    ----------
    sampling_rate, line_frequency
        Hz.
    head
        Offset (m) and rotation vector (radians) of the head in the helmet, 6 numbers.
    """
    canonical = mne.channels.read_meg_canonical_info(SYSTEM)
    types = [*canonical.get_channel_types(), *EXTRA_CHANNELS.values()]
    info = mne.create_info([*canonical.ch_names, *EXTRA_CHANNELS], sampling_rate, types)
    for channel, model in zip(info["chs"], canonical["chs"], strict=False):
        for key in ("loc", "coil_type", "unit", "kind", "coord_frame"):
            channel[key] = model[key]
    for number, channel in enumerate(info["chs"]):
        channel["scanno"] = channel["logno"] = number + 1
    device_head = np.eye(4)
    device_head[:3, :3] = mne.transforms.rotation3d(*head[3:])
    device_head[:3, 3] = ORIGIN + head[:3]
    info["dev_head_t"] = mne.transforms.Transform("meg", "head", device_head)
    info["line_freq"] = line_frequency
    info.set_montage(_head_shape())
    return info


def simulate_run(
    words: pd.DataFrame,
    truth: pd.DataFrame,
    person: Person,
    run: str,
    sampling_rate: float,
    line_frequency: float,
) -> mne.io.RawArray:
    """Record one run.

    Parameters
    ----------
    words, truth
        Rows of that run (see `truth.truth_table`).
    person
        The reader.
    run
        Label; with the person it fixes noise and head position.
    sampling_rate, line_frequency
        Hz.

    Returns
    -------
    306 MEG channels (T/m, T) in SI units, `STI101` with a pulse (`TRIGGERS`) at each onset,
    `EOG061` and `ECG063` (V).
    """
    rng = stream(person.seed, person.subject, "run", run)
    move = [0.002, 0.002, 0.002, *np.deg2rad([1, 1, 1])]
    info = measurement_info(sampling_rate, line_frequency, person.head + rng.normal(scale=move))
    picks = mne.pick_types(info, meg=True)
    meg = mne.pick_info(info, picks)
    onset = words["onset"].to_numpy()
    n = round((onset[-1] + words["duration"].iloc[-1] + TAIL) * sampling_rate)
    data = np.zeros((len(info.ch_names), n), np.float32)
    data[: len(picks)] = noise.sensor_noise(meg, n, sampling_rate, rng)
    gain = dipole_gain(meg, person.brain.positions, person.brain.orientations)
    modulation = noise.trial_gain(onset, n, sampling_rate, rng)
    parts = [
        (gain, noise.brain_courses(person.brain, modulation, n, sampling_rate, rng)),
        noise.interference(meg, n, sampling_rate, line_frequency, rng),
        _body(info, data, person, rng),
        planted_responses(meg, words, truth, person, n, sampling_rate),
    ]
    for fields, courses in parts:
        data[: len(picks)] += fields.astype(np.float32) @ courses.astype(np.float32)
    _break_channels(info, data, person, rng)
    data[info.ch_names.index("STI101")] = triggers(words, n, sampling_rate)
    return mne.io.RawArray(data, info, verbose="error")


def planted_responses(
    info: mne.Info,
    words: pd.DataFrame,
    truth: pd.DataFrame,
    person: Person,
    n: int,
    sampling_rate: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Field of the planted responses in a run.

    Returns
    -------
    Sensors x sources topographies (T/m, T per Am) and sources x n currents (Am).
    """
    samples = np.round(words["onset"].to_numpy() * sampling_rate).astype(int)
    courses = np.zeros((len(person.sources), n))
    for row, source, current in zip(courses, person.sources, person.currents, strict=True):
        impulses = np.zeros(n)
        impulses[samples] = truth[source.component.regressor].to_numpy() * current
        row[:] = np.convolve(impulses, time_course(source.window, sampling_rate))[:n]
    return topographies(info, person.sources), courses


def triggers(words: pd.DataFrame, n: int, sampling_rate: float) -> np.ndarray:
    """Stimulus channel (n,): a pulse of `PULSE` s at each item, its value by the item's kind."""
    channel = np.zeros(n)
    width = round(PULSE * sampling_rate)
    samples = np.round(words["onset"].to_numpy() * sampling_rate).astype(int)
    for sample, kind in zip(samples, trial_types(words), strict=True):
        channel[sample : sample + width] = TRIGGERS[kind]
    return channel


def trial_types(words: pd.DataFrame) -> list[str]:
    """``fixation`` for crosses, ``word`` for the rest."""
    return ["fixation" if text == FIXATION else "word" for text in words["text"]]


def _group_peak(pattern: np.ndarray, members: list[Source]) -> float:
    """Greatest standard deviation, over sensors and times, of independent members of size 1."""
    courses = np.stack([time_course(m.window, 1000.0) for m in members])
    return float(np.sqrt((pattern**2 @ courses**2).max()))


def _body(
    info: mne.Info, data: np.ndarray, person: Person, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Heart and eyes: their fields; their own channels are written into `data`."""
    n, rate = data.shape[1], info["sfreq"]
    habits = stream(person.seed, person.subject, "habits")
    meg = mne.pick_info(info, mne.pick_types(info, meg=True))
    heart, beats = noise.heartbeat(meg, n, rate, habits.uniform(0.9, 1.25), rng)
    eyes, lids = noise.blinks(meg, n, rate, habits.uniform(4.0, 8.0), rng)
    for name, course, peak in (("ECG063", beats, 1e-3), ("EOG061", lids, 2e-4)):
        data[info.ch_names.index(name)] = peak * (course + 0.04 * rng.standard_normal(n))
    return np.stack([heart, eyes], axis=1), np.stack([beats, lids])


def _break_channels(
    info: mne.Info, data: np.ndarray, person: Person, rng: np.random.Generator
) -> None:
    n = data.shape[1]
    data[info.ch_names.index(person.noisy)] += 3e-11 * rng.standard_normal(n)
    data[info.ch_names.index(person.flat)] = 1e-18 * rng.standard_normal(n)


def _head_shape() -> mne.channels.DigMontage:
    """Fiducials and 60 points of the head's surface, head coordinates."""
    golden = np.pi * (3 - np.sqrt(5))
    height = np.linspace(-0.2, 0.95, 60)
    around = golden * np.arange(60)
    ring = np.sqrt(1 - height**2)
    points = np.column_stack([ring * np.cos(around), ring * np.sin(around), height])
    side = np.sqrt(HEAD_RADIUS**2 - ORIGIN[2] ** 2)
    return mne.channels.make_dig_montage(
        nasion=[0, side, 0],
        lpa=[-side, 0, 0],
        rpa=[side, 0, 0],
        hsp=ORIGIN + HEAD_RADIUS * points,
        coord_frame="head",
    )
