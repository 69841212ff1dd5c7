"""Where and when the simulated brains respond: dipoles in a spherical head, and time windows.

Head coordinates in metres (x right, y front, z up); the brain is a sphere about `ORIGIN`. Every
response component has its own places and its own window after word onset. People share both up
to small jitters.
"""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np

from lmbrain.errors import LmbrainError
from lmbrain.simulation.truth import LM_PROJECTIONS

ORIGIN = np.array([0.0, 0.0, 0.04])
HEAD_RADIUS = 0.09
_SHELLS = (0.97, 0.98, 0.99, 1.0)  # a sphere's field does not depend on them; they hold the eyes
PATCH = 0.012  # m from a place's centre to its outer dipoles: responses are broad in space
RESPONSE_SPAN = 0.6  # s after word onset within which every response ends

# Name: (offset of the centre from ORIGIN, direction of the current), both in millimetres; the
# part of the direction along the radius is taken away, since it gives no field in a sphere.
PLACES = {
    "occipital_left": ((-18, -54, 8), (6, 2, 1)),
    "occipital_right": ((18, -54, 8), (6, -2, 1)),
    "temporal_left": ((-52, -8, 2), (0, -2, 6)),
    "temporal_right": ((52, -8, 2), (0, 2, 6)),
    "anterior_temporal_left": ((-42, 28, -4), (2, 4, -5)),
    "posterior_temporal_right": ((44, -34, 6), (2, 3, 5)),
    "frontal_left": ((-40, 34, 20), (4, 4, -1)),
    "frontal_right": ((40, 34, 20), (4, -4, 2)),
    "frontal_medial": ((4, 50, 26), (6, 0, 1)),
    "parietal_left": ((-32, -26, 40), (3, -6, 0)),
    "parietal_right": ((30, -34, 38), (4, 4, 1)),
    "motor_left": ((-34, 6, 44), (2, 6, 1)),
}


@dataclass(frozen=True)
class Component:
    """A response component: the truth table's column that drives it, its places, its window."""

    name: str
    regressor: str
    places: tuple[str, ...]
    window: tuple[float, float]


RATE = (
    Component("onset_visual", "onset", ("occipital_left", "occipital_right"), (0.06, 0.18)),
    Component("onset_late", "onset", ("temporal_left", "temporal_right"), (0.14, 0.32)),
)
LENGTH = (Component("length", "length", ("occipital_left", "occipital_right"), (0.09, 0.22)),)
_LM_PLACES = (
    ("temporal_left", "frontal_left"),
    ("anterior_temporal_left", "parietal_left"),
    ("temporal_left", "temporal_right"),
    ("frontal_left", "frontal_right"),
    ("temporal_left", "parietal_left"),
    ("frontal_left", "posterior_temporal_right"),
)
_LM_WINDOWS = ((0.20, 0.36), (0.24, 0.40), (0.16, 0.32), (0.24, 0.40), (0.26, 0.42), (0.20, 0.36))
LM = tuple(
    Component(f"lm_{k + 1}", f"lm_{k + 1}", _LM_PLACES[k], _LM_WINDOWS[k])
    for k in range(LM_PROJECTIONS)
)
DOMAINS = {
    "social_emotional": Component(
        "social_emotional", "social_emotional", ("temporal_right", "frontal_medial"), (0.28, 0.44)
    ),
    "figurative": Component(
        "figurative", "figurative", ("frontal_right", "posterior_temporal_right"), (0.30, 0.45)
    ),
    "physical": Component("physical", "physical", ("motor_left", "parietal_right"), (0.26, 0.42)),
}


@dataclass(frozen=True)
class Source:
    """One person's version of a component.

    positions, orientations
        Dipoles x 3, metres and unit vectors, head coordinates.
    window
        Seconds after word onset.
    gain
        This person's strength relative to the cohort's.
    """

    component: Component
    positions: np.ndarray
    orientations: np.ndarray
    window: tuple[float, float]
    gain: float


def component_groups(planted_domains: list[str]) -> dict[str, tuple[Component, ...]]:
    """Components by the name whose strength they share: onset, length, lm, each domain.

    Raises
    ------
    LmbrainError
        If a domain has no place in the simulated brains.
    """
    unknown = [d for d in planted_domains if d not in DOMAINS]
    if unknown:
        raise LmbrainError(
            f"The simulated brains have no place for the domain {unknown[0]!r}; "
            f"planted_domains may name {', '.join(DOMAINS)}."
        )
    return {
        "onset": RATE,
        "length": LENGTH,
        "lm": LM,
        **{domain: (DOMAINS[domain],) for domain in planted_domains},
    }


def make_source(component: Component, rng: np.random.Generator | None) -> Source:
    """A component in one person.

    Parameters
    ----------
    component
        What is shared.
    rng
        Draws the person's jitters: 3 mm in each direction a place, 8 degrees of orientation,
        8 ms of latency, 15% of gain (standard deviations). None: the shared version itself.
    """
    positions, orientations = [], []
    for place in component.places:
        centre, direction = (np.array(v, float) for v in PLACES[place])
        centre = centre / 1000
        angle = 0.0
        if rng is not None:
            centre = centre + rng.normal(scale=0.003, size=3)
            angle = rng.normal(scale=np.deg2rad(8))
        first, second = _tangents(centre, direction)
        turned = np.cos(angle) * first + np.sin(angle) * second
        for step in (first, -first, second, -second):
            positions.append(ORIGIN + centre + PATCH * step)
            orientations.append(_tangents(positions[-1] - ORIGIN, turned)[0])
    latency, gain = 0.0, 1.0
    if rng is not None:
        latency, gain = rng.normal(scale=0.008), float(np.exp(rng.normal(scale=0.15)))
    start, stop = component.window
    return Source(
        component,
        np.array(positions),
        np.array(orientations),
        (float(start + latency), float(stop + latency)),
        gain,
    )


def time_course(window: tuple[float, float], sampling_rate: float) -> np.ndarray:
    """Raised cosine over a window, sampled from word onset on; 0 outside, 1 at the middle."""
    start, stop = window
    times = np.arange(round(RESPONSE_SPAN * sampling_rate)) / sampling_rate
    phase = (times - start) / (stop - start)
    inside = (phase > 0) & (phase < 1)
    return np.where(inside, 0.5 - 0.5 * np.cos(2 * np.pi * phase), 0.0)


def dipole_gain(info: mne.Info, positions: np.ndarray, orientations: np.ndarray) -> np.ndarray:
    """Field of unit current dipoles at sensors and references, given the head position in `info`.

    Parameters
    ----------
    info
        With `dev_head_t`.
    positions, orientations
        Dipoles x 3, metres and unit vectors, head coordinates.

    Returns
    -------
    Sensors x dipoles, in T/Am and, for planar gradiometers, T/m/Am; references, which lie too far
    to see the brain, have 0.
    """
    n = len(positions)
    dipoles = mne.Dipole(
        times=np.zeros(n),
        pos=np.asarray(positions, float),
        amplitude=np.ones(n),
        ori=np.asarray(orientations, float),
        gof=np.ones(n),
        verbose="error",
    )
    sphere = mne.make_sphere_model(
        r0=ORIGIN, head_radius=HEAD_RADIUS, relative_radii=_SHELLS, verbose="error"
    )
    meg = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False))
    forward, _ = mne.make_forward_dipole(dipoles, sphere, meg, verbose="error")
    gain = forward["sol"]["data"]
    references = len(mne.pick_types(info, meg=False, ref_meg=True))
    return np.vstack([gain, np.zeros((references, n))]) if references else gain


def topographies(info: mne.Info, sources: list[Source]) -> np.ndarray:
    """Sensors x sources: field of each source when its dipoles share a current of 1 Am."""
    gain = dipole_gain(
        info,
        np.concatenate([s.positions for s in sources]),
        np.concatenate([s.orientations for s in sources]),
    )
    owner = np.repeat(np.arange(len(sources)), [len(s.positions) for s in sources])
    return np.stack([gain[:, owner == k].mean(axis=1) for k in range(len(sources))], axis=1)


def _tangents(offset: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two orthogonal unit vectors on the sphere at `offset`, the first along `direction`."""
    radius = offset / np.linalg.norm(offset)
    first = direction - radius * (direction @ radius)
    first = first / np.linalg.norm(first)
    return first, np.cross(radius, first)
