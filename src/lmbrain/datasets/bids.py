"""A MEG-BIDS folder: the words table over all people and runs.

Where files are: `bids_layout`; reading an events file: `bids_events`; opening a recording:
`bids_recording`; each person's onsets: `bids_onsets`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lmbrain.datasets.bids_events import read_events, words_of_run
from lmbrain.datasets.bids_layout import events_path, recording_files, recording_path
from lmbrain.errors import LmbrainError
from lmbrain.words import number_sentences

Recordings = Mapping[str, Mapping[str, str | None]]
Lacking = Mapping[str, Sequence[str]]
REPEATED = 30  # words; two runs that share as many in a row present the same story


def words_table(
    root: str | Path,
    subjects: Sequence[str],
    recordings: Recordings,
    presentations: Mapping[str, Sequence[str]],
    lacking: Lacking,
    story: str,
    story_per: str | None,
    words_file: str | None = None,
    **events: Any,
) -> pd.DataFrame:
    """The study's words table, after checking that all subjects were shown the same items.

    Onsets and durations are those of the first subject; each subject's own onsets come from
    `bids_onsets.item_onsets`. The user's columns must be equal for all subjects.

    Parameters
    ----------
    root
        Folder of the data set.
    subjects
        Labels.
    recordings
        Entities (session, task, run) of each run, by its label, in the story's order.
    presentations
        Labels of the runs that present the same items, by the first's, which the table bears.
    lacking
        Runs that a person was not recorded in.
    story
        Name of the story.
    story_per
        Entity (session, task, run) whose every value is a story of its own, named
        `{story}_{value}`; None: one story, or those named in the events.
    words_file
        Table read in place of each events file (`items_path`); None: the events files.
    **events
        How to read events files (`words_of_run`).

    Raises
    ------
    LmbrainError
        If a file is missing, a subject's items differ (names subject, run, row, expected and
        found text), or two runs present the same words.
    """
    parts = {}
    for run, labels in presentations.items():
        recorded = [
            (subject, label)
            for label in labels
            for subject in subjects
            if label in recordings_of(subject, recordings, lacking)
        ]
        if not recorded:
            raise LmbrainError(f"data.missing leaves nobody for run {run}; correct it.")
        name = story_name(story, story_per, recordings[run])
        tables = (
            words_of_run(
                read_events(items_path(root, s, label, recordings[label], name, words_file)),
                name,
                run,
                **events,
            )
            for s, label in recorded
        )
        first, expected = recorded[0], next(tables)
        for other, found in zip(recorded[1:], tables, strict=True):
            _check_same_items(first, expected, other, found)
            _check_same_columns(first, expected, other, found, events["user_columns"])
        parts[run] = expected.drop(columns="value", errors="ignore")
    _check_no_repeats(parts)
    by_punctuation = events["sentence_column"] is None and events["sentence_pause"] is None
    return _joined(list(parts.values()), by_punctuation)


def story_name(story: str, story_per: str | None, entities: Mapping[str, str | None]) -> str:
    """Name of a run's story."""
    return story if story_per is None else f"{story}_{entities[story_per]}"


def named_path(
    root: str | Path,
    pattern: str,
    subject: str,
    run: str,
    entities: Mapping[str, str | None],
    story: str,
) -> Path:
    """A file below the data set (or anywhere, if absolute) with a recording's names filled in.

    Parameters
    ----------
    pattern
        Path with `{subject}`, `{session}`, `{task}`, `{run}` (as in BIDS names), `{label}` (the
        run's in the words table) and `{story}`.
    run
        The run's label.
    entities
        Its session, task and run in BIDS names; None where names have no such entity.

    Raises
    ------
    LmbrainError
        If the pattern has an unknown name between braces, or an entity that the run has not.
    """
    names = {"subject": subject, "label": run, "story": story}
    names |= {entity: value for entity, value in entities.items() if value is not None}
    try:
        return Path(root) / pattern.format_map(names)
    except (KeyError, ValueError, IndexError, AttributeError):
        raise LmbrainError(
            f"{pattern!r} under timing.audio has more between braces than "
            f"{', '.join('{' + name + '}' for name in names)}; correct it in the config."
        ) from None


def items_path(
    root: str | Path,
    subject: str,
    run: str,
    entities: Mapping[str, str | None],
    story: str,
    words_file: str | None,
) -> Path:
    """The table that lists the items of a run: its events file, or the one named in its place.

    Parameters
    ----------
    words_file
        Path with names to be filled in (`named_path`); None: the events file.
    """
    if words_file is None:
        return events_path(root, subject, **entities)
    return named_path(root, words_file, subject, run, entities, story)


def item_files(
    root: str | Path,
    subject: str,
    run: str,
    entities: Mapping[str, str | None],
    story: str,
    audio: Mapping[str, Any],
) -> list[Path]:
    """All that a run's items and their onsets are read from, but the recording.

    Parameters
    ----------
    audio
        The config's section timing.audio.

    Raises
    ------
    LmbrainError
        If a file is missing.
    """
    patterns = [audio[key] for key in ("words", "anchors", "sound") if audio[key] is not None]
    files = [named_path(root, pattern, subject, run, entities, story) for pattern in patterns]
    for path in files:
        if not path.is_file():
            raise LmbrainError(
                f"{path} does not exist; add it, or correct timing.audio in the config."
            )
    if audio["words"] is None or audio["anchor_kinds"]:
        files.append(events_path(root, subject, **entities))
    return files


def missing_recordings(
    root: str | None,
    subjects: Sequence[str],
    recordings: Recordings,
    lacking: Lacking,
    story: str,
    story_per: str | None,
    audio: Mapping[str, Any],
) -> list[str]:
    """A sentence for each run's recording, and its files, not there and not named as lacking."""
    if root is None:
        return [
            "data.bids.root: the folder of the BIDS data set; name it in the config, or set the "
            "environment variable LMBRAIN_DATA to the folder that holds one named like the study."
        ]
    if not Path(root).is_dir():
        return [f"{root}: the folder of the BIDS data set; add it, or correct data.bids.root."]
    sentences = []
    for subject in subjects:
        if not (Path(root) / f"sub-{subject}").is_dir():
            sentences.append(
                f"{root} holds no folder sub-{subject}; add it, or correct data.subjects."
            )
            continue
        for run in recordings_of(subject, recordings, lacking):
            entities = recordings[run]
            name = story_name(story, story_per, entities)
            try:
                recording_files(recording_path(root, subject, **entities))
            except LmbrainError as error:
                sentences.append(str(error))
            try:
                item_files(root, subject, run, entities, name, audio)
            except LmbrainError as error:
                sentences.append(str(error))
    return sentences


def recordings_of(subject: str, recordings: Recordings, lacking: Lacking) -> list[str]:
    """Labels of the runs that a person was recorded in."""
    return [run for run in recordings if run not in lacking.get(subject, ())]


def _check_same_items(
    first: tuple[str, str], expected: pd.DataFrame, other: tuple[str, str], found: pd.DataFrame
) -> None:
    """Compare two people (or a person's two presentations), each a subject and a run."""
    common = min(len(expected), len(found))
    columns = ["text", "is_word", "story"]
    differs = (expected[columns][:common].to_numpy() != found[columns][:common].to_numpy()).any(1)
    if not differs.any() and len(expected) == len(found):
        return
    row = int(differs.argmax()) if differs.any() else common
    raise LmbrainError(
        f"Subject {other[0]}, run {other[1]}, item {row + 1}: expected {_shown(expected, row)} as "
        f"for {_named(first, other)}, found {_shown(found, row)} ({len(expected)} items against "
        f"{len(found)}); mend the events file, or list the subject under data.exclude."
    )


def _check_same_columns(
    first: tuple[str, str],
    expected: pd.DataFrame,
    other: tuple[str, str],
    found: pd.DataFrame,
    user_columns: Sequence[str],
) -> None:
    for column in user_columns:
        differs = (expected[column] != found[column]) & expected["is_word"]
        if differs.any():
            row = int(differs.to_numpy().argmax())
            raise LmbrainError(
                f"Subject {other[0]}, run {other[1]}, item {row + 1}: {column} is "
                f"{found[column][row]!r}, but {expected[column][row]!r} for "
                f"{_named(first, other)}; a column named in features.user_columns must be the "
                "same for all."
            )


def _named(first: tuple[str, str], other: tuple[str, str]) -> str:
    """The first of two people, with the run where it is not the other's."""
    return f"subject {first[0]}" + ("" if first[1] == other[1] else f" in run {first[1]}")


def _shown(items: pd.DataFrame, row: int) -> str:
    if row >= len(items):
        return "no more items"
    return f"the {'word' if items['is_word'][row] else 'non-word'} {items['text'][row]!r}"


def _check_no_repeats(parts: Mapping[str, pd.DataFrame]) -> None:
    """Refuse a story presented twice: its words would be in training and test at once."""
    spoken = {
        run: part.loc[part["is_word"], "text"].str.lower().tolist() for run, part in parts.items()
    }
    stretches = {run: _stretches(words) for run, words in spoken.items()}
    for first, second in combinations(spoken, 2):
        shared = next((words for words in stretches[first] if words in stretches[second]), None)
        if shared is not None:
            raise LmbrainError(
                f"Runs {first} and {second} present the same words (from "
                f"{' '.join(shared[:5])} ...): they would train and test the same model; "
                "name the entity that repeats them in data.bids.repeats, or keep one of them in "
                "data.bids (sessions, tasks, runs)."
            )


def _stretches(words: Sequence[str]) -> dict[tuple[str, ...], None]:
    """All stretches of a run that tell a repeat, in order; of a short run the whole."""
    last = max(len(words) - REPEATED, 0)
    return {tuple(words[i : i + REPEATED]): None for i in range(last + 1)}


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
