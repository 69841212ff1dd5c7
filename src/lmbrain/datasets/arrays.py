"""Running responses as plain arrays, time x sensor, beside a table of word times: fMRI, ECoG, MEG.

A file a person, or one for each of her stories and runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.artefacts import read_table, read_text
from lmbrain.datasets.sources import Lacking, Settings, check_lacking
from lmbrain.errors import LmbrainError
from lmbrain.responses import check_responses, continuous
from lmbrain.words import COLUMNS, make_words, number_by_pauses, number_sentences

SEPARATORS = {".tsv": "\t", ".csv": ","}


def files(
    folder: Path, subjects: Sequence[str], settings: Settings, lacking: Lacking
) -> dict[str, list[Path]]:
    """The files it consists of, by their kind in config/downloads.tsv."""
    table = folder / settings["words"]
    wanted = {"arrays_words": [table], "arrays_responses": []}
    if settings["sensors"] is not None:
        wanted["arrays_sensors"] = [folder / settings["sensors"]]
    if table.is_file():
        words = words_table(folder, subjects, "", settings, lacking)
        paths = (
            samples_path(folder, subject, story, run, settings)
            for subject in subjects
            for story, run in _runs(words)
            if run not in lacking.get(subject, ())
        )
        wanted["arrays_responses"] = list(dict.fromkeys(paths))
    return wanted


def samples_path(folder: Path, subject: str, story: str, run: str, settings: Settings) -> Path:
    """The file of a person's run."""
    return folder / settings["responses"].format(subject=subject, story=story, run=run)


def words_table(
    folder: Path, subjects: Sequence[str], story: str, settings: Settings, lacking: Lacking
) -> pd.DataFrame:
    """The words of the table of words; what it says beyond `COLUMNS` is kept.

    It needs the columns text and onset; story, run and duration may be missing (the config's
    story, run 01, not known), as may is_word (items with a letter or digit) and sentence
    (punctuation, or `pause` seconds of silence).

    Raises
    ------
    LmbrainError
        If the table or a column are missing, a value is no number, or a person lacks a run that
        is not there, or all of them.
    """
    path = folder / settings["words"]
    table = read_table(path)
    numeric = ["onset", *(c for c in ("duration", "sentence") if c in table)]
    boolean = [c for c in ("is_word",) if c in table]
    table = read_table(path, numeric=tuple(numeric), boolean=tuple(boolean))
    if "text" not in table:
        raise LmbrainError(f"{path} has no column 'text' with the words; add it.")
    n = len(table)
    words = make_words(
        table["story"].to_list() if "story" in table else [story] * n,
        table["run"].to_list() if "run" in table else ["01"] * n,
        table["text"].to_list(),
        table["onset"].to_numpy(float),
        table["duration"].to_numpy(float) if "duration" in table else np.full(n, np.nan),
    )
    check_lacking(words, subjects, lacking)
    if "is_word" in table:
        words["is_word"] = table["is_word"]
    if "sentence" in table:
        words["sentence"] = table["sentence"]
    elif settings["pause"] is not None:
        words["sentence"] = sentences_by_pauses(words, settings["pause"])
    else:
        flags = words["is_word"].to_numpy(bool)
        words["sentence"] = number_sentences(table["text"].to_list(), flags, list(words["story"]))
    return words.assign(**{c: table[c] for c in table if c not in COLUMNS})


def sentences_by_pauses(words: pd.DataFrame, pause: float) -> np.ndarray:
    """Sentence number of each item: one ends with its run, and before `pause` seconds of silence.

    Where durations are not known, they count as 0. Items that are no words get -1.
    """
    numbers, so_far = np.full(len(words), -1), 0
    spoken = words["is_word"].to_numpy(bool)
    for _, part in words[spoken].groupby(["story", "run"], sort=False):
        rows = words.index.get_indexer(part.index)
        duration = part["duration"].fillna(0).to_numpy(float)
        numbers[rows] = so_far + number_by_pauses(part["onset"].to_numpy(float), duration, pause)
        so_far = numbers[rows].max() + 1
    return numbers


def responses(
    folder: Path,
    subject: str,
    words: pd.DataFrame,
    settings: Settings,
    lacking: Lacking,
    binning: Settings,
) -> xr.DataArray:
    """One person's time courses, (sample, sensor, 1), run after run as in the words table.

    Sample k of a run was taken at `first_sample` + k x `interval` seconds (of the settings). A
    run that the person lacks is as long as another person's file of it, zero and not usable.

    Raises
    ------
    LmbrainError
        If a file is missing, holds no numbers, is all zeros or has other sensors than the first,
        or samples end before most of the words.
    """
    parts = []
    for story, run in _runs(words):
        path = samples_path(folder, subject, story, run, settings)
        has = run not in lacking.get(subject, ())
        if not has:
            path = _anybodys(folder, story, run, settings)
        values = _named(read_samples(path), path, folder, settings["sensors"])
        if parts and list(values) != parts[0].sensor.to_numpy().tolist():
            raise LmbrainError(
                f"{path} has other sensors than the person's first file; give all the same."
            )
        times = settings["first_sample"] + settings["interval"] * np.arange(len(values))
        here = (words["story"] == story) & (words["run"] == run)
        _check_span(times, words["onset"][here].to_numpy(float), path)
        count = len(values)
        part = continuous(values if has else values * 0, times, [story] * count, [run] * count)
        parts.append(part.assign_coords(usable=("sample", np.full(count, has))))
    result = xr.concat(parts, "sample").rename("responses")
    check_responses(result, f"{folder / settings['responses']} (subject {subject})")
    return result


def read_samples(path: Path) -> pd.DataFrame:
    """An array of samples: `.npy` (time, sensor), or a table with a column a sensor.

    Raises
    ------
    LmbrainError
        If the file is missing, is no such array or holds something that is no number.
    """
    if path.suffix in SEPARATORS:
        separator = SEPARATORS[path.suffix]
        header = tuple(read_table(path, separator=separator).columns)
        return read_table(path, numeric=header, separator=separator).astype(np.float32)
    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; make it, or correct its path in the config.")
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise LmbrainError(f"{path} is no array of numbers ({error}); save it anew.") from None
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise LmbrainError(
            f"{path} holds {values.dtype} values of shape {values.shape}; save real numbers, "
            "time x sensor."
        )
    width = len(str(values.shape[1]))
    names = [f"s{i + 1:0{width}d}" for i in range(values.shape[1])]
    return pd.DataFrame(values.astype(np.float32), columns=names)


def read_names(path: Path) -> list[str]:
    """Names of sensors, one a line.

    Raises
    ------
    LmbrainError
        If the file is missing, no UTF-8, or a name is there twice.
    """
    names = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise LmbrainError(f"{path} names {twice[0]} twice; name each sensor once.")
    return names


def _named(values: pd.DataFrame, path: Path, folder: Path, sensors: str | None) -> pd.DataFrame:
    if sensors is None:
        return values
    names = read_names(folder / sensors)
    if len(names) != values.shape[1]:
        raise LmbrainError(
            f"{path} has {values.shape[1]} columns, {folder / sensors} names {len(names)} "
            "sensors; save arrays as time x sensor, and name each column."
        )
    return values.set_axis(names, axis=1)


def _runs(words: pd.DataFrame) -> list[tuple[str, str]]:
    """Story and run of the words, in their order."""
    pairs = words[["story", "run"]].drop_duplicates()
    return list(pairs.itertuples(index=False, name=None))


def _anybodys(folder: Path, story: str, run: str, settings: Settings) -> Path:
    """Some person's file of a run, for its length."""
    pattern = settings["responses"].format(subject="*", story=story, run=run)
    found = sorted(folder.glob(pattern))
    if not found:
        raise LmbrainError(
            f"No person has a file {folder / pattern}; take run {run} of story {story} out of the "
            "table of words."
        )
    return found[0]


def _check_span(times: np.ndarray, onsets: np.ndarray, path: Path) -> None:
    inside = (onsets >= times[0]) & (onsets <= times[-1]) if len(times) else onsets < onsets
    if 2 * inside.sum() < len(onsets):
        ends = f"{times[0]:g} to {times[-1]:g} s" if len(times) else "no time"
        raise LmbrainError(
            f"{path} lasts {ends} ({len(times)} samples), but its words {onsets[0]:g} to "
            f"{onsets[-1]:g} s; save it as time x sensor, or correct data.arrays.interval and "
            "first_sample."
        )
