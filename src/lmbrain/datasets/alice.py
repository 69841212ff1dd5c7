"""Alice in Wonderland: fMRI of six regions, 28 listeners (Brennan et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.artefacts import read_table
from lmbrain.datasets.arrays import read_samples, sentences_by_pauses
from lmbrain.datasets.sources import Lacking, Settings
from lmbrain.errors import LmbrainError
from lmbrain.responses import check_responses, continuous
from lmbrain.words import make_words


def files(
    folder: Path, subjects: Sequence[str], settings: Settings, lacking: Lacking
) -> dict[str, list[Path]]:
    """The files it consists of, by their kind in config/downloads.tsv."""
    return {
        "alice_words": [folder / "words.tsv"],
        "alice_responses": [folder / f"sub-{s}_bold.tsv" for s in subjects],
    }


def words_table(
    folder: Path, subjects: Sequence[str], story: str, settings: Settings, lacking: Lacking
) -> pd.DataFrame:
    """The words as heard, onset and duration in seconds of the audio's clock.

    The transcript has no punctuation: a silence of at least `pause` seconds (of the settings) ends
    a sentence.

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
    return words.assign(sentence=sentences_by_pauses(words, settings["pause"]))


def responses(
    folder: Path,
    subject: str,
    words: pd.DataFrame,
    settings: Settings,
    lacking: Lacking,
    binning: Settings,
) -> xr.DataArray:
    """One person's time courses, (volume, region, 1).

    Volume k was taken at `first_volume` + k x `repetition_time` seconds (of the settings).

    Raises
    ------
    LmbrainError
        If the file is missing, holds no numbers, or is all zeros; names file and mend.
    """
    path = folder / f"sub-{subject}_bold.tsv"
    values = read_samples(path)
    times = settings["first_volume"] + settings["repetition_time"] * np.arange(len(values))
    result = continuous(values, times)
    check_responses(result, f"{path} (subject {subject})")
    return result
