"""Harry Potter reading data, public release: MEG already averaged in 25 ms bins.

Wehbe et al. 2014; files as described for KiltHub article 20465898: `data` (item, 306, 20) and
`labels[i][0][0]`, the item as shown. Sensors come in triplets, two planar gradiometers and a
magnetometer at each of 102 places.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmbrain.datasets.sources import Lacking, Settings
from lmbrain.errors import LmbrainError
from lmbrain.words import is_word, make_words

if TYPE_CHECKING:
    import mne

ITEM_SECONDS = 0.5
BIN_SECONDS = 0.025
SHAPE = (306, 20)
# `@` opens italics, `\` and `^` mark layout; `+` alone is the fixation cross.
_MARKS = str.maketrans("", "", "@\\^")
_CATEGORIES = {
    "Emotion": "social_emotional",
    "Figurative": "figurative",
    "Physical": "physical",
}


def files(
    folder: Path, subjects: Sequence[str], settings: Settings, lacking: Lacking
) -> dict[str, list[Path]]:
    """The files it consists of, by their kind in config/downloads.tsv."""
    chapter = settings["chapter"]
    annotations = [folder / f"harry_annot_sub{i}.csv" for i in (1, 2, 3)]
    return {
        "recording": [recording_path(folder, s, chapter) for s in subjects],
        "annotation": annotations if chapter == 9 else [],
    }


def recording_path(folder: Path, subject: str, chapter: int) -> Path:
    """A person's file; chapter 10 lies in a folder of its own, since the names are the same."""
    place = folder if chapter == 9 else folder / "chapter10"
    return place / f"{subject}_HP_notDetrended_25ms.mat"


def read_recording(path: Path) -> tuple[list[str], np.ndarray]:
    """Items as shown (layout marks removed) and their responses (item, 306, 20), float32.

    Raises
    ------
    LmbrainError
        If the file is missing, is no MATLAB file, or its arrays have another form.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; see config/downloads.tsv for where it is.")
    try:
        content = loadmat(path, variable_names=["data", "labels"])
    except (MatReadError, ValueError, NotImplementedError) as error:
        raise LmbrainError(f"{path} is no readable MATLAB file ({error}); fetch it anew.") from None
    if {"data", "labels"} - set(content):
        raise LmbrainError(f"{path} lacks the variable 'data' or 'labels'; fetch it anew.")
    values = content["data"].astype(np.float32)
    labels = [str(np.ravel(np.ravel(cell)[0])[0]) for cell in np.ravel(content["labels"])]
    if values.shape != (len(labels), *SHAPE):
        raise LmbrainError(
            f"{path}: data has the shape {values.shape}, expected {(len(labels), *SHAPE)}; "
            "fetch the file anew."
        )
    return [label.translate(_MARKS) for label in labels], values


def words_table(
    folder: Path, subjects: Sequence[str], story: str, settings: Settings, lacking: Lacking
) -> pd.DataFrame:
    """The items shown, checked to be the same for all people; one item each half second.

    Raises
    ------
    LmbrainError
        Naming the person and the row where the items differ.
    """
    shown: list[str] | None = None
    chapter = settings["chapter"]
    for subject in subjects:
        path = recording_path(folder, subject, chapter)
        items, _ = read_recording(path)
        if shown is None:
            shown = items
        if items != shown:
            pairs = zip(items, shown, strict=False)
            short = min(len(items), len(shown))
            row = next((i for i, (a, b) in enumerate(pairs) if a != b), short)
            raise LmbrainError(
                f"{path} differs from the file of {subjects[0]} from row {row + 1} on; "
                f"check that both belong to chapter {chapter}."
            )
    assert shown is not None
    n = len(shown)
    onset = np.arange(n) * ITEM_SECONDS
    return make_words([story] * n, ["01"] * n, shown, onset, np.full(n, ITEM_SECONDS))


def responses(
    folder: Path,
    subject: str,
    words: pd.DataFrame,
    settings: Settings,
    lacking: Lacking,
    binning: Settings,
) -> mne.EpochsArray:
    """One person's responses as MNE Epochs with the words table as metadata.

    Sensor positions are those of MNE's canonical 306-channel system, whose order in triplets
    (two gradiometers, one magnetometer) the release shares; values are taken as tesla.
    """
    import mne

    _, values = read_recording(recording_path(folder, subject, settings["chapter"]))
    info = mne.channels.read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True))
    with info._unlock():
        info["sfreq"] = 1 / BIN_SECONDS
    metadata = words.assign(usable=[is_word(t) for t in words["text"]])
    whole = mne.EpochsArray(
        values,
        info,
        tmin=0.0,
        metadata=metadata,
        baseline=None,
        proj=False,
        verbose="error",
    )
    return whole.pick(binning["picks"], verbose="error")


def categories(folder: Path, words: pd.DataFrame) -> pd.DataFrame:
    """Majority of the three annotators: item and one boolean column a domain.

    A blank cell means no. An annotator's table may end one row early.

    Raises
    ------
    LmbrainError
        If a table is missing, lacks a column, or has another number of rows.
    """
    votes = {domain: np.zeros(len(words), int) for domain in _CATEGORIES.values()}
    for path in files(folder, [], {"chapter": 9}, {})["annotation"]:
        for i, row in enumerate(_annotation(path, len(words))):
            for column, domain in _CATEGORIES.items():
                votes[domain][i] += row[column].strip() not in ("", "0")
    return pd.DataFrame({"item": words["item"]} | {d: v >= 2 for d, v in votes.items()})


def _annotation(path: Path, n_items: int) -> list[dict[str, str]]:
    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; see config/downloads.tsv for where it is.")
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    missing = [c for c in _CATEGORIES if not rows or c not in rows[0]]
    if missing:
        raise LmbrainError(f"{path} has no column {missing[0]!r}; fetch it anew.")
    if not n_items - 1 <= len(rows) <= n_items:
        raise LmbrainError(
            f"{path} has {len(rows)} rows for {n_items} items; it belongs to chapter 9 only."
        )
    return rows
