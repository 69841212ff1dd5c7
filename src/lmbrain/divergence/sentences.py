"""Scores carried over from samples to words, from words to sentences, and to their ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lmbrain.errors import LmbrainError
from lmbrain.samples import segment_names


def samples_to_words(
    scores: pd.DataFrame,
    seconds: np.ndarray,
    segment: np.ndarray,
    words: pd.DataFrame,
    window: tuple[float, float],
) -> pd.DataFrame:
    """Give each word the mean score of the samples taken in a window after its onset.

    Parameters
    ----------
    scores : a row a sample
        Scores of continuous responses; a NaN is left out of the mean.
    seconds : (samples,)
        Time of each sample on its run's clock.
    segment : (samples,)
        Story and run of each sample (`lmbrain.samples.segment_names`): a word's window does not
        reach into another story or run.
    words
        The words table.
    window : (start, stop)
        Seconds after word onset, both included.

    Returns
    -------
    DataFrame, a row a word; NaN for items that are no words and words without a scored sample.

    Raises
    ------
    LmbrainError
        If no word has a scored sample.
    """
    result = np.full((len(words), scores.shape[1]), np.nan)
    spoken = words[words["is_word"]]
    for name, part in spoken.groupby(segment_names(spoken["story"], spoken["run"]), sort=False):
        rows = np.flatnonzero(np.asarray(segment) == name)
        rows = rows[np.argsort(np.asarray(seconds)[rows], kind="stable")]
        times, values = np.asarray(seconds)[rows], scores.to_numpy(float)[rows]
        finite = np.isfinite(values)
        first = np.searchsorted(times, part["onset"] + window[0], side="left")
        stop = np.searchsorted(times, part["onset"] + window[1], side="right")
        total = _between(np.where(finite, values, 0.0), first, stop)
        count = _between(finite.astype(float), first, stop)
        result[part.index] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    if not np.isfinite(result).any():
        raise LmbrainError(
            f"No sample lies {window[0]:g} to {window[1]:g} s after any word; correct "
            "divergence.window or the runs' clocks."
        )
    table = pd.DataFrame(result, columns=scores.columns)
    table.attrs.update(scores.attrs)
    return table


def sentence_divergence(
    scores: pd.DataFrame, words: pd.DataFrame, minimal_sentence_words: int
) -> pd.DataFrame:
    """Mean of each score over the scored words of each sentence.

    Parameters
    ----------
    scores : a row an item
        From `word_divergence` or `samples_to_words`; rows with a NaN are left out.
    words
        The words table.
    minimal_sentence_words
        Sentences with fewer scored words are dropped: words without a score (lost, outside the
        recording, outside all folds, or of one person alone where others have pairs) count neither
        here nor in the mean.

    Returns
    -------
    DataFrame, a row a sentence in story order: sentence, story, text, first_item, last_item, length
    (scored words), excluded_items (items from first to last without a score), then the scores.

    Raises
    ------
    LmbrainError
        If the tables differ in length or no sentence is left.
    """
    if len(scores) != len(words):
        raise LmbrainError(
            f"There are {len(scores)} word scores but {len(words)} items; rerun the divergence."
        )
    # A measure that one fold lacks would be NaN for good words: only all-NaN columns are ignored.
    scored = scores.dropna(axis=1, how="all").notna().all(axis=1).to_numpy()
    rows = []
    for sentence, items in words[words["sentence"] >= 0].groupby("sentence", sort=True):
        counted = items.index[scored[items.index]]
        if len(counted) < minimal_sentence_words:
            continue
        first, last = int(items["item"].iloc[0]), int(items["item"].iloc[-1])
        rows.append(
            {
                "sentence": int(sentence),
                "story": items["story"].iloc[0],
                "text": " ".join(items["text"]),
                "first_item": first,
                "last_item": last,
                "length": len(counted),
                "excluded_items": last - first + 1 - len(counted),
                **scores.loc[counted].mean().to_dict(),
            }
        )
    if not rows:
        raise LmbrainError(
            f"No sentence has {minimal_sentence_words} scored words; lower "
            "divergence.minimal_sentence_words or check the words table's sentences."
        )
    table = pd.DataFrame(rows)
    table.attrs.update(scores.attrs)
    return table


def rank_sentences(sentences: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The sentences, still in story order, with the score that ranks them and their rank.

    Parameters
    ----------
    sentences
        From `sentence_divergence`.
    measure
        The column that ranks.

    Returns
    -------
    DataFrame with two more columns after the text: divergence (the measure) and rank (1: the most
    divergent). Equal scores rank in story order.
    """
    ranked = sentences.copy()
    place = ranked.columns.get_loc("text") + 1
    score = sentences[measure]
    ranked.insert(place, "divergence", score)
    ranked.insert(place + 1, "rank", score.rank(ascending=False, method="first").astype(int))
    return ranked


def _between(values: np.ndarray, first: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Sums of rows first to stop - 1."""
    running = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])
    return running[stop] - running[np.minimum(first, stop)]
