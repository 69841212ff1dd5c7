"""A MEG-BIDS folder: the words table over all people and runs, and each person's onsets.

Where files are: `bids_layout`; reading an events file: `bids_events`; opening a recording:
`bids_recording`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmbrain.datasets.bids_events import read_events, words_of_run
from lmbrain.datasets.bids_layout import events_path, recording_files, recording_path
from lmbrain.errors import LmbrainError
from lmbrain.words import number_sentences

if TYPE_CHECKING:
    import mne

Recordings = Mapping[str, Mapping[str, str | None]]
Lacking = Mapping[str, Sequence[str]]
OPENING = 30  # words; two runs that begin with the same ones present the same story


def words_table(
    root: str | Path,
    subjects: Sequence[str],
    recordings: Recordings,
    lacking: Lacking,
    story: str,
    story_per: str | None,
    **events: Any,
) -> pd.DataFrame:
    """The study's words table, after checking that all subjects were shown the same items.

    Onsets and durations are those of the first subject; each subject's own onsets come from
    `words_of_run` or from the trigger channel. The user's columns must be equal for all subjects.

    Parameters
    ----------
    root
        Folder of the data set.
    subjects
        Labels.
    recordings
        Entities (session, task, run) of each run, by its label, in the story's order.
    lacking
        Runs that a person was not recorded in.
    story
        Name of the story.
    story_per
        Entity (session, task, run) whose every value is a story of its own, named
        `{story}_{value}`; None: one story, or those named in the events.
    **events
        How to read events files (`words_of_run`).

    Raises
    ------
    LmbrainError
        If a file is missing, a subject's items differ (names subject, run, row, expected and
        found text), or two runs present the same words.
    """
    parts = {}
    for run, entities in recordings.items():
        people = [s for s in subjects if run in recordings_of(s, recordings, lacking)]
        if not people:
            raise LmbrainError(f"data.missing leaves nobody for run {run}; correct it.")
        name = story if story_per is None else f"{story}_{entities[story_per]}"
        tables = (
            words_of_run(read_events(events_path(root, s, **entities)), name, run, **events)
            for s in people
        )
        expected = next(tables)
        for subject, found in zip(people[1:], tables, strict=True):
            _check_same_items(people[0], expected, subject, found, run)
            _check_same_columns(people[0], expected, subject, found, run, events["user_columns"])
        parts[run] = expected.drop(columns="value", errors="ignore")
    _check_no_repeats(parts)
    by_punctuation = events["sentence_column"] is None and events["sentence_pause"] is None
    return _joined(list(parts.values()), by_punctuation)


def missing_recordings(
    root: str | None, subjects: Sequence[str], recordings: Recordings, lacking: Lacking
) -> list[str]:
    """A sentence for each recording or events file that is not there and not named as lacking."""
    if root is None:
        return [
            "data.bids.root: the folder of the BIDS data set; name it in the config, or set the "
            "environment variable LMBRAIN_DATA to the folder that holds one named like the study."
        ]
    sentences = []
    for subject in subjects:
        for run in recordings_of(subject, recordings, lacking):
            for find in (_recording_files, events_path):
                try:
                    find(root, subject, **recordings[run])
                except LmbrainError as error:
                    sentences.append(str(error))
    return sentences


def recordings_of(subject: str, recordings: Recordings, lacking: Lacking) -> list[str]:
    """Labels of the runs that a person was recorded in."""
    return [run for run in recordings if run not in lacking.get(subject, ())]


def item_onsets(
    raw: mne.io.BaseRaw,
    *,
    root: str | Path,
    subject: str,
    run: str,
    entities: Mapping[str, str | None],
    events: Mapping[str, Any],
    trigger_channel: str | None,
    tolerance: float,
) -> np.ndarray:
    """One person's onset of every item of a run, seconds after the recording's first sample.

    From the events file; where a trigger channel is named, from its triggers, checked against the
    events file.

    Parameters
    ----------
    raw
        The run's recording.
    tolerance
        Largest difference (s) between a trigger and its event.

    Raises
    ------
    LmbrainError
        If the triggers do not fit the events.
    """
    from lmbrain.meg.word_locked import align_triggers, trigger_onsets

    read = read_events(events_path(root, subject, **entities))
    items = words_of_run(read, "", run, **events)
    onsets = items["onset"].to_numpy(float)
    if trigger_channel is None:
        return onsets
    source = f"Subject {subject}, run {run}"
    triggers = trigger_onsets(raw, trigger_channel, _trigger_codes(items, source))
    return align_triggers(triggers, onsets, tolerance, source)


def _trigger_codes(items: pd.DataFrame, source: str) -> set[int] | None:
    """Codes that stand for items (others, of button presses say, do not); None: any code."""
    if "value" not in items:
        return None
    codes = pd.to_numeric(items["value"], errors="coerce")
    if codes.isna().any():
        row = int(codes.isna().to_numpy().argmax())
        raise LmbrainError(
            f"{source}: the value of item {row + 1} in the events file is "
            f"{items['value'].iloc[row]!r}, not a trigger code; correct it, or set "
            "timing.trigger_channel to null."
        )
    return set(codes.astype(int))


def _check_same_items(
    first: str, expected: pd.DataFrame, subject: str, found: pd.DataFrame, run: str
) -> None:
    common = min(len(expected), len(found))
    columns = ["text", "is_word", "story"]
    differs = (expected[columns][:common].to_numpy() != found[columns][:common].to_numpy()).any(1)
    if not differs.any() and len(expected) == len(found):
        return
    row = int(differs.argmax()) if differs.any() else common
    raise LmbrainError(
        f"Subject {subject}, run {run}, item {row + 1}: expected {_shown(expected, row)} as for "
        f"subject {first}, found {_shown(found, row)} ({len(expected)} items against "
        f"{len(found)}); mend the events file, or list the subject under data.exclude."
    )


def _check_same_columns(
    first: str,
    expected: pd.DataFrame,
    subject: str,
    found: pd.DataFrame,
    run: str,
    user_columns: Sequence[str],
) -> None:
    for column in user_columns:
        differs = (expected[column] != found[column]) & expected["is_word"]
        if differs.any():
            row = int(differs.to_numpy().argmax())
            raise LmbrainError(
                f"Subject {subject}, run {run}, item {row + 1}: {column} is "
                f"{found[column][row]!r}, but {expected[column][row]!r} for subject {first}; a "
                "column named in features.user_columns must be the same for all."
            )


def _shown(items: pd.DataFrame, row: int) -> str:
    if row >= len(items):
        return "no more items"
    return f"the {'word' if items['is_word'][row] else 'non-word'} {items['text'][row]!r}"


def _check_no_repeats(parts: Mapping[str, pd.DataFrame]) -> None:
    """Refuse a story presented twice: its words would be in training and test at once."""
    spoken = {
        run: part.loc[part["is_word"], "text"].str.lower().tolist() for run, part in parts.items()
    }
    for first, second in combinations(spoken, 2):
        begin = min(len(spoken[first]), len(spoken[second]), OPENING)
        if spoken[first][:begin] == spoken[second][:begin]:
            raise LmbrainError(
                f"Runs {first} and {second} present the same words (from "
                f"{' '.join(spoken[first][:5])} ...): they would train and test the same model; "
                "keep one of them in data.bids (sessions, tasks, runs)."
            )


def _joined(parts: Sequence[pd.DataFrame], by_punctuation: bool) -> pd.DataFrame:
    """All runs in one table, items and sentences numbered through."""
    words = pd.concat(parts, ignore_index=True)
    words["item"] = np.arange(len(words))
    if by_punctuation:  # a sentence may go on in the next run
        words["sentence"] = number_sentences(
            words["text"].tolist(), words["is_word"].to_numpy(bool), words["story"].tolist()
        )
        return words
    counts = [part["sentence"].max() + 1 for part in parts]
    before = np.repeat(np.cumsum([0, *counts[:-1]]), [len(part) for part in parts])
    words["sentence"] += np.where(words["sentence"] >= 0, before, 0)
    return words


def _recording_files(
    root: str | Path, subject: str, session: str | None, task: str, run: str | None
) -> list[Path]:
    return recording_files(recording_path(root, subject, session, task, run))
