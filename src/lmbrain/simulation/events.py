"""Events files of the simulated cohort, plain and in the awkward forms that real ones have."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lmbrain.simulation.recordings import TRIGGERS, trial_types
from lmbrain.simulation.sound import sound_name

AWKWARD = ("null", "NA", "nan", "None", "true", "don't", '"quoted"')
_COLUMNS = {
    "onset": "Seconds from the start of the recording",
    "duration": "Seconds for which the item was shown",
    "trial_type": "word, or fixation for a cross between paragraphs",
    "value": "Value on the stimulus channel STI101",
    "sample": "Sample of the onset, counted from 0",
    "word": "The item as shown",
    "story": "Name of the story",
}
_STIMULUS = {"stim_file": "Sound file, in the folder stimuli, on whose clock the onsets are"}
_DICTIONARY = "kind, word, story and what else is known of the item, as a Python dict"


def write_events(
    words: pd.DataFrame,
    path: str | Path,
    sampling_rate: float,
    *,
    byte_order_mark: bool,
    awkward_words: bool,
    dictionary: bool,
    sound: bool,
) -> None:
    """Write a run's events file and the description of its columns (.json beside it).

    Parameters
    ----------
    words
        Rows of that run, onsets as the file has them.
    path
        The events file (.tsv).
    sampling_rate
        Hz of the recording.
    byte_order_mark
        Whether the file starts with one, as spreadsheet programs leave it.
    awkward_words
        Whether some words are replaced, see `with_awkward_words`.
    dictionary
        Whether `trial_type` holds all that is known of an item as a Python dict (with a `nan`),
        as MEG-MASC has it; `word` and `story` are then no columns.
    sound
        Whether the items were heard: the WAV file is named in `stim_file`.
    """
    if awkward_words:
        words = with_awkward_words(words)
    table = _table(words, sampling_rate)
    described: Mapping[str, str] = _COLUMNS
    if sound:
        table["stim_file"] = [
            sound_name(story, run) for story, run in zip(words["story"], words["run"], strict=True)
        ]
        described = described | _STIMULUS
    if dictionary:
        table["trial_type"] = [_as_dictionary(row) for row in table.to_dict("records")]
        table = table.drop(columns=["word", "story"])
        described = {**described, "trial_type": _DICTIONARY}
    table.to_csv(
        path,
        sep="\t",
        index=False,
        quoting=csv.QUOTE_NONE,
        quotechar=None,
        encoding="utf-8-sig" if byte_order_mark else "utf-8",
    )
    columns = {name: {"Description": described[name]} for name in table.columns}
    Path(path).with_suffix(".json").write_text(
        json.dumps(columns, indent=1) + "\n", encoding="utf-8"
    )


def with_awkward_words(words: pd.DataFrame) -> pd.DataFrame:
    """Words that readers of tables lose, in place of words inside sentences; the same for all.

    `AWKWARD`, as many as there are places: lower-case words without punctuation, evenly over the
    run.
    """
    inside = np.flatnonzero(words["text"].map(lambda text: text.isalpha() and text.islower()))
    count = min(len(AWKWARD), len(inside))
    chosen = inside[np.linspace(0, len(inside) - 1, count).astype(int)] if count else []
    text = words["text"].to_numpy(object).copy()
    text[chosen] = AWKWARD[:count]
    return words.assign(text=text)


def _table(words: pd.DataFrame, sampling_rate: float) -> pd.DataFrame:
    kinds = trial_types(words)
    return pd.DataFrame(
        {
            "onset": words["onset"].to_numpy(),
            "duration": words["duration"].to_numpy(),
            "trial_type": kinds,
            "value": [TRIGGERS[kind] for kind in kinds],
            "sample": np.round(words["onset"].to_numpy() * sampling_rate).astype(int),
            "word": words["text"].to_numpy(),
            "story": words["story"].to_numpy(),
        },
        columns=list(_COLUMNS),
    )


def _as_dictionary(row: Mapping[str, Any]) -> str:
    return repr(
        {
            "kind": row["trial_type"],
            "word": row["word"],
            "story": row["story"],
            "speech_rate": round(60 / row["duration"], 1),
            "pronounced": float("nan"),
        }
    )
