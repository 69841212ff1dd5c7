"""Harry Potter reading data, public release: MEG already averaged in 25 ms bins.

Wehbe et al. 2014, KiltHub article 20465898. A person's and chapter's MATLAB file holds `data`
(item, 306, 20) and `labels[i][0][0]`, the item as shown. Sensors come in triplets, two planar
gradiometers and a magnetometer at each of 102 places. Zhou et al. 2024 publish arrays made from
these files, the responses of the group denoised by cross-subject prediction: (item, 20, 306).

Each chapter is a story and a run of its own (`ch9`, `ch10`).
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmbrain.datasets.annotators import agreement_table, majority, read_votes
from lmbrain.datasets.sources import Lacking, Settings
from lmbrain.errors import LmbrainError
from lmbrain.words import is_word, make_words

if TYPE_CHECKING:
    import mne

log = logging.getLogger(__name__)

ITEM_SECONDS = 0.5
# Labels at a chapter's end that may lack a response; were more missing, the array would be cut.
UNRECORDED = 10
BIN_SECONDS = 0.025
WINDOW = {"start": 0.0, "stop": 0.5}
SHAPE = (306, 20)
DENOISED = {9: "denoised_HP.npy", 10: "denoised_HP_chapter2.npy"}
DENOISED_WORDS = "words_chapter_2.npy"
DENOISED_NOTE = (
    "The responses are the denoised ones that the study's authors published: predictions of people "
    "from each other fitted over all words, test words included. Test and training words share "
    "these fits, so scores are too high, and no noise ceiling or test across people exists."
)
# The file whose labels the authors' array of chapter 9 follows.
FIRST_READER = "A"
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
    chapters = settings["chapters"]
    if settings["form"] == "denoised":
        found = {
            "recording": [recording_path(folder, FIRST_READER, 9)] if 9 in chapters else [],
            "denoised": [folder / DENOISED[chapter] for chapter in chapters],
            "denoised_words": [folder / DENOISED_WORDS] if 10 in chapters else [],
        }
    else:
        found = {
            kind: [
                recording_path(folder, subject, chapter)
                for subject in readers(subjects, chapter, lacking)
            ]
            for chapter, kind in ((9, "recording"), (10, "recording_chapter10"))
            if chapter in chapters
        }
    return found | {"annotation": annotation_paths(folder) if chapters == [9] else []}


def recording_path(folder: Path, subject: str, chapter: int) -> Path:
    """A person's file; chapter 10 lies in a folder of its own, since the names are the same."""
    place = folder if chapter == 9 else folder / "chapter10"
    return place / f"{subject}_HP_notDetrended_25ms.mat"


def annotation_paths(folder: Path) -> list[Path]:
    """The three annotators' tables of chapter 9."""
    return [folder / f"harry_annot_sub{i}.csv" for i in (1, 2, 3)]


def readers(subjects: Sequence[str], chapter: int, lacking: Lacking) -> list[str]:
    """The people who read a chapter."""
    return [s for s in subjects if f"ch{chapter}" not in lacking.get(s, ())]


def read_items(path: Path) -> list[str]:
    """Items of a person's file as shown, without the marks of layout.

    Raises
    ------
    LmbrainError
        If the file is missing, is no whole MATLAB file, or its arrays have another form: more than
        `UNRECORDED` labels without a response, for one.
    """
    labels = [_text(cell) for cell in np.ravel(_load(path, "labels"))]
    shape = _shape(path)
    over = len(labels) - shape[0]
    if len(shape) != 3 or shape[1:] != SHAPE or shape[0] == 0 or not 0 <= over <= UNRECORDED:
        raise LmbrainError(
            f"{path}: data has the shape {shape}, expected {(len(labels), *SHAPE)}; "
            "fetch the file anew."
        )
    if over:  # the responses are of the first labels, as the authors take them
        log.info("%s: the last %d labels have no response and are left out.", path, over)
    return [without_marks(label) for label in labels[: shape[0]]]


def without_marks(label: str) -> str:
    """A label as the reader saw it: no marks of italics or layout; a lone `+` is the cross."""
    shown = label.translate(_MARKS).strip()
    return shown.replace("+", "") if is_word(shown) else shown


def words_table(
    folder: Path, subjects: Sequence[str], story: str, settings: Settings, lacking: Lacking
) -> pd.DataFrame:
    """The items shown, checked to be the same for all people; one item each half second.

    A study of one chapter gives its story the name `story`, one of several appends `_ch9`,
    `_ch10`. Each chapter's clock starts with its first item. For the authors' denoised responses
    the table's `attrs["note"]` says what limits them.

    Raises
    ------
    LmbrainError
        Naming the file and the row where the items differ, the chapter that nobody read, or the
        file of a person who is said to lack the chapter.
    """
    chapters = settings["chapters"]
    columns: list[tuple[str, str, str, float]] = []
    for chapter in chapters:
        name = story if len(chapters) == 1 else f"{story}_ch{chapter}"
        if settings["form"] == "denoised":
            shown = _denoised_items(folder, chapter)
        else:
            people = readers(subjects, chapter, lacking)
            _refuse_recorded(folder, sorted(set(subjects) - set(people)), chapter)
            shown = _common_items(folder, people, chapter)
        columns += [(name, f"ch{chapter}", t, i * ITEM_SECONDS) for i, t in enumerate(shown)]
    stories, runs, text, onset = map(list, zip(*columns, strict=True))
    duration = np.full(len(text), ITEM_SECONDS)
    words = make_words(stories, runs, text, np.array(onset), duration)
    if settings["form"] == "denoised":
        words.attrs["note"] = DENOISED_NOTE
    return words


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
    (two gradiometers, one magnetometer) the release shares; values are taken as tesla. Items
    that are not usable are zero, and the column `lost` says why: `no word` or `not recorded`.

    Raises
    ------
    LmbrainError
        If a file is missing or does not fit the words, or the bins asked for are not the
        release's.
    """
    import mne

    check_bins(binning)
    values, lost = _usable_values(folder, subject, words, settings["form"], lacking)
    info = mne.channels.read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True))
    with info._unlock():
        info["sfreq"] = 1 / BIN_SECONDS
    whole = mne.EpochsArray(
        values,
        info,
        tmin=WINDOW["start"],
        metadata=words.assign(usable=lost == "", lost=lost.astype(str)),
        baseline=None,
        proj=False,
        verbose="error",
    )
    return whole.pick(binning["picks"], verbose="error")


def check_bins(binning: Settings) -> None:
    """Refuse bins other than those that the release holds.

    Raises
    ------
    LmbrainError
    """
    asked = (binning["window"]["start"], binning["window"]["stop"], binning["bin_width"])
    if not np.allclose(asked, (WINDOW["start"], WINDOW["stop"], BIN_SECONDS), rtol=0, atol=1e-9):
        raise LmbrainError(
            "The Harry Potter data are released as averages in 25 ms bins from 0 to 0.5 s after "
            "word onset; set responses.window to {start: 0.0, stop: 0.5} and responses.bin_width "
            "to 0.025 in the config."
        )


def categories(folder: Path, words: pd.DataFrame) -> pd.DataFrame:
    """Majority of the three annotators of chapter 9: item and one boolean column a domain.

    Raises
    ------
    LmbrainError
        As `lmbrain.datasets.annotators.read_votes`.
    """
    chosen = majority(_votes(folder, words))
    named = dict(zip(_CATEGORIES.values(), chosen.T, strict=True))
    return pd.DataFrame({"item": words["item"]} | named)


def agreement(folder: Path, words: pd.DataFrame, seed: int) -> pd.DataFrame:
    """How far the three annotators of chapter 9 agree (`annotators.agreement_table`)."""
    used = words["is_word"].to_numpy(bool)
    return agreement_table(_votes(folder, words)[:, used], list(_CATEGORIES.values()), seed)


def _votes(folder: Path, words: pd.DataFrame) -> np.ndarray:
    shown = words["text"].tolist()
    columns = list(_CATEGORIES)
    return np.stack([read_votes(path, columns, shown) for path in annotation_paths(folder)])


def _common_items(folder: Path, people: Sequence[str], chapter: int) -> list[str]:
    if not people:
        raise LmbrainError(
            f"data.missing leaves nobody who read chapter {chapter}; correct it, or take the "
            "chapter out of data.harry_potter.chapters."
        )
    shown = read_items(recording_path(folder, people[0], chapter))
    for subject in people[1:]:
        path = recording_path(folder, subject, chapter)
        items = read_items(path)
        if items != shown:
            pairs = zip(items, shown, strict=False)
            short = min(len(items), len(shown))
            row = next((i for i, (a, b) in enumerate(pairs) if a != b), short)
            raise LmbrainError(
                f"{path} differs from the file of {people[0]} from row {row + 1} on; "
                f"check that both belong to chapter {chapter}."
            )
    return shown


def _refuse_recorded(folder: Path, people: Sequence[str], chapter: int) -> None:
    for subject in people:
        path = recording_path(folder, subject, chapter)
        if path.is_file():
            raise LmbrainError(
                f"{path} is there, but data.missing says that {subject} lacks ch{chapter}; correct "
                "data.missing, or list the person under data.exclude."
            )


def _denoised_items(folder: Path, chapter: int) -> list[str]:
    if chapter == 9:
        return read_items(recording_path(folder, FIRST_READER, 9))
    path = folder / DENOISED_WORDS
    labels = _load_array(path)
    if labels.dtype.kind != "U" or labels.ndim != 1:
        raise LmbrainError(f"{path} is no list of words ({labels.dtype}); fetch it anew.")
    return [without_marks(label) for label in labels.tolist()]


def _usable_values(
    folder: Path, subject: str, words: pd.DataFrame, form: str, lacking: Lacking
) -> tuple[np.ndarray, np.ndarray]:
    """Responses (item, sensor, bin), zero where an item is lost, and why it is."""
    values = np.zeros((len(words), *SHAPE), np.float32)
    lost = np.where(words["is_word"].to_numpy(bool), "", "no word").astype(object)
    for run, rows in words.groupby("run", sort=False).indices.items():
        if run in lacking.get(subject, ()):
            lost[rows] = np.where(lost[rows] == "", "not recorded", lost[rows])
            continue
        chapter = int(str(run).removeprefix("ch"))
        path, found = _chapter_values(folder, subject, chapter, form)
        if found.shape != (len(rows), *SHAPE):
            raise LmbrainError(
                f"{path} holds responses of the shape {found.shape}, expected "
                f"{(len(rows), *SHAPE)} for the items of chapter {chapter}; fetch the file anew."
            )
        kept = lost[rows] == ""
        values[rows[kept]] = found[kept]
    return values, lost


def _chapter_values(folder: Path, subject: str, chapter: int, form: str) -> tuple[Path, np.ndarray]:
    """The file that holds a person's chapter and its responses (item, sensor, bin)."""
    if form == "denoised":
        path = folder / DENOISED[chapter]
        values = _load_array(path)
        return path, np.swapaxes(values, 1, 2) if values.ndim == 3 else values
    path = recording_path(folder, subject, chapter)
    return path, _load(path, "data")


def _load_array(path: Path) -> np.ndarray:
    """A plain array; one of Python objects, which could run code when read, is refused."""
    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; see config/downloads.tsv for where it is.")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise LmbrainError(
            f"{path} is no plain NumPy array ({error}); fetch it anew, or save it again as an "
            "array of numbers or texts."
        ) from None


def _load(path: Path, name: str) -> np.ndarray:
    from scipy.io import loadmat

    with _matlab(path):
        content = loadmat(path, variable_names=[name])
    if name not in content:
        raise LmbrainError(f"{path} lacks the variable {name!r}; fetch it anew.")
    return content[name]


def _shape(path: Path) -> tuple[int, ...]:
    from scipy.io import whosmat

    with _matlab(path):
        shapes = {name: shape for name, shape, _ in whosmat(path)}
    if "data" not in shapes:
        raise LmbrainError(f"{path} lacks the variable 'data'; fetch it anew.")
    return tuple(shapes["data"])


@contextmanager
def _matlab(path: Path) -> Iterator[None]:
    """Refuse a file that is missing, or that SciPy ends in one of its ways of not reading it."""
    from scipy.io.matlab import MatReadError

    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; see config/downloads.tsv for where it is.")
    damage = (MatReadError, OSError, EOFError, IndexError, TypeError, ValueError, zlib.error)
    try:
        yield
    except (*damage, NotImplementedError) as error:
        raise LmbrainError(f"{path} is no readable MATLAB file ({error}); fetch it anew.") from None


def _text(cell: Any) -> str:
    """The text inside nested cells; an empty cell holds none."""
    while isinstance(cell, np.ndarray):
        if cell.size == 0:
            return ""
        cell = cell.flat[0]
    return str(cell)
