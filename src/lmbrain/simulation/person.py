"""Simulated people: sources with their strengths, background activity, broken channels.

A person's planted responses are scaled so that each group of components reaches its strength, in
units of the single-trial noise (`noise.noise_deviation`), at the best sensor and time of an
Elekta/MEGIN system; people differ from it by their sources' gains. Within a group all components
are equally strong.
"""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np

from lmbrain.simulation import noise
from lmbrain.simulation.sources import (
    Source,
    component_groups,
    dipole_gain,
    make_source,
    time_course,
    topographies,
)
from lmbrain.simulation.systems import SEATS, measurement_info, sensor_picks


@dataclass(frozen=True)
class Person:
    """One simulated person; the same in all runs but for the head's position.

    system
        The one that records (`systems.SYSTEMS`); sources and brain do not depend on it.
    sources, currents
        The planted components and the current (Am) that a regressor of 1 drives in each.
    strengths
        Sensors x sources: peak response to a regressor of 1, in single-trial noise deviations.
    brain
        Background activity.
    head
        Offset (m) and rotation vector (radians) of the head against the device, 6 numbers.
    noisy, flat
        Names of the broken channels.
    """

    subject: str
    seed: int
    system: str
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
    subject: str,
    seed: int,
    strengths: dict[str, float],
    jitter: bool = True,
    noise_slope: float = 1.0,
    system: str = "neuromag",
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
    noise_slope
        Exponent of 1/f in the power of the background activity.
    system
        The system that records.
    """
    groups = component_groups([g for g in strengths if g not in ("onset", "length", "lm")])
    head = np.zeros(6)
    if jitter:
        scale = [0.003, 0.003, 0.003, *np.deg2rad([2, 2, 2])]
        head = stream(seed, subject, "head").normal(scale=scale)
    meg = _sensors("neuromag", head)
    brain = noise.make_brain_noise(meg, noise_slope, stream(seed, subject, "brain"))
    sources = [
        make_source(c, stream(seed, subject, "source", c.name) if jitter else None)
        for components in groups.values()
        for c in components
    ]
    pattern = _pattern(meg, brain, sources)
    currents = 1 / np.abs(pattern).max(axis=0)
    start = 0
    for group, components in groups.items():
        own = slice(start, start + len(components))
        peak = _group_peak(pattern[:, own] * currents[own], sources[own])
        currents[own] *= strengths[group] / peak
        start = own.stop
    currents *= [source.gain for source in sources]
    head[:3] += SEATS[system]
    if system != "neuromag":
        pattern = _pattern(_sensors(system, head), brain, sources)
    noisy, flat = _broken(system, stream(seed, subject, "bad channels"))
    return Person(
        subject, seed, system, sources, currents, pattern * currents, brain, head, noisy, flat
    )


def _sensors(system: str, head: np.ndarray) -> mne.Info:
    info = measurement_info(200.0, 50.0, head, system)
    return mne.pick_info(info, sensor_picks(info))


def _pattern(meg: mne.Info, brain: noise.BrainNoise, sources: list[Source]) -> np.ndarray:
    """Sensors x sources: fields of 1 Am in single-trial noise deviations."""
    gain = dipole_gain(meg, brain.positions, brain.orientations)
    return topographies(meg, sources) / noise.noise_deviation(meg, brain, gain)[:, None]


def _group_peak(pattern: np.ndarray, members: list[Source]) -> float:
    """Greatest standard deviation, over sensors and times, of independent members of size 1."""
    courses = np.stack([time_course(m.window, 1000.0) for m in members])
    return float(np.sqrt((pattern**2 @ courses**2).max()))


def _broken(system: str, rng: np.random.Generator) -> tuple[str, str]:
    """A noisy and a flat sensor; of Elekta's a gradiometer and a magnetometer."""
    info = measurement_info(200.0, 50.0, np.zeros(6), system)
    names = [info.ch_names[k] for k in mne.pick_types(info, meg=True, ref_meg=False)]
    if system == "neuromag":
        noisy = str(rng.choice([name for name in names if not name.endswith("1")]))
        return noisy, str(rng.choice([name for name in names if name.endswith("1")]))
    noisy, flat = rng.choice(names, 2, replace=False)
    return str(noisy), str(flat)
