"""The story as it is shown: one word at a time, a fixation cross before each paragraph."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from lmbrain.errors import LmbrainError
from lmbrain.words import is_word, make_words, number_sentences

FIXATION = "+"
LEAD_IN = 3.0  # s of rest before the first item of a run


def stimulus_words(
    story_text: str, words: int | None, runs: list[str], word_interval: float, story: str
) -> pd.DataFrame:
    """The words table of the items as shown.

    Parameters
    ----------
    story_text
        Paragraphs separated by blank lines; the items are what white space separates.
    words
        Length in words; cut at the last sentence end within it. None keeps the whole story.
    runs
        Labels of the recordings; each ends at a sentence end, with about the same number of words.
    word_interval
        Seconds from item to item, which is also the time for which an item is shown.
    story
        The story's name.

    Returns
    -------
    Words table (see `lmbrain.words`); a fixation cross stands at the start of each run and
    paragraph; the first onset of a run is at `LEAD_IN`.

    Raises
    ------
    LmbrainError
        If the story has too few sentences for `words` or `runs`.
    """
    paragraphs = [p.split() for p in re.split(r"\n\s*\n", story_text) if p.strip()]
    text = [item for paragraph in paragraphs for item in paragraph]
    starts = np.cumsum([0, *(len(p) for p in paragraphs)])
    ends = _sentence_ends(text)
    if words is not None:
        ends = ends[_word_counts(text)[ends] <= words]
        if not len(ends):
            raise LmbrainError(
                f"data.simulated.recordings.words is {words}, fewer than the first sentence of "
                "the story has; raise it."
            )
    cuts = _run_ends(ends, len(runs))
    items, labels = [], []
    for position in range(ends[-1] + 1):
        run = int(np.searchsorted(cuts, position))
        if position in starts or (run > 0 and position == cuts[run - 1] + 1):
            items.append(FIXATION)
            labels.append(runs[run])
        items.append(text[position])
        labels.append(runs[run])
    within = pd.Series(labels).groupby(labels).cumcount().to_numpy()
    onset = np.round(LEAD_IN + word_interval * within, 6)
    return make_words(
        [story] * len(items), labels, items, onset, np.full(len(items), word_interval)
    )


def _sentence_ends(text: list[str]) -> np.ndarray:
    """Positions of the last item of each sentence."""
    flags = np.array([is_word(t) for t in text])
    sentence = number_sentences(text, flags, ["story"] * len(text))
    positions = np.flatnonzero(flags)
    last = np.append(np.diff(sentence[positions]) != 0, True)
    return positions[last]


def _word_counts(text: list[str]) -> np.ndarray:
    return np.cumsum([is_word(t) for t in text])


def _run_ends(ends: np.ndarray, runs: int) -> np.ndarray:
    """The sentence ends nearest to equal shares, one a run."""
    wanted = (ends[-1] + 1) * np.arange(1, runs + 1) / runs - 1
    cuts = np.array([ends[np.abs(ends - w).argmin()] for w in wanted])
    if len(np.unique(cuts)) < runs:
        raise LmbrainError(
            f"{len(ends)} sentences cannot be spread over {runs} runs; lower "
            "data.simulated.recordings.runs or raise data.simulated.recordings.words."
        )
    return cuts
