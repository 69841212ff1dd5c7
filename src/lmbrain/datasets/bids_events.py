"""The items of a run, read from its events.tsv.

Events files are read here, not through MNE's annotations: mne-bids renames repeated trial types,
re-quotes apostrophes and drops rows, and a table reader's defaults turn the words null and NA
into missing values.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from fnmatch import fnmatchcase
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd

from lmbrain.artefacts import read_table
from lmbrain.errors import LmbrainError
from lmbrain.words import is_word, make_words, number_by_pauses, number_sentences

MISSING = ("", "n/a")
TIMES = ("onset", "duration")
JOINT = "/"  # between the values of several kind columns
CODES = "value"  # BIDS column of trigger codes
UNKNOWN = "n/a"


def read_events(path: str | Path) -> pd.DataFrame:
    """Read an events file; every column but onset and duration (seconds) stays text.

    Raises
    ------
    LmbrainError
        If the file or the column onset or duration is missing, or a row is malformed.
    """
    events = read_table(path, numeric=TIMES)
    events.attrs["source"] = str(path)
    return events


def words_of_run(
    events: pd.DataFrame,
    story: str,
    run: str,
    *,
    word_column: str,
    kind_columns: Sequence[str],
    word_kinds: Sequence[str],
    other_kinds: Sequence[str],
    silences: Sequence[str],
    quoted: bool,
    dictionary_column: str | None,
    story_column: str | None,
    sentence_column: str | None,
    sentence_pause: float | None,
    user_columns: Sequence[str] = (),
) -> pd.DataFrame:
    """The items shown or heard in one run, in order of onset.

    An item is an event with a text whose kind is one of `word_kinds` or `other_kinds`. It is a
    word if its kind is one of `word_kinds` and its text holds a letter or digit; fixation crosses
    and texts of other kinds are items, but no words.

    Parameters
    ----------
    events
        From `read_events`.
    story, run
        Labels entered in the table.
    word_column
        Column that holds the text; an empty cell, blanks or `n/a`, also between quotes, mean no
        text. Blanks around a text are no part of it.
    kind_columns
        Columns that tell words from other texts, their values joined by `/`; empty: all are words.
    word_kinds, other_kinds
        Kinds of words and of other items; `*` stands for anything.
    silences
        Texts that mark a pause: no items.
    quoted
        Whether each text stands between double quotes that are no part of it.
    dictionary_column
        Column whose cells hold a Python dict as text; its keys serve as columns.
    story_column
        Column with the story's name; None: `story` for all.
    sentence_column, sentence_pause
        Column that is the same for the words of a sentence, or seconds of silence that end one;
        both None: punctuation (`lmbrain.words.number_sentences`).
    user_columns
        Further columns to keep, as text.

    Returns
    -------
    Words table (`lmbrain.words.COLUMNS`, items and sentences numbered from 0 in this run), the
    user's columns and, where the events have trigger codes, their column `value` (text).

    Raises
    ------
    LmbrainError
        If a column, the words, an onset or a name is missing, an item is listed twice, or a
        user's column bears the name of one of the words table.
    """
    source = events.attrs.get("source", f"The events of run {run}")
    if dictionary_column is not None:
        events = with_dictionary(events, dictionary_column, source)
    _check_columns(events, source, "word_column", [word_column])
    _check_columns(events, source, "kind_columns", kind_columns)
    shown, kinds = _shown_items(events, word_column, kind_columns, [*word_kinds, *other_kinds])
    shown = shown.assign(**{word_column: _bare_texts(shown[word_column], quoted, source)})
    heard = ~shown[word_column].isin([*silences, *MISSING])
    shown, kinds = shown[heard], kinds[heard]
    if shown.empty:
        raise LmbrainError(_no_word(source, kind_columns, word_kinds))
    _check_filled(shown["onset"].isna(), "a text without an onset", source)
    _check_each_once(shown, word_column, source)
    shown = shown.sort_values("onset", kind="stable")
    spoken = kinds[shown.index].map(lambda kind: not kind_columns or matches(kind, word_kinds))
    spoken &= shown[word_column].map(is_word)
    words = make_words(
        _names(shown, spoken, story, story_column, source),
        [run] * len(shown),
        shown[word_column].tolist(),
        shown["onset"].to_numpy(float),
        shown["duration"].to_numpy(float),
    )
    words["is_word"] = spoken.to_numpy(bool)
    if not words["is_word"].any():
        raise LmbrainError(_no_word(source, kind_columns, word_kinds))
    _number_sentences(words, shown, sentence_column, sentence_pause, source)
    for column in user_columns:
        _check_user_column(column, words, shown, source)
        words[column] = shown[column].to_numpy()
    if CODES in shown.columns and word_column != CODES:
        words[CODES] = shown[CODES].to_numpy()
    return words


def _no_word(source: str, kind_columns: Sequence[str], word_kinds: Sequence[str]) -> str:
    kinds = f" with {JOINT.join(kind_columns)} among {list(word_kinds)}" if kind_columns else ""
    return f"{source} holds no word (a text{kinds}); correct data.bids.events in the config."


def parse_dictionary(text: str) -> dict[str, str]:
    """Parse a Python dict written as text, without evaluating it.

    Keys are strings; values are strings, numbers (nan, too), True, False or None. Nothing else is
    let through: no names, calls, comprehensions or nested containers.

    Returns
    -------
    The dict with its values as text; nan and None become `n/a`.

    Raises
    ------
    ValueError
        If the text is anything else.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError("no Python dict") from None
    if not isinstance(node, ast.Dict):
        raise ValueError("no Python dict")
    parsed: dict[str, str] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            raise ValueError("a key that is no string")
        if key.value in parsed:
            raise ValueError(f"the key {key.value!r} twice")
        parsed[key.value] = _plain_value(value)
    return parsed


def _plain_value(node: ast.expr) -> str:
    sign = ""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = "-", node.operand
        if not (isinstance(node, ast.Constant) and type(node.value) in (int, float)):
            raise ValueError("a value that is no string or number")
    if isinstance(node, ast.Name) and node.id == "nan":
        return UNKNOWN
    if not isinstance(node, ast.Constant):
        raise ValueError("a value that is no string or number")
    value = node.value
    if value is None or (isinstance(value, float) and isnan(value)):
        return UNKNOWN
    if not isinstance(value, str | int | float):
        raise ValueError("a value that is no string or number")
    return f"{sign}{value}"


def with_dictionary(events: pd.DataFrame, column: str, source: str) -> pd.DataFrame:
    """The events with the keys of a column's dicts as columns; `n/a` where a dict lacks one."""
    _check_columns(events, source, "dictionary_column", [column])
    dictionaries = []
    for row, cell in enumerate(events[column], start=1):
        try:
            dictionaries.append({} if cell in MISSING else parse_dictionary(cell))
        except ValueError as error:
            raise LmbrainError(
                f"{source}, row {row}: {column} holds {error} ({cell[:60]!r}); mend it, or correct "
                "data.bids.events.dictionary_column in the config."
            ) from None
    keys = list(dict.fromkeys(key for dictionary in dictionaries for key in dictionary))
    taken = [key for key in keys if key in events.columns]
    if taken:
        raise LmbrainError(
            f"{source}: the dicts of {column} have a key {taken[0]!r}, which is a column of its "
            "own, too; rename one of them, or set data.bids.events.dictionary_column to null."
        )
    unpacked = pd.DataFrame(
        {key: [dictionary.get(key, UNKNOWN) for dictionary in dictionaries] for key in keys},
        index=events.index,
    )
    return pd.concat([events, unpacked], axis=1)


def _shown_items(
    events: pd.DataFrame, word_column: str, kind_columns: Sequence[str], kinds: Sequence[str]
) -> tuple[pd.DataFrame, pd.Series]:
    """Events with a text and one of the kinds, and their kinds."""
    texts = events[word_column].str.strip()
    shown = events.assign(**{word_column: texts})[~texts.isin(MISSING)]
    if not kind_columns:
        return shown, pd.Series("", index=shown.index)
    joined = shown[kind_columns[0]].str.cat([shown[c] for c in kind_columns[1:]], sep=JOINT)
    wanted = joined.map({kind: matches(kind, kinds) for kind in joined.unique()}).astype(bool)
    return shown[wanted], joined[wanted]


def matches(kind: str, patterns: Sequence[str]) -> bool:
    """Whether a kind is one of the patterns; `*` stands for anything."""
    return any(kind == pattern or fnmatchcase(kind, pattern) for pattern in patterns)


def _bare_texts(texts: pd.Series, quoted: bool, source: str) -> pd.Series:
    """The texts without the quotes that belong to the file, as the config says."""
    between = texts.map(lambda text: len(text) > 1 and text[0] == text[-1] == '"').astype(bool)
    if quoted:
        _check_filled(
            ~between,
            "a text without the double quotes that data.bids.events.quoted promises",
            source,
        )
        return texts.str.slice(1, -1).str.replace('""', '"').str.strip()
    if len(texts) > 1 and between.all():
        raise LmbrainError(
            f"{source}: every text stands in double quotes, such as {texts.iloc[0]}; set "
            "data.bids.events.quoted to true in the config, or take the quotes away."
        )
    return texts


def _names(
    shown: pd.DataFrame, spoken: pd.Series, story: str, column: str | None, source: str
) -> list[str]:
    """The story of each item; one that is no word and has none is of its neighbour's."""
    if column is None:
        return [story] * len(shown)
    _check_columns(shown, source, "story_column", [column])
    nameless = shown[column].isin(MISSING)
    _check_filled(nameless & spoken, f"a word without a {column}", source)
    return shown[column].mask(nameless).ffill().bfill().tolist()


def _number_sentences(
    words: pd.DataFrame,
    shown: pd.DataFrame,
    column: str | None,
    pause: float | None,
    source: str,
) -> None:
    """Number the sentences by a column, by pauses or by punctuation, in place."""
    spoken = words["is_word"].to_numpy(bool)
    onset, duration = words["onset"].to_numpy()[spoken], words["duration"].to_numpy()[spoken]
    if column is not None:
        _check_columns(shown, source, "sentence_column", [column])
        _check_filled(shown[column].isin(MISSING) & spoken, f"a word without {column}", source)
        marks = (words["story"] + "\t" + shown[column].to_numpy()).to_numpy()[spoken]
        numbers = np.concatenate([[0], np.cumsum(marks[1:] != marks[:-1])])
    elif pause is not None:
        _check_filled(
            shown["duration"].isna() & spoken,
            "a word without a duration, which data.bids.events.sentence_pause needs",
            source,
        )
        numbers = number_by_pauses(onset, duration, pause)
    else:
        words["sentence"] = number_sentences(
            words["text"].tolist(), spoken, words["story"].tolist()
        )
        return
    words["sentence"] = -1
    words.loc[spoken, "sentence"] = numbers


def _check_columns(events: pd.DataFrame, source: str, key: str, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in events.columns:
            raise LmbrainError(
                f"{source} has no column {column!r} (it has {', '.join(events.columns)}); "
                f"correct data.bids.events.{key} in the config."
            )


def _check_filled(lacking: pd.Series, what: str, source: str) -> None:
    """Name the row of the file (from 1 below the header) where something is lacking."""
    if lacking.any():
        row = int(lacking.idxmax()) + 1
        raise LmbrainError(f"{source}, row {row}: {what}; mend the row or the config.")


def _check_each_once(shown: pd.DataFrame, word_column: str, source: str) -> None:
    """Refuse an item that the file lists twice: it would count as two words."""
    again = shown.duplicated(["onset", word_column])
    if again.any():
        item = shown.loc[again.idxmax()]
        what = f"{item[word_column]!r} at {item['onset']:g} s a second time"
        _check_filled(again, what, source)


def _check_user_column(column: str, words: pd.DataFrame, shown: pd.DataFrame, source: str) -> None:
    if column in words or column == CODES:
        raise LmbrainError(
            f"features.user_columns names {column!r}, which the words table fills itself; give "
            "your column of events.tsv another name."
        )
    if column not in shown:
        raise LmbrainError(
            f"{source} has no column {column!r} (it has {', '.join(shown.columns)}); add it, or "
            "correct features.user_columns in the config."
        )
