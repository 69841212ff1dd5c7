"""A MEG-BIDS folder: recordings, events, and the words table made from the events.

Events files are read here, not through MNE's annotations: mne-bids renames repeated trial types,
re-quotes apostrophes and drops rows, and a table reader's defaults turn the words null and NA
into missing values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmbrain.artefacts import read_table
from lmbrain.errors import LmbrainError
from lmbrain.words import make_words, number_sentences

if TYPE_CHECKING:
    import mne
    import mne_bids

MISSING = ("", "n/a")
Recordings = Mapping[str, Mapping[str, str | None]]
Lacking = Mapping[str, Sequence[str]]


def recording_path(
    root: str | Path, subject: str, session: str | None, task: str, run: str | None
) -> Path:
    """Path of one run's FIF recording (the first part of a split one).

    Raises
    ------
    LmbrainError
        If the folder or the recording is missing; names what the folder holds instead.
    """
    whole = _bids_path(root, subject, session, task, run, "meg", ".fif")
    for candidate in (whole, whole.copy().update(split="01", check=False)):
        if Path(candidate.fpath).is_file():
            return Path(candidate.fpath)
    found = sorted(p.name for p in Path(whole.directory).glob("*_meg.*"))
    raise LmbrainError(
        f"{whole.fpath} does not exist; correct data.subjects or data.bids (tasks, runs) in the "
        f"config, or add the recording (its folder holds {', '.join(found) or 'no recording'})."
    )


def events_path(
    root: str | Path, subject: str, session: str | None, task: str, run: str | None
) -> Path:
    """Path of one run's `*_events.tsv`.

    Raises
    ------
    LmbrainError
        If the folder or the file is missing.
    """
    path = Path(_bids_path(root, subject, session, task, run, "events", ".tsv").fpath)
    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; add it, or correct data.bids in the config.")
    return path


def calibration_paths(root: str | Path, subject: str) -> dict[str, Path | None]:
    """Elekta fine calibration and cross-talk files of one person, None where there is none.

    Returns
    -------
    dict with the keys `calibration` and `cross_talk`, as `lmbrain.meg.preprocessing.preprocess`
    takes them.
    """
    from mne_bids import BIDSPath

    base = BIDSPath(root=root, subject=subject, datatype="meg")
    return {"calibration": base.meg_calibration_fpath, "cross_talk": base.meg_crosstalk_fpath}


def missing_recordings(
    root: str | None, subjects: Sequence[str], recordings: Recordings, lacking: Lacking
) -> list[str]:
    """A sentence for each recording or events file that is not there and not named as lacking."""
    if root is None:
        return ["data.bids.root: the folder of the BIDS data set; name it in the config."]
    sentences = []
    for subject in subjects:
        for run in recordings_of(subject, recordings, lacking):
            for find in (recording_path, events_path):
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


def read_recording(path: str | Path) -> mne.io.BaseRaw:
    """Open a FIF recording without loading its samples; raw MaxShield recordings are accepted.

    Raises
    ------
    LmbrainError
        If the file is missing.
    """
    import mne

    if not Path(path).is_file():
        raise LmbrainError(f"{path} does not exist; run the rule that makes it, or add it.")
    return mne.io.read_raw_fif(path, allow_maxshield="yes", preload=False, verbose="error")


def read_events(path: str | Path) -> pd.DataFrame:
    """Read an events file; every column but onset and duration (seconds) stays text.

    Raises
    ------
    LmbrainError
        If the file or the column onset or duration is missing, or a row is malformed.
    """
    _check_fields(Path(path))
    events = read_table(path, numeric=("onset", "duration"))
    events.attrs["source"] = str(path)
    return events


def words_of_run(
    events: pd.DataFrame,
    story: str,
    run: str,
    *,
    word_column: str,
    kind_column: str | None,
    word_kinds: Sequence[str],
    silences: Sequence[str],
    dictionary_column: str | None,
    story_column: str | None,
    user_columns: Sequence[str] = (),
) -> pd.DataFrame:
    """The items shown in one run, in order of onset.

    An item is an event with a text. It is a word if its kind is one of `word_kinds` and its text
    holds a letter or digit; fixation crosses and texts of other kinds are items, but no words.

    Parameters
    ----------
    events
        From `read_events`.
    story, run
        Labels entered in the table.
    word_column
        Column that holds the text shown; an empty cell or `n/a` means no text.
    kind_column, word_kinds
        Column that tells words from other texts, and its values for words.
    user_columns
        Further columns to keep, as text.

    Returns
    -------
    Words table (`lmbrain.words.COLUMNS`, items and sentences numbered from 0 in this run), the
    user's columns and, where the events have it, their column `value` (text).

    Raises
    ------
    LmbrainError
        If a column, the words or an onset is missing, or a user's column bears the name of one
        of the words table.
    """
    source = events.attrs.get("source", f"The events of run {run}")
    if word_column not in events.columns:
        raise LmbrainError(
            f"{source} has no column {word_column!r} (it has {', '.join(events.columns)}); "
            "correct data.bids.events.word_column in the config."
        )
    shown = events[~events[word_column].isin(MISSING)]
    unknown = shown["onset"].isna()
    if unknown.any():
        row = int(unknown.idxmax())
        raise LmbrainError(f"{source}, row {row + 1}: a text without an onset; fill it in.")
    shown = shown.sort_values("onset", kind="stable", ignore_index=True)
    words = make_words(
        [story] * len(shown),
        [run] * len(shown),
        shown[word_column].tolist(),
        shown["onset"].to_numpy(float),
        shown["duration"].to_numpy(float),
    )
    if kind_column is not None:
        words["is_word"] &= shown[kind_column].isin(word_kinds).to_numpy()
    if not words["is_word"].any():
        raise LmbrainError(
            f"{source} holds no word (a text with {kind_column} among {list(word_kinds)}); correct "
            "data.bids.events in the config."
        )
    for column in user_columns:
        _check_user_column(column, words, shown, source)
        words[column] = shown[column].to_numpy()
    if "value" in shown.columns:
        words["value"] = shown["value"].to_numpy()
    return _numbered(words)


def words_table(
    root: str | Path,
    subjects: Sequence[str],
    recordings: Recordings,
    lacking: Lacking,
    story: str,
    **events: Any,
) -> pd.DataFrame:
    """The study's words table, after checking that all subjects were shown the same items.

    Onsets and durations are those of the first subject; each subject's own onsets come from
    `words_of_run` or from the trigger channel. The user's columns must be equal for all subjects.

    Raises
    ------
    LmbrainError
        If a file is missing or a subject's items differ: names subject, run, row, expected and
        found text.
    """
    parts = []
    for run, entities in recordings.items():
        people = [s for s in subjects if run in recordings_of(s, recordings, lacking)]
        if not people:
            raise LmbrainError(f"data.missing leaves nobody for run {run}; correct it.")
        tables = (
            words_of_run(read_events(events_path(root, s, **entities)), story, run, **events)
            for s in people
        )
        expected = next(tables)
        for subject, found in zip(people[1:], tables, strict=True):
            _check_same_items(people[0], expected, subject, found, run)
            _check_same_columns(people[0], expected, subject, found, run, events["user_columns"])
        parts.append(expected.drop(columns="value", errors="ignore"))
    return _numbered(pd.concat(parts, ignore_index=True))


def _check_fields(path: Path) -> None:
    """Refuse rows with a field too many or too few, which table readers shift or fill."""
    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; add it, or correct data.bids in the config.")
    lines = [line for line in path.read_text(encoding="utf-8-sig").split("\n") if line.strip()]
    for row, line in enumerate(lines[1:], start=1):
        expected, found = lines[0].count("\t") + 1, line.count("\t") + 1
        if found != expected:
            raise LmbrainError(
                f"{path}, row {row}: expected {expected} fields as in the header, found {found}; "
                "mend the row."
            )


def _check_same_items(
    first: str, expected: pd.DataFrame, subject: str, found: pd.DataFrame, run: str
) -> None:
    common = min(len(expected), len(found))
    columns = ["text", "is_word"]
    differs = (expected[columns][:common].to_numpy() != found[columns][:common].to_numpy()).any(1)
    if not differs.any() and len(expected) == len(found):
        return
    row = int(differs.argmax()) if differs.any() else common
    raise LmbrainError(
        f"Subject {subject}, run {run}, item {row + 1}: expected {_shown(expected, row)} as for "
        f"subject {first}, found {_shown(found, row)} ({len(expected)} items against "
        f"{len(found)}); mend the events file, or list the subject under data.exclude."
    )


def _check_user_column(column: str, words: pd.DataFrame, shown: pd.DataFrame, source: str) -> None:
    if column in words or column == "value":
        raise LmbrainError(
            f"features.user_columns names {column!r}, which the words table fills itself; give "
            "your column of events.tsv another name."
        )
    if column not in shown:
        raise LmbrainError(
            f"{source} has no column {column!r} (it has {', '.join(shown.columns)}); add it, or "
            "correct features.user_columns in the config."
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


def _numbered(words: pd.DataFrame) -> pd.DataFrame:
    words["item"] = np.arange(len(words))
    words["sentence"] = number_sentences(
        words["text"].tolist(), words["is_word"].to_numpy(bool), words["story"].tolist()
    )
    return words


def _bids_path(
    root: str | Path,
    subject: str,
    session: str | None,
    task: str,
    run: str | None,
    suffix: str,
    extension: str,
) -> mne_bids.BIDSPath:
    from mne_bids import BIDSPath

    if not Path(root).is_dir():
        raise LmbrainError(f"{root} is no folder; correct data.bids.root in the config.")
    return BIDSPath(
        root=root,
        subject=subject,
        session=session,
        task=task,
        run=run,
        datatype="meg",
        suffix=suffix,
        extension=extension,
    )
