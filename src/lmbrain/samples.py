"""The samples of a study: their story and run, and where in the story they lie.

All people have a row for each; which of these somebody was recorded for (`usable`) is a matter of
that person (`lmbrain.encoding.folds.Folds.of_person`).

Continuous samples carry seconds of their run's clock. For distances inside a story its runs are
laid end to end (the story's clock), because contexts cross from one run into the next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.errors import LmbrainError

# Share of the sampling interval by which a step may differ from it (rounded or jittered clocks).
_JITTER = 0.05


@dataclass(frozen=True)
class Samples:
    """Samples (n) of the study, and the items (m) of the words table on the same scale.

    Attributes
    ----------
    story, run : (n,) str
    position : (n,) float
        Number of the word in its story (other items do not count, as in the context window) for
        word-locked responses; seconds on the story's clock for continuous ones.
    usable : (n,) bool
        Usable in at least one person.
    item_position : (m,) float
        Of each item of the words table.
    """

    story: np.ndarray
    run: np.ndarray
    position: np.ndarray
    usable: np.ndarray
    item_position: np.ndarray

    def trimmed(self, start: float, stop: float) -> Samples:
        """Make samples unusable at both ends of each story (of each of its runs).

        Parameters
        ----------
        start, stop : float
            Samples less than `start` after the first sample or less than `stop` before the last
            one are not used; seconds.

        Raises
        ------
        LmbrainError
            If a run is left without a usable sample.
        """
        usable = self.usable.copy()
        segment = segment_names(self.story, self.run)
        for name in pd.unique(segment):
            rows = segment == name
            from_start = self.position - self.position[rows].min()
            to_stop = self.position[rows].max() - self.position
            usable &= ~rows | ((from_start >= start - 1e-9) & (to_stop >= stop - 1e-9))
            if not usable[rows].any():
                raise LmbrainError(
                    f"encoding.trim of {start:g} s and {stop:g} s leaves no usable sample of "
                    f"{_said(name)}; shorten it."
                )
        return replace(self, usable=usable)


def segment_names(story: np.ndarray, run: np.ndarray) -> np.ndarray:
    """(n,) str, one name for each story in each run: the stretches inside which time is one."""
    joined = np.char.add(np.asarray(story, str), "\t")
    return np.char.add(joined, np.asarray(run, str))


def common_samples(people: list[xr.DataArray], words: pd.DataFrame, sources: list[str]) -> Samples:
    """Bring the samples of the study and the words to one scale.

    Parameters
    ----------
    people
        Responses (sample, sensor, time) with `usable`. Continuous ones have `seconds` (sample,)
        of their run's clock, and `story` and `run` (sample,) unless the words table has only one.
    words
        The words table.
    sources
        The people's files, for messages.

    Raises
    ------
    LmbrainError
        If people differ in their samples, these do not fit the words, a clock has gaps, or nobody
        has a usable sample of a run.
    """
    first, is_continuous = people[0], "seconds" in people[0].coords
    expected = len(first.sample) if is_continuous else len(words)
    for person, source in zip(people, sources, strict=True):
        if len(person.sample) != expected:
            raise LmbrainError(
                f"{source} holds {len(person.sample)} samples, expected {expected}; make it "
                "again, or exclude the subject in the config."
            )
        for name in ("seconds", "story", "run"):
            if not _same(first, person, name):
                raise LmbrainError(
                    f"{source} differs from {sources[0]} in the {name} of its samples; make it "
                    "again, or exclude the subject in the config."
                )
    usable = np.logical_or.reduce([person["usable"].to_numpy() for person in people])
    if not is_continuous:
        count = words.groupby("story", sort=False)["is_word"].cumsum().to_numpy(float)
        story, run = words["story"].to_numpy(str), words["run"].to_numpy(str)
        _check_runs(segment_names(story, run), usable, words["is_word"].to_numpy(bool))
        return Samples(story, run, count, usable, count)
    story, run = _story_and_run(first, words, sources[0])
    _check_runs(segment_names(story, run), usable, np.ones(len(usable), bool))
    position, item_position = _story_clock(
        first["seconds"].to_numpy().astype(float), segment_names(story, run), words, sources[0]
    )
    return Samples(story, run, position, usable, item_position)


def _check_runs(segment: np.ndarray, usable: np.ndarray, needed: np.ndarray) -> None:
    """Refuse a run with samples, all of which everybody lacks."""
    for name in pd.unique(segment[needed]):
        if not usable[segment == name].any():
            raise LmbrainError(
                f"Nobody has a usable response to {_said(name)}; add a subject who was recorded "
                "there, or take that part out of the words table."
            )


def _same(first: xr.DataArray, person: xr.DataArray, name: str) -> bool:
    if name not in first.coords or name not in person.coords:
        return (name in first.coords) == (name in person.coords)
    return bool(np.array_equal(first[name].to_numpy(), person[name].to_numpy()))


def _story_and_run(
    responses: xr.DataArray, words: pd.DataFrame, source: str
) -> tuple[np.ndarray, np.ndarray]:
    """Story and run of each continuous sample; the words' only one where there is no choice."""
    labels = []
    for name in ("story", "run"):
        known = words[name].unique()
        if name in responses.coords:
            labels.append(responses[name].to_numpy().astype(str))
        elif len(known) == 1:
            labels.append(np.full(len(responses.sample), known[0], dtype=f"<U{len(known[0])}"))
        else:
            raise LmbrainError(
                f"{source} does not say which {name} each sample belongs to, and the words table "
                f"has {len(known)}; give the responses a coordinate '{name}'."
            )
    return labels[0], labels[1]


def _story_clock(
    seconds: np.ndarray, segment: np.ndarray, words: pd.DataFrame, source: str
) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of samples and items with the runs of each story laid end to end.

    The first run keeps its clock; each later one starts a sampling interval after the last sample
    of the one before.
    """
    item_segment = segment_names(words["story"].to_numpy(str), words["run"].to_numpy(str))
    for given, other, lack in (
        (segment, item_segment, "samples of {} but the words table has no item there"),
        (item_segment, segment, "no sample of {}, where the words table has items"),
    ):
        lost = [name for name in pd.unique(given) if name not in set(other)]
        if lost:
            raise LmbrainError(
                f"{source} holds {lack.format(_said(lost[0]))}; correct the labels of the "
                "responses or the words table."
            )
    interval = _interval(seconds, segment, source)
    position, items = seconds.copy(), words["onset"].to_numpy(float).copy()
    ends: dict[str, float] = {}
    for name in pd.unique(item_segment):
        rows, story = segment == name, name.split("\t")[0]
        if story in ends:
            offset = ends[story] + interval - seconds[rows].min()
            position[rows] += offset
            items[item_segment == name] += offset
        ends[story] = position[rows].max()
    return position, items


def _interval(seconds: np.ndarray, segment: np.ndarray, source: str) -> float:
    """The sampling interval, in seconds; refused where a run's samples are not equally spaced."""
    steps = {name: np.diff(seconds[segment == name]) for name in pd.unique(segment)}
    interval = float(np.median(np.concatenate(list(steps.values()))))
    for name, found in steps.items():
        wrong = np.abs(found - interval) > _JITTER * interval
        if interval <= 0 or wrong.any():
            row = np.flatnonzero(segment == name)[int(wrong.argmax()) + 1]
            raise LmbrainError(
                f"{source}, row {row + 1} ({_said(name)}): samples do not follow each other every "
                f"{interval:g} s; put them in order of time and mark missing ones as not usable."
            )
    return interval


def _said(segment: str) -> str:
    story, run = segment.split("\t")
    return f"story {story}, run {run}"
