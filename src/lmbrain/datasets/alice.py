"""Alice in Wonderland: fMRI of six regions, 28 listeners (Brennan et al. 2016)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.artefacts import read_table
from lmbrain.errors import LmbrainError
from lmbrain.responses import check_responses, continuous
from lmbrain.words import make_words, number_by_pauses


def files(folder: Path, subjects: list[str]) -> dict[str, list[Path]]:
    """The files the data set consists of, by kind as in config/downloads.tsv."""
    return {
        "alice_words": [folder / "words.tsv"],
        "alice_responses": [folder / f"sub-{s}_bold.tsv" for s in subjects],
    }


def words_table(folder: Path, story: str, pause: float) -> pd.DataFrame:
    """The words as heard, onset and duration in seconds of the audio's clock.

    The transcript has no punctuation: a silence of at least `pause` seconds ends a sentence.

    Raises
    ------
    LmbrainError
        If words.tsv is missing, lacks a column or holds something that is no number.
    """
    heard = read_table(folder / "words.tsv", numeric=("onset", "duration"))
    if "word" not in heard:
        raise LmbrainError(f"{folder / 'words.tsv'} has no column 'word'; restore the file.")
    n = len(heard)
    onset, duration = heard["onset"].to_numpy(), heard["duration"].to_numpy()
    words = make_words([story] * n, ["01"] * n, heard["word"].tolist(), onset, duration)
    return words.assign(sentence=number_by_pauses(onset, duration, pause))


def responses(
    folder: Path, subject: str, first_volume: float, repetition_time: float
) -> xr.DataArray:
    """One person's time courses, (volume, region, 1), volume k taken at first + k x TR seconds.

    Raises
    ------
    LmbrainError
        If the file is missing, holds no numbers, or is all zeros; names file and mend.
    """
    path = folder / f"sub-{subject}_bold.tsv"
    table = read_table(path)
    values = read_table(path, numeric=tuple(table.columns)).astype(np.float32)
    times = first_volume + repetition_time * np.arange(len(values))
    result = continuous(values, times)
    check_responses(result, f"{path} (subject {subject})")
    return result
