"""A story presented more than once: one response a word, the mean over its presentations."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import mne
import numpy as np
import pandas as pd

from lmbrain.meg.word_locked import same_sensors, word_locked

log = logging.getLogger(__name__)


def mean_over_presentations(
    raws: Mapping[str, mne.io.BaseRaw],
    words: pd.DataFrame,
    onsets: Mapping[str, np.ndarray],
    presentations: Mapping[str, Sequence[str]],
    **settings: Any,
) -> mne.EpochsArray:
    """Word-locked responses, averaged over the recordings that present the same items.

    A word is averaged over those presentations that the person has a response to; with one
    recording a run this is `lmbrain.meg.word_locked.word_locked`.

    Parameters
    ----------
    raws
        A person's preprocessed recordings, by their label.
    words
        Words table; its `run` is the label of the first recording that presents it.
    onsets
        Each recording's onset of every item (s after its first sample), by its label.
    presentations
        Labels of all recordings that present the items of a run of the words table, in order;
        those that the person lacks included.
    **settings
        Further arguments of `word_locked`, without `lacking`.

    Returns
    -------
    Epochs (items x sensors x bins, T or T/m) as of `word_locked`; where runs are presented
    several times, the metadata say in `presentations` how many responses a word is the mean of.

    Raises
    ------
    LmbrainError
        If runs, onsets or sensors do not fit each other.
    """
    times = max(len(labels) for labels in presentations.values())
    parts = {}
    for time in range(times):
        given = {
            run: labels[time]
            for run, labels in presentations.items()
            if time < len(labels) and labels[time] in raws
        }
        if given:
            parts[next(iter(given.values()))] = word_locked(
                {run: raws[label] for run, label in given.items()},
                words,
                {run: onsets[label] for run, label in given.items()},
                lacking=[run for run in presentations if run not in given],
                **settings,
            )
    same_sensors({label: part.ch_names for label, part in parts.items()})
    return next(iter(parts.values())) if times == 1 else _average(list(parts.values()))


def _average(parts: Sequence[mne.EpochsArray]) -> mne.EpochsArray:
    """Mean of the usable responses to each word; unusable ones are zero and do not count."""
    count = sum(part.metadata["usable"].to_numpy(int) for part in parts)
    total = sum(part.get_data(copy=False) for part in parts)
    lost = np.array(parts[0].metadata["lost"], dtype=object)
    for part in parts[1:]:  # why the first recording that there is has none
        own = part.metadata["lost"].to_numpy()
        lost = np.where(lost == "not recorded", own, lost)
    metadata = parts[0].metadata.assign(
        usable=count > 0, lost=np.where(count > 0, "", lost).astype(str), presentations=count
    )
    log.info(
        "Words averaged over presentations: %s",
        dict(zip(*np.unique(count, return_counts=True), strict=True)),
    )
    return mne.EpochsArray(
        total / np.maximum(count, 1)[:, None, None],
        parts[0].info,
        tmin=parts[0].tmin,
        metadata=metadata,
        baseline=None,
        proj=False,
        verbose="error",
    )
