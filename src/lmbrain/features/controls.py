"""Control features: what predicts brain responses to words without a language model's states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lmbrain.errors import LmbrainError
from lmbrain.words import COLUMNS, bare

RATE_WINDOW = 2.0  # seconds, centred on the word's onset


def control_features(
    words: pd.DataFrame,
    surprisal: np.ndarray | None = None,
    user_columns: Sequence[str] = (),
) -> pd.DataFrame:
    """Nuisance features of each word.

    Parameters
    ----------
    words
        Words table of n rows.
    surprisal : (n,)
        Bits (`lmbrain.features.word_features`); values in rows that are no words are ignored.
    user_columns
        Further columns of the words table, with a number in every word's row, that join the
        controls under their own names.

    Returns
    -------
    DataFrame
        n rows; NaN in rows that are no words. Columns that are constant over the words are left
        out, so that each one carries something:

        length : characters of the word without the punctuation around it.
        log_frequency : Zipf frequency in English, log10 of the occurrences in 10^9 words
            (wordfreq, Speer 2022); 0 for a word that is not listed.
        position_in_sentence, position_in_story, position_in_run : word number, from 1
            (position_in_run where some story has several runs).
        sentence_length : words in the word's sentence.
        sentence_start, capitalised : 1 or 0.
        word_rate : words a second in the 2 s around the onset, within the run, and
        duration : seconds; either only where words are not paced, that is unless nine in ten
            intervals between items (or durations) lie within a tenth of their median; duration
            only where every word has one.
        surprisal : bits, if given.
        the user's columns.

    Raises
    ------
    LmbrainError
        If a word belongs to no sentence, has no finite surprisal, or a user's column is missing,
        bears the name of another one, or holds no finite number for a word.
    """
    is_word = words["is_word"].to_numpy(bool)
    spoken = words[is_word]
    table = _lexical(spoken).join(_positions(spoken))
    if not paced(_intervals(words)):
        table["word_rate"] = _word_rate(spoken)
    durations = spoken["duration"].to_numpy(float)
    if np.isfinite(durations).all() and not paced(durations):
        table["duration"] = durations
    if surprisal is not None:
        table["surprisal"] = _checked(np.asarray(surprisal, float), words)[is_word]
    for column in user_columns:
        if column in COLUMNS or column in table:
            raise LmbrainError(
                f"features.user_columns names {column!r}, which is a column of every words table "
                "or a control already; give your column another name."
            )
        table[column] = _numbers(spoken, column)
    varying = [name for name in table.columns if table[name].max() > table[name].min()]
    return table[varying].reindex(words.index)


def paced(intervals: np.ndarray) -> bool:
    """Whether at least nine in ten intervals lie within a tenth of their median (RSVP)."""
    if len(intervals) == 0:
        return True
    median = np.median(intervals)
    return bool(np.mean(np.abs(intervals - median) <= 0.1 * median) >= 0.9)


def _lexical(spoken: pd.DataFrame) -> pd.DataFrame:
    from wordfreq import zipf_frequency

    texts = [bare(text) for text in spoken["text"]]
    return pd.DataFrame(
        {
            "length": [float(len(text)) for text in texts],
            "log_frequency": [zipf_frequency(text, "en") for text in texts],
            "capitalised": [float(text[:1].isupper()) for text in texts],
        },
        index=spoken.index,
    )


def _positions(spoken: pd.DataFrame) -> pd.DataFrame:
    homeless = spoken["sentence"].to_numpy() < 0
    if homeless.any():
        row = spoken.iloc[int(homeless.argmax())]
        raise LmbrainError(
            f"Item {row['item']} ({row['text']!r}) is a word, but belongs to no sentence "
            f"(sentence is {row['sentence']}); number its sentence, or set is_word to False."
        )
    sentences = spoken.groupby(["story", "sentence"], sort=False)["text"]
    runs = spoken.groupby(["story", "run"], sort=False)["text"]
    table = pd.DataFrame(
        {
            "position_in_sentence": sentences.cumcount() + 1.0,
            "sentence_length": sentences.transform("size").astype(float),
            "position_in_story": spoken.groupby("story", sort=False).cumcount() + 1.0,
        }
    )
    table["sentence_start"] = (table["position_in_sentence"] == 1).astype(float)
    if runs.ngroups > spoken["story"].nunique():
        table["position_in_run"] = runs.cumcount() + 1.0
    return table


def _intervals(words: pd.DataFrame) -> np.ndarray:
    """Seconds between successive items of a run, over all runs."""
    runs = words.groupby(["story", "run"], sort=False)["onset"]
    return runs.diff().dropna().to_numpy(float)


def _word_rate(spoken: pd.DataFrame) -> pd.Series:
    rate = pd.Series(0.0, index=spoken.index)
    for _, onset in spoken.groupby(["story", "run"], sort=False)["onset"]:
        times = onset.to_numpy(float)
        before = np.searchsorted(times, times - RATE_WINDOW / 2, side="left")
        after = np.searchsorted(times, times + RATE_WINDOW / 2, side="right")
        rate[onset.index] = (after - before) / RATE_WINDOW
    return rate


def _numbers(spoken: pd.DataFrame, column: str) -> np.ndarray:
    """A user's column as finite numbers."""
    if column not in spoken:
        raise LmbrainError(
            f"features.user_columns names {column!r}, but the words table has only the columns "
            f"{', '.join(spoken.columns)}; add it to the data, or correct the name."
        )
    numbers = pd.to_numeric(spoken[column], errors="coerce").to_numpy(float)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row = spoken.iloc[int(wrong.argmax())]
        raise LmbrainError(
            f"Column {column!r} of the words table is {row[column]!r} for item {row['item']} "
            f"({row['text']!r}), not a finite number; fill it in."
        )
    return numbers


def _checked(surprisal: np.ndarray, words: pd.DataFrame) -> np.ndarray:
    if surprisal.shape != (len(words),):
        raise LmbrainError(
            f"surprisal has shape {surprisal.shape}, but the words table has {len(words)} rows; "
            "compute it from this table."
        )
    wrong = words["is_word"].to_numpy(bool) & ~np.isfinite(surprisal)
    if wrong.any():
        row = words.iloc[int(wrong.argmax())]
        raise LmbrainError(
            f"Item {row['item']} ({row['text']!r}) is a word without a finite surprisal; compute "
            "the features again from this words table."
        )
    return surprisal
