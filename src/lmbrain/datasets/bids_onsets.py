"""When each item of a run began for one person of a BIDS data set, by the config's `timing`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lmbrain.artefacts import read_table
from lmbrain.datasets.bids import items_path, named_path
from lmbrain.datasets.bids_events import (
    JOINT,
    MISSING,
    matches,
    read_events,
    with_dictionary,
    words_of_run,
)
from lmbrain.datasets.bids_layout import events_path
from lmbrain.datasets.bids_recording import read_recording
from lmbrain.errors import LmbrainError
from lmbrain.meg.sound_channel import read_sound
from lmbrain.meg.timing import Timed, by_anchors, by_events, by_sound, by_triggers


def item_onsets(
    recording: str | Path | None,
    *,
    root: str | Path,
    subject: str,
    run: str,
    entities: Mapping[str, str | None],
    story: str,
    events: Mapping[str, Any],
    timing: Mapping[str, Any],
    bin_width: float,
) -> Timed:
    """One person's onset of every item of a run, and how it was found.

    Parameters
    ----------
    recording
        The recording as it was recorded, where its triggers or its sound are read.
    root, subject, run, entities, story
        The data set, person, the run's label and its entities (session, task, run), and its story.
    events
        How to read events files (`words_of_run`).
    timing
        The config's section of that name.
    bin_width
        Of the responses, s: half of it is the tolerance and the largest lag where none is given.

    Returns
    -------
    Seconds after the recording's first sample (n,), and what is told (`lmbrain.meg.timing`).

    Raises
    ------
    LmbrainError
        If the triggers, anchors or sound do not fit the items; names subject and run.
    """
    place = {"subject": subject, "run": run, "entities": entities, "story": story}
    audio, source = timing["audio"], f"Subject {subject}, run {run}"
    listed = items_path(root, **place, words_file=audio["words"])
    items = words_of_run(read_events(listed), story, run, **events)
    half = bin_width / 2
    tolerance = half if timing["tolerance"] is None else timing["tolerance"]
    if timing["onsets"] == "events":
        return by_events(items)
    if timing["onsets"] == "triggers":
        return by_triggers(
            read_recording(_given(recording)),
            items,
            channel=timing["trigger_channel"],
            codes=timing["trigger_codes"],
            tolerance=tolerance,
            largest_lag=half if timing["largest_lag"] is None else timing["largest_lag"],
            most_missing=timing["most_missing"],
            source=source,
        )
    path = partial(named_path, root, **place)
    if audio["channel"] is not None:
        sound = read_sound(path(pattern=audio["sound"]))
        raw = read_recording(_given(recording))
        return by_sound(raw, items, audio["channel"], *sound, tolerance, source)
    if audio["anchors"] is not None:
        anchors = read_anchors(path(pattern=audio["anchors"]), subject, run, entities)
    else:
        anchors = anchors_of_events(
            read_events(events_path(root, subject, **entities)),
            audio["anchor_kinds"],
            audio["anchor_column"],
            events["kind_columns"],
            events["dictionary_column"],
        )
    return by_anchors(items, anchors, audio["rate"], tolerance, source)


def read_anchors(
    path: str | Path, subject: str, run: str, entities: Mapping[str, str | None]
) -> pd.DataFrame:
    """Moments known on both clocks: columns `audio` and `recording` (s) of a table.

    Where the table has columns `subject`, `session`, `task`, `run` (as in BIDS names) or `label`
    (the run's in the words table), the rows of that person and run; `n/a` where names have no
    such entity.

    Raises
    ------
    LmbrainError
        If the file or a column is missing, or a value is no number.
    """
    anchors = read_table(path, numeric=("audio", "recording"))
    for column, value in {"subject": subject, "label": run, **entities}.items():
        if column in anchors:
            anchors = anchors[anchors[column].isin(MISSING if value is None else [value])]
    return _complete(anchors[["audio", "recording"]], str(path))


def anchors_of_events(
    events: pd.DataFrame,
    kinds: Sequence[str],
    column: str | None,
    kind_columns: Sequence[str],
    dictionary_column: str | None,
) -> pd.DataFrame:
    """Moments known on both clocks from the rows of some kinds in an events file.

    Parameters
    ----------
    events
        From `read_events`; `onset` is the recording's time.
    kinds
        Values of the kind columns; `*` stands for anything.
    column
        Column with the sound's time (s); None: 0, as the rows are starts of the sound.
    kind_columns, dictionary_column
        As in `words_of_run`.

    Raises
    ------
    LmbrainError
        If a column is missing, or a value is no number.
    """
    source = events.attrs.get("source", "The events")
    if dictionary_column is not None:
        events = with_dictionary(events, dictionary_column, source)
    lacking = [c for c in (*kind_columns, *([column] if column else [])) if c not in events]
    if lacking or not kind_columns:
        raise LmbrainError(
            f"{source} has no column {(lacking or ['of kinds'])[0]!r} for the anchors of the sound "
            f"(it has {', '.join(events.columns)}); correct timing.audio or "
            "data.bids.events.kind_columns in the config."
        )
    joined = events[kind_columns[0]].str.cat([events[c] for c in kind_columns[1:]], sep=JOINT)
    chosen = events[joined.map(lambda kind: matches(kind, kinds)).astype(bool)]
    audio = 0.0 if column is None else pd.to_numeric(chosen[column], errors="coerce")
    anchors = pd.DataFrame({"audio": audio, "recording": chosen["onset"]}, index=chosen.index)
    return _complete(anchors, source)


def _complete(anchors: pd.DataFrame, source: str) -> pd.DataFrame:
    unknown = anchors.isna().any(axis=1)
    if unknown.any():
        row = int(unknown.idxmax()) + 1
        raise LmbrainError(f"{source}, row {row}: an anchor whose times are no numbers; mend it.")
    return anchors


def _given(recording: str | Path | None) -> str | Path:
    if recording is None:
        raise LmbrainError("Triggers and sounds are read from the recording; give its path.")
    return recording
