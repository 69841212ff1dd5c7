"""Several annotators' judgements of each word: their majority, and how far they agree."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lmbrain.artefacts import read_text
from lmbrain.errors import LmbrainError

VALUES = {"": False, "0": False, "1": True}
# Words drawn together by the bootstrap: some three sentences, since who is moved by a scene marks
# many of its words.
BLOCK = 40
RESAMPLES = 2000
# Share of rows that may differ from the story's items by more than signs. Tables of the same
# story differ in a few words; one that is shifted by a row, or of another story, in nearly all.
DIFFERING = 0.05


def read_votes(path: Path, columns: Sequence[str], items: Sequence[str]) -> np.ndarray:
    """One annotator's judgements (item, category), True where the word was marked.

    Parameters
    ----------
    path
        CSV with a row an item: `Word` and a column a category that holds 1, 0 or nothing (no);
        other columns are passed over. The last row may be missing.
    columns
        Names of the categories' columns.
    items
        The story's items as shown, to which the rows must belong (signs aside: tables may leave
        out crosses and quotation marks).

    Raises
    ------
    LmbrainError
        If the file or a column is missing, the file is not in UTF-8, the rows belong to other
        items, or a cell holds anything else; names file and row.
    """
    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; see config/downloads.tsv for where it is.")
    rows = list(csv.DictReader(io.StringIO(read_text(path))))
    missing = [c for c in ("Word", *columns) if not rows or c not in rows[0]]
    if missing:
        raise LmbrainError(f"{path} has no column {missing[0]!r}; fetch it anew.")
    if not len(items) - 1 <= len(rows) <= len(items):
        raise LmbrainError(
            f"{path} has {len(rows)} rows for {len(items)} items; give the table of this story."
        )
    _check_words(path, [row["Word"] or "" for row in rows], items)
    votes = np.zeros((len(items), len(columns)), bool)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            value = (row[column] or "").strip()
            if value not in VALUES:
                raise LmbrainError(
                    f"{path}, row {i + 1}: {column} is {value!r}; write 1, 0 or nothing."
                )
            votes[i, j] = VALUES[value]
    return votes


def majority(votes: np.ndarray) -> np.ndarray:
    """Whether more than half of the annotators marked a word.

    Parameters
    ----------
    votes : (annotator, item, category) bool

    Returns
    -------
    (item, category) bool
    """
    return 2 * votes.sum(axis=0) > len(votes)


def alpha(marked: np.ndarray, annotators: int) -> float:
    """Krippendorff's alpha for yes or no (nominal), no judgement missing.

    alpha = 1 - D_o / D_e: D_o, the pairs of judgements of the same word that differ, each word's
    divided by annotators - 1; D_e, those among all judgements, divided by their number - 1. 1 is
    full agreement, 0 what chance gives, below 0 is worse than chance.

    Parameters
    ----------
    marked : (word,) int
        How many annotators marked each word.
    annotators
        How many judged it, at least 2.

    Returns
    -------
    NaN where all judgements are equal: then no agreement can be told from chance.

    References
    ----------
    Krippendorff 2011, Computing Krippendorff's alpha-reliability.
    """
    judgements, yes = annotators * len(marked), int(np.sum(marked))
    if yes in (0, judgements):
        return float("nan")
    observed = float(np.sum(marked * (annotators - marked))) / (annotators - 1)
    return 1 - observed * (judgements - 1) / (yes * (judgements - yes))


def agreement_table(
    votes: np.ndarray,
    names: Sequence[str],
    seed: int,
    block: int = BLOCK,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """How far annotators agree on each category.

    The interval is that of a circular block bootstrap: alpha of stretches of `block` neighbouring
    words drawn at random, as many words as there are, the story's end joined to its start.

    Parameters
    ----------
    votes : (annotator, word, category) bool
        Of words in the order of the story, at least two annotators.
    names
        Of the categories.
    seed
        Of the numpy Generator.
    block
        Words.
    resamples
        Draws.

    Returns
    -------
    DataFrame, a row a category: category, alpha, low, high (95%), annotators, words, share (of
    the words, by majority).

    References
    ----------
    Politis & Romano 1992, A circular block-resampling procedure for stationary data.
    """
    annotators, n_words, _ = votes.shape
    marked = votes.sum(axis=0)
    draws = circular_blocks(n_words, block, resamples, seed)
    share = majority(votes).mean(axis=0)
    rows = []
    for j, name in enumerate(names):
        drawn = np.array([alpha(marked[rows_drawn, j], annotators) for rows_drawn in draws])
        known = drawn[np.isfinite(drawn)]
        low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
        found = alpha(marked[:, j], annotators)
        rows.append((name, found, low, high, annotators, n_words, share[j]))
    columns = ["category", "alpha", "low", "high", "annotators", "words", "share"]
    return pd.DataFrame(rows, columns=columns)


def circular_blocks(n: int, block: int, resamples: int, seed: int) -> np.ndarray:
    """(resamples, n) indices of samples, drawn in stretches of `block` neighbours."""
    starts = np.random.default_rng(seed).integers(0, n, (resamples, -(-n // block)))
    drawn = (starts[:, :, None] + np.arange(block)) % n
    return drawn.reshape(resamples, -1)[:, :n]


def _check_words(path: Path, found: Sequence[str], items: Sequence[str]) -> None:
    differ = [_letters(a) != _letters(b) for a, b in zip(found, items, strict=False)]
    if sum(differ) > DIFFERING * len(items):
        row = differ.index(True)
        raise LmbrainError(
            f"{path} belongs to other items: {sum(differ)} of its rows differ from the story, "
            f"first row {row + 1} ({found[row]!r}, shown was {items[row]!r}); give the table of "
            "this story, with a row an item."
        )


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
