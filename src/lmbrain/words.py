"""The words table: one row an item as shown or heard, in order."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd

from lmbrain.artefacts import read_table
from lmbrain.errors import LmbrainError

COLUMNS = ("story", "run", "item", "text", "onset", "duration", "is_word", "sentence")
ABBREVIATIONS = {"mr", "mrs", "ms", "dr", "st", "prof", "capt", "sgt", "vs", "e.g", "i.e"}
_CLOSING = "\"')]}\u2019\u201d\u00bb"


def read_words(path: str | Path) -> pd.DataFrame:
    """Read and check a words table (TSV, see COLUMNS; further columns stay text).

    Raises
    ------
    LmbrainError
        If a column is missing, a value is unreadable, or the items are out of order.
    """
    words = read_table(
        path, numeric=("item", "onset", "duration", "sentence"), boolean=("is_word",)
    )
    missing = [c for c in COLUMNS if c not in words.columns]
    if missing:
        raise LmbrainError(f"{path} has no column {missing[0]!r}; add it.")
    for column in ("item", "onset", "sentence"):
        if words[column].isna().any():
            row = int(words[column].isna().to_numpy().argmax())
            raise LmbrainError(f"{path}, row {row + 1}: {column} is missing; fill it in.")
    words = words.astype({"item": int, "sentence": int})
    wrong = words["item"].to_numpy() != np.arange(len(words))
    if wrong.any():
        row = int(wrong.argmax())
        raise LmbrainError(
            f"{path}, row {row + 1}: item is {words['item'][row]}, expected {row}; "
            "number the items from 0 in the order shown."
        )
    for (story, run), part in words.groupby(["story", "run"], sort=False):
        backwards = np.diff(part["onset"].to_numpy()) < 0
        if backwards.any():
            row = int(part.index[int(backwards.argmax()) + 1])
            raise LmbrainError(
                f"{path}, row {row + 1} (story {story}, run {run}): onset goes back in time; "
                "sort the rows by onset."
            )
    return words


def make_words(
    story: list[str],
    run: list[str],
    text: list[str],
    onset: np.ndarray,
    duration: np.ndarray,
) -> pd.DataFrame:
    """Assemble a words table from what was shown or heard; items in order.

    Parameters
    ----------
    story, run, text
        One entry an item.
    onset, duration
        Seconds, of that run's clock.
    """
    flags = np.array([is_word(t) for t in text], dtype=bool)
    return pd.DataFrame(
        {
            "story": story,
            "run": run,
            "item": np.arange(len(text)),
            "text": text,
            "onset": np.asarray(onset, float),
            "duration": np.asarray(duration, float),
            "is_word": flags,
            "sentence": number_sentences(text, flags, story),
        },
        columns=list(COLUMNS),
    )


def is_word(text: str) -> bool:
    """Whether an item holds a letter or digit (fixation crosses and lone punctuation do not)."""
    return any(character.isalnum() for character in text)


def bare(text: str) -> str:
    """The item without the punctuation around it, inner apostrophes and hyphens kept.

    It goes from the first to the last letter or digit, with the marks that belong to the last one
    (a combining accent, a vowel sign).
    """
    letters = [i for i, character in enumerate(text) if character.isalnum()]
    if not letters:
        return ""
    stop = letters[-1] + 1
    while stop < len(text) and unicodedata.category(text[stop]).startswith("M"):
        stop += 1
    return text[letters[0] : stop]


def number_sentences(text: list[str], is_word: np.ndarray, story: list[str]) -> np.ndarray:
    """Sentence number of each item, running on over the whole table; -1 for items not words.

    A sentence ends at an item that closes with . ! ? or an ellipsis (closing quotes ignored),
    unless the item is a known abbreviation or an initial, or the next word starts in lower case
    (dialogue such as `"Stop!" he said.`), and at the end of a story.
    """
    numbers = np.full(len(text), -1)
    current = 0
    words = [i for i in range(len(text)) if is_word[i]]
    for place, here in enumerate(words):
        numbers[here] = current
        if place + 1 == len(words):
            break
        following = words[place + 1]
        if story[following] != story[here] or _ends_sentence(text[here], text[following]):
            current += 1
    return numbers


def number_by_pauses(onset: np.ndarray, duration: np.ndarray, pause: float) -> np.ndarray:
    """Sentence number of each heard word where the transcript has no punctuation.

    A sentence ends where the next word starts at least `pause` seconds after the word's end.

    Parameters
    ----------
    onset, duration : (n,)
        Seconds, all items words of one run.
    pause
        Seconds.
    """
    silence = onset[1:] - (onset + duration)[:-1]
    return np.concatenate([[0], np.cumsum(silence >= pause)])


def _ends_sentence(item: str, following: str) -> bool:
    core = item.rstrip(_CLOSING)
    if not core.endswith((".", "!", "?", "\u2026")):
        return False
    stem = core.rstrip(".").lstrip("\"'([{\u2018\u201c\u00ab").lower()
    initial = core.endswith(".") and len(stem) == 1 and stem.isalpha() and stem != "i"
    if core.endswith(".") and (stem in ABBREVIATIONS or initial):
        return False
    start = following.lstrip("\"'([{\u2018\u201c\u00ab")
    return not start[:1].islower()
