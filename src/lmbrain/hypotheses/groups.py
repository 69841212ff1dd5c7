"""The two groups of sentences that hypotheses are about, in two halves of the story.

One half proposes, the other tests, so that no hypothesis is tested on what suggested it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lmbrain.artefacts import read_table
from lmbrain.errors import LmbrainError

RESEARCH = "research"
VALIDATION = "validation"
DIVERGENT = "divergent"
CONVERGENT = "convergent"
BETWEEN = "between"


def choose_groups(sentences: pd.DataFrame, sentences_per_group: int, blocks: int) -> pd.DataFrame:
    """Pick the most and least divergent sentences inside each half of the story.

    Parameters
    ----------
    sentences
        One row a sentence in the story's order: `sentence` (number), `text`, `divergence` (any
        scale; NaN for sentences without a score, which take no part).
    sentences_per_group
        Sentences in each group of each half.
    blocks
        The story is cut into this many contiguous stretches of near-equal numbers of sentences;
        the first, third, ... are the research half, the others the validation half.

    Returns
    -------
    DataFrame
        The scored sentences with `block` (from 0), `half` (research or validation) and `group`
        (divergent, convergent or between). Equal divergences: the earlier sentence comes first.

    Raises
    ------
    LmbrainError
        If a half has too few scored sentences, or a divergence is infinite.
    """
    divergence = sentences["divergence"].to_numpy(float)
    if np.isinf(divergence).any():
        number = sentences["sentence"].iloc[int(np.isinf(divergence).argmax())]
        raise LmbrainError(f"Sentence {number} has an infinite divergence; recompute the scores.")
    groups = sentences[~np.isnan(divergence)].reset_index(drop=True)
    groups["block"] = np.arange(len(groups)) * blocks // max(len(groups), 1)
    groups["half"] = np.where(groups["block"] % 2 == 0, RESEARCH, VALIDATION)
    groups["group"] = BETWEEN
    for half in (RESEARCH, VALIDATION):
        part = groups.loc[groups["half"] == half, "divergence"]
        if len(part) < 2 * sentences_per_group:
            raise LmbrainError(
                f"The {half} half has {len(part)} scored sentences, but two groups of "
                f"{sentences_per_group} need {2 * sentences_per_group}; lower "
                "hypotheses.groups.sentences_per_group."
            )
        ranked = part.sort_values(ascending=False, kind="stable").index
        groups.loc[ranked[:sentences_per_group], "group"] = DIVERGENT
        groups.loc[ranked[-sentences_per_group:], "group"] = CONVERGENT
    return groups


def read_groups(path: str | Path) -> pd.DataFrame:
    """Read a table of groups written with `lmbrain.artefacts.write_table`.

    Raises
    ------
    LmbrainError
        If the file or a column is missing.
    """
    groups = read_table(path, numeric=("sentence", "divergence", "block"))
    missing = [c for c in ("text", "half", "group") if c not in groups.columns]
    if missing:
        raise LmbrainError(f"{path} has no column {missing[0]!r}; rerun the rule that makes it.")
    return groups.astype({"sentence": int, "block": int})


def members(groups: pd.DataFrame, half: str, group: str) -> pd.DataFrame:
    """The rows of one group in one half, in the story's order."""
    return groups[(groups["half"] == half) & (groups["group"] == group)]
