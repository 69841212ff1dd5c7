"""Stretches in which many sensors are stuck, as they are at the end of the electronics' range.

`mne.preprocessing.annotate_amplitude` marks a stretch as soon as one sensor is stuck, and needs
the whole run in memory; here a share of the sensors must be, and the run is read piece by piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import mne
import numpy as np

from lmbrain.errors import LmbrainError

NAME = "BAD_saturated"
# Over these no filter may run: gaps of the recording, saturated stretches, and the seams of joined
# recordings, which last 0 s.
SKIPPED = ("edge", "bad_acq_skip", NAME.lower())
# T/m and T between samples; the limits of mne.preprocessing.find_bad_channels_maxwell.
STUCK = {"grad": 0.01e-13, "mag": 0.01e-15}
MOST_DEAD = 0.25  # of the sensors; if more never change, the run is at fault and not they
PIECE = 10.0  # s read at a time
Settings = Mapping[str, Any]


def annotate_saturation(
    raw: mne.io.BaseRaw, source: str, settings: Settings, left_out: Sequence[str] = ()
) -> float:
    """Annotate a recording's saturated stretches as `BAD_saturated`, in place.

    A sensor is stuck while consecutive samples differ by less than STUCK for at least
    `min_duration`. Words in an annotated stretch are lost, and filters stop at it. A sensor that is
    still in the whole run is dead and does not count, unless more than a quarter are.

    Parameters
    ----------
    raw
        The recording; need not be loaded.
    source
        Its name, for the message.
    settings
        `share` (0 to 1; None looks for none): of the sensors that count, so many must be stuck at
        the same time; `min_duration` (s); `margin` (s): annotated on either side, as the
        electronics settle; `most` (0 to 1): share of the run that may be saturated.
    left_out
        Sensors that do not count, besides those marked as bad in the recording.

    Returns
    -------
    Seconds annotated.

    Raises
    ------
    LmbrainError
        If more than `most` of the run is saturated.
    """
    if settings["share"] is None:
        return 0.0
    rate = raw.info["sfreq"]
    shortest = max(1, round(settings["min_duration"] * rate))
    saturated = _saturated(raw, settings["share"], shortest, left_out)
    part = float(saturated.mean())
    if part > settings["most"]:
        raise LmbrainError(
            f"{source} is saturated: for {100 * part:.0f}% of its {raw.times[-1]:.0f} s at least "
            f"{100 * settings['share']:g}% of the sensors are stuck; name the run under "
            "data.missing for this person, or raise preprocessing.saturation.most."
        )
    saturated = _widened(saturated, round(settings["margin"] * rate))
    starts, stops = _stretches(saturated)
    # Appended, not set anew: that would move the annotations of recordings without a date.
    raw.annotations.append(starts / rate + raw.first_time, (stops - starts) / rate, NAME)
    return round(float(saturated.sum() / rate), 3)


def usable(raw: mne.io.BaseRaw) -> list[tuple[int, int]]:
    """Stretches [start, stop) in samples that no annotation of SKIPPED interrupts."""
    good, seams = np.ones(len(raw.times), bool), set()
    for note in raw.annotations:
        if note["description"].lower().startswith(SKIPPED):
            start = round((note["onset"] - raw.first_time) * raw.info["sfreq"])
            stop = start + round(note["duration"] * raw.info["sfreq"])
            good[max(start, 0) : max(stop, 0)] = False
            if start == stop:
                seams.add(start)
    return [
        piece
        for start, stop in zip(*(edges.tolist() for edges in _stretches(good)), strict=True)
        for piece in pairwise([start, *sorted(s for s in seams if start < s < stop), stop])
    ]


def _saturated(
    raw: mne.io.BaseRaw, share: float, shortest: int, left_out: Sequence[str]
) -> np.ndarray:
    """Whether at each sample at least the share of sensors is stuck (samples,)."""
    kinds = [kind for kind in STUCK if kind in raw]
    bad = [*raw.info["bads"], *left_out]
    names = {kind: mne.pick_types(raw.info, kind, ref_meg=False, exclude=bad) for kind in kinds}
    picks = np.concatenate(list(names.values()))
    limits = np.concatenate([np.full(len(names[kind]), STUCK[kind]) for kind in kinds])[:, None]
    samples, step = len(raw.times), round(PIECE * raw.info["sfreq"])
    number, dead = np.zeros(samples, int), np.ones(len(picks), bool)
    for start in range(0, samples, step):
        # Wide enough to see whole what ends or begins inside the piece.
        first, last = max(0, start - shortest), min(samples, start + step + shortest)
        data = raw.get_data(picks, first, last, verbose="error")
        still = np.abs(np.diff(data)) <= limits
        dead &= still.all(axis=1)
        counts = np.zeros(last - first, int)
        for one in still[still.any(axis=1)]:
            for begin, end in zip(*_stretches(one), strict=True):
                if end - begin >= shortest:
                    counts[begin : end + 1] += 1
        stop = min(samples, start + step)
        number[start:stop] = counts[start - first : stop - first]
    if dead.sum() > MOST_DEAD * len(dead):
        dead[:] = False
    number -= dead.sum()  # they were counted at every sample
    return number >= max(1, share * (~dead).sum())


def _widened(marked: np.ndarray, samples: int) -> np.ndarray:
    wide = marked.copy()
    for start, stop in zip(*_stretches(marked), strict=True):
        wide[max(0, start - samples) : stop + samples] = True
    return wide


def _stretches(marked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First samples of the stretches marked, and the first after each."""
    edges = np.diff(np.concatenate([[False], marked, [False]]).astype(int))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
