"""The words table: one row an item as shown or heard, in order."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from lmbrain.artefacts import read_table
from lmbrain.errors import LmbrainError

COLUMNS = ("story", "run", "item", "text", "onset", "duration", "is_word", "sentence")

_MARKS = ".!?\u2026\u3002\uff01\uff1f\u0964\u061f"  # also of Chinese, Hindi and Arabic
_OPENING = "\"'([{\u2018\u201c\u00ab"
_QUOTES = "\"'\u2019\u201d\u00bb"
_CLOSING = _QUOTES + ")]}@*_^\\"  # with the signs of italics that transcripts leave on words
# Something always follows. Without words that often end a sentence (`ft.`, `hon.`); etc., Jr. and
# a.m. are left to the case of the next word.
ABBREVIATIONS = {
    "mr", "mrs", "ms", "mx", "dr", "st", "mt", "prof", "rev", "fr", "pres", "gov", "sen", "capt",
    "cpt", "lt", "sgt", "cpl", "pvt", "col", "gen", "maj", "cmdr", "adm", "messrs", "mme", "mlle",
    "vs", "cf", "viz", "e.g", "i.e",
}  # fmt: skip
BEFORE_NUMBERS = {"No", "Nos", "p", "pp", "vol", "Vol", "ch", "Ch", "fig", "Fig"}  # `no.` answers
SPEECH = {
    "said", "asked", "cried", "shouted", "whispered", "yelled", "muttered", "called", "replied",
    "answered", "murmured", "exclaimed", "screamed", "snapped", "gasped", "roared", "hissed",
    "growled", "demanded", "wondered", "repeated", "bellowed", "barked", "groaned", "moaned",
    "panted", "squeaked", "sobbed", "sighed", "laughed", "shrieked", "inquired", "says", "asks",
}  # fmt: skip
# Lower case after a quotation that they continue; a capital starts a new sentence.
PRONOUNS = {"He", "She", "It", "They", "We", "You"}
LONGEST_NAME = 4  # words: Mr. Vernon K. Dursley


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

    A sentence ends with its story, and at a word that closes with . ! ? or an ellipsis (quotes and
    brackets after it ignored, marks that are items of their own counted), unless

    - the word is an abbreviation that something always follows (`Mr.`, `e.g.`), `No.` or the like
      before a digit, or made of initials (`J.`, `J.K.`, but not `I.`);
    - the next word starts in lower case: `"Stop!" she said.`, `He... left.`, `etc. and`
      (in stories that do not begin sentences in upper case this tells nothing);
    - it closes a quotation with ! ? or an ellipsis, and a name (up to four capitalised words) or
      I follows with a verb of speech: `"Stop!" Professor Snape said.`

    What stays ambiguous ends: `Well... Harry left.`, `at 5 p.m. Mary came`; initials that end a
    sentence (`in the U.S. He left`) do not.

    Parameters
    ----------
    text : of each item
        As shown, with its punctuation.
    is_word : (n,) bool
    story : of each item

    Returns
    -------
    (n,) int
    """
    numbers = np.full(len(text), -1)
    words = [i for i in range(len(text)) if is_word[i]]
    shown = [_with_marks(text, i, j) for i, j in pairwise([*words, len(text)])]
    cased = _cased(shown, [story[i] for i in words])
    current = 0
    for place, here in enumerate(words):
        numbers[here] = current
        if place + 1 == len(words):
            break
        following = [
            shown[later]
            for later in range(place + 1, min(place + 2 + LONGEST_NAME, len(words)))
            if story[words[later]] == story[here]
        ]
        if not following or _ends_sentence(shown[place], following, story[here] in cased):
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


def _cased(shown: Sequence[str], story: Sequence[str]) -> set[str]:
    """Stories that begin sentences in upper case: names or I alone do not make one of these.

    A third of the first words and of those after a mark suffices, as speech goes on in lower case.
    """
    starts: dict[str, list[bool]] = {}
    for place, (item, name) in enumerate(zip(shown, story, strict=True)):
        first = place == 0 or story[place - 1] != name
        if first or shown[place - 1].rstrip(_CLOSING).endswith(tuple(_MARKS)):
            starts.setdefault(name, []).append(bare(item)[:1].isupper())
    return {name for name, upper in starts.items() if 3 * sum(upper) >= len(upper)}


def _with_marks(text: Sequence[str], here: int, following: int) -> str:
    """The word with the punctuation that stands between it and the next word as own items.

    Fixation crosses, dashes and other signs in between are passed over.
    """
    marks = [t for t in text[here + 1 : following] if set(t) <= set(_MARKS + _CLOSING)]
    return text[here] + "".join(marks)


def _ends_sentence(item: str, following: Sequence[str], cased: bool) -> bool:
    """Whether a sentence ends at an item; `following`: the next words of the story."""
    core = item.rstrip(_CLOSING)
    if not core.endswith(tuple(_MARKS)):
        return False
    start = following[0].lstrip(_OPENING)
    word = core.lstrip(_OPENING)
    if _awaits_more(word, start):
        return False
    if cased and start[:1].islower():
        return False
    quoted = any(quote in item[len(core) :] for quote in _QUOTES)
    return not (quoted and not _full_stop(core) and _tells_speaker(following))


def _full_stop(item: str) -> bool:
    """Whether it ends with one full stop, not with an ellipsis or another mark."""
    return item.endswith(".") and not item.endswith("..")


def _awaits_more(word: str, following: str) -> bool:
    """Whether a word's full stop is that of an abbreviation or initials, not of a sentence."""
    if not _full_stop(word):
        return False
    stem = word[:-1]
    if stem.lower() in ABBREVIATIONS or (stem in BEFORE_NUMBERS and following[:1].isdigit()):
        return True
    single = all(len(part) == 1 and part.isalpha() for part in stem.split("."))
    return single and word[0].isupper() and stem != "I"


def _tells_speaker(following: Sequence[str]) -> bool:
    """Whether a verb of speech follows, alone or after a name or I (`Professor Snape said`)."""
    if bare(following[0]) in PRONOUNS:
        return False
    for item in following:
        if bare(item) in SPEECH:
            return True
        parted = item[-1] != bare(item)[-1] and not _awaits_more(item, "")
        if parted or not item[0].isupper():
            return False
    return False
