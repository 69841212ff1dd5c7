"""Epochs that a lab made itself: any `*-epo.fif` whose metadata say which word each epoch follows.

People may have lost different epochs: words are brought together by an item number that all
metadata share, or by story, run, onset and text.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmbrain.artefacts import read_table
from lmbrain.datasets.sources import Lacking, Settings, check_lacking
from lmbrain.errors import LmbrainError
from lmbrain.words import is_word, make_words, number_sentences

if TYPE_CHECKING:
    import mne

log = logging.getLogger(__name__)

EPOCHS_AT_ONCE = 200  # held in memory at their own sampling rate
# Seconds: the same word twice as close as this is one word whose onset differs between people.
SAME_WORD = 0.1


def files(
    folder: Path, subjects: Sequence[str], settings: Settings, lacking: Lacking
) -> dict[str, list[Path]]:
    """The files it consists of, by their kind in config/downloads.tsv."""
    return {"epochs": [epochs_path(folder, subject, settings) for subject in subjects]}


def epochs_path(folder: Path, subject: str, settings: Settings) -> Path:
    """A person's file."""
    return folder / settings["file"].format(subject=subject)


def words_table(
    folder: Path, subjects: Sequence[str], story: str, settings: Settings, lacking: Lacking
) -> pd.DataFrame:
    """All words of the story's table, if there is one, and those that any person has an epoch of.

    Without such a table a word that all people lost is missing from the contexts of those after
    it: where item numbers have gaps, the log says so. With an item column its numbers are kept as
    the column `source_item`, and onsets and durations are those of the first who has the word.

    Raises
    ------
    LmbrainError
        If metadata or a column are missing, a value is unreadable, people had other words, or
        onsets of the same word differ between people and no item column brings them together, or
        a person lacks a run that is not there, or all of them.
    """
    import mne

    known: dict[Any, dict[str, Any]] = {}
    sequences = []
    if settings["words"] is not None:
        path = Path(settings["words"]).expanduser()
        known = _items(read_table(path), path, story, settings["columns"])
        sequences.append(_parts(known))
    sensors: list[str] | None = None
    for subject in subjects:
        path = epochs_path(folder, subject, settings)
        epochs = _read(path)
        names = [epochs.ch_names[i] for i in mne.pick_types(epochs.info, meg=True, eeg=True)]
        sensors = sensors or names
        if names != sensors:
            odd = sorted(set(names) ^ set(sensors)) or names
            raise LmbrainError(
                f"{path} has other sensors than the file of {subjects[0]} ({odd[0]}); interpolate "
                "bad sensors instead of dropping them, and keep one order."
            )
        items = _items(epochs.metadata, path, story, settings["columns"])
        sequences.append(_parts(items))
        for row, (key, item) in enumerate(items.items()):
            if known.setdefault(key, item)["text"] != item["text"]:
                raise LmbrainError(
                    f"{path}, row {row + 1}: item {key} is {item['text']!r}, but "
                    f"{known[key]['text']!r} in another person or the table of words; number the "
                    "same words alike."
                )
    numbered = settings["columns"]["item"] is not None
    words = _in_order(known, None if numbered else _longest(sequences))
    check_lacking(words, subjects, lacking)
    return words


def responses(
    folder: Path,
    subject: str,
    words: pd.DataFrame,
    settings: Settings,
    lacking: Lacking,
    binning: Settings,
) -> mne.EpochsArray:
    """One person's responses, averaged in bins by `lmbrain.meg.word_locked.word_locked`.

    Epochs whose sampling interval is the bin already keep their values. A word that the person
    has no epoch of is zero, not usable, and `lost` says `rejected`, or `not recorded` in a run
    that the person lacks.

    Raises
    ------
    LmbrainError
        If the epochs are shorter than the window, hold a sensor marked bad or a value that is not
        finite, none in a run that the person is not said to lack, or one in a run that is.
    """
    import mne

    from lmbrain.meg.word_locked import word_locked

    path = epochs_path(folder, subject, settings)
    epochs = _read(path)
    names = _sensors(epochs, binning["picks"], path)
    _check_span(epochs, binning, path)
    if epochs.baseline is not None:
        log.info(
            "%s is baseline-corrected (%s to %s s): the response to the word before is subtracted.",
            *(path, *epochs.baseline),
        )
    row_of = {key: row for row, key in enumerate(_keys(words, settings["columns"]))}
    story = str(words["story"].iloc[0])
    items = _items(epochs.metadata, path, story, settings["columns"])
    rows = np.array([row_of[key] for key in items], int)
    lost = np.where(words["is_word"].to_numpy(bool), "rejected", "no word").astype(object)
    for run in words["run"].unique():
        here = words["run"].to_numpy() == run
        recorded = np.isin(np.flatnonzero(here), rows).any()
        if run in lacking.get(subject, ()):
            if recorded:
                raise LmbrainError(
                    f"{path} has epochs of run {run}, which data.missing says that subject "
                    f"{subject} lacks; take the run out of data.missing, or drop its epochs."
                )
            lost[here & (lost != "no word")] = "not recorded"
        elif not recorded:
            raise LmbrainError(
                f"{path} has no epoch of run {run}; name the run under data.missing for subject "
                f"{subject}, or correct the metadata."
            )
    data = None
    for part, raw, onsets in _stretches(epochs, names, path):
        here = words.iloc[rows[part]].assign(run=path.name)
        found = word_locked({path.name: raw}, here, {path.name: onsets}, **binning)
        data = np.zeros((len(words), *found.get_data().shape[1:])) if data is None else data
        data[rows[part]] = found.get_data()
        lost[rows[part]] = found.metadata["lost"]
    return mne.EpochsArray(
        data,
        found.info,
        tmin=binning["window"]["start"],
        metadata=words.assign(usable=lost == "", lost=lost.astype(str)),
        baseline=None,
        proj=False,
        verbose="error",
    )


def _read(path: Path) -> mne.BaseEpochs:
    """A person's epochs, values still on disk, projections applied as they are read."""
    import mne

    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; correct data.epochs in the config.")
    try:
        epochs = mne.read_epochs(path, preload=False, verbose="error")
    except (ValueError, OSError) as error:
        raise LmbrainError(f"{path} is no readable file of MNE Epochs ({error}).") from None
    if epochs.metadata is None:
        raise LmbrainError(
            f"{path} has no metadata; give each epoch a row with its word (mne.Epochs' metadata)."
        )
    return epochs


def _items(
    table: pd.DataFrame, path: Path, story: str, columns: Mapping[str, str | None]
) -> dict[Any, dict[str, Any]]:
    """What each row of metadata says, by the word's key; rows in order."""
    absent = [c for c in columns.values() if c is not None and c not in table]
    if absent:
        raise LmbrainError(
            f"{path} has no column {absent[0]!r} of metadata (it has "
            f"{', '.join(map(str, table.columns))}); correct data.epochs.columns in the config."
        )
    given = {name: table[column] for name, column in columns.items() if column is not None}
    text = given["text"].astype(object).where(given["text"].notna(), "").astype(str).to_list()
    rows = pd.DataFrame({"text": text})
    for name, default in (("story", story), ("run", "01")):
        rows[name] = given[name].astype(str).to_list() if name in given else default
    for name in ("onset", "duration"):
        rows[name] = np.nan
        if name in given:
            rows[name] = pd.to_numeric(given[name], errors="coerce").to_numpy(float)
    rows["is_word"] = [is_word(t) for t in text]
    if "is_word" in given:
        rows["is_word"] = _truth(given["is_word"], path, columns["is_word"])
    unsaid = (rows["text"] == "") & (rows["is_word"] | ("is_word" not in given))
    wrong = ~np.isfinite(rows["onset"]) | unsaid
    if wrong.any():
        raise LmbrainError(
            f"{path}, row {int(wrong.to_numpy().argmax()) + 1}: the metadata lack the word or "
            "its onset; fill them in, or drop the epoch."
        )
    if "item" in given:
        rows["source_item"] = _numbers(given["item"], path)
    items = dict(zip(_keys(rows, columns), rows.to_dict("records"), strict=True))
    if len(items) < len(rows):
        keys = pd.Series(_keys(rows, columns))
        raise LmbrainError(
            f"{path}, row {int(keys.duplicated().to_numpy().argmax()) + 1}: the word "
            f"{keys[keys.duplicated()].iloc[0]} is there twice; correct the metadata."
        )
    return items


def _numbers(column: pd.Series, path: Path) -> list[str]:
    """Whole numbers as text, the same whether the column held 7, 7.0 or "7"."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(float)
    wrong = ~(np.isfinite(numbers) & (numbers == np.round(numbers)))
    if wrong.any():
        row = int(wrong.argmax())
        raise LmbrainError(
            f"{path}, row {row + 1}: the item is {column.iloc[row]!r}; number the words in their "
            "order."
        )
    return [str(int(number)) for number in numbers]


def _truth(column: pd.Series, path: Path, name: str | None) -> list[bool]:
    known = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
    text = column.astype(str).str.lower()
    wrong = ~text.isin(known)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise LmbrainError(
            f"{path}, row {row + 1}: {name} is {column.iloc[row]!r}; write True or False."
        )
    return [known[value] for value in text]


def _keys(rows: pd.DataFrame, columns: Mapping[str, str | None]) -> list[Any]:
    """What is the same of the same word in all people: the lab's number, or place and text."""
    if columns["item"] is not None:
        return rows["source_item"].to_list()
    onset = rows["onset"].map("{:.3f}".format)
    return list(zip(rows["story"], rows["run"], onset, rows["text"], strict=True))


def _parts(items: Mapping[Any, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Story and run of a person's words, in their order."""
    return list(dict.fromkeys((item["story"], item["run"]) for item in items.values()))


def _longest(sequences: Sequence[list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """The order of stories and runs, which somebody has all of."""
    longest = max(sequences, key=len)
    unplaced = [part for sequence in sequences for part in sequence if part not in longest]
    if unplaced:
        story, run = unplaced[0]
        raise LmbrainError(
            f"Nobody has epochs of all runs, so that the place of run {run} (story {story}) in the "
            "story is not known; name data.epochs.words or data.epochs.columns.item."
        )
    return longest


def _in_order(
    items: Mapping[Any, Mapping[str, Any]], parts: list[tuple[str, str]] | None
) -> pd.DataFrame:
    """The words table: by the lab's numbers or, with the order of `parts`, by onset inside them."""
    rows = pd.DataFrame(list(items.values()))
    numbered = parts is None
    if parts is None:
        rows["place"] = rows["source_item"].astype(int)
        gaps = int((np.diff(np.sort(rows["place"])) - 1).clip(min=0).sum())
        if gaps:
            log.info("%d item numbers are in no metadata: contexts lack those words.", gaps)
    else:
        rows["place"] = [parts.index(p) for p in zip(rows["story"], rows["run"], strict=True)]
    order = ["place", "onset"]
    rows = rows.sort_values(order, kind="stable", ignore_index=True)
    _check_order(rows, numbered)
    words = make_words(
        rows["story"].to_list(),
        rows["run"].to_list(),
        rows["text"].to_list(),
        rows["onset"].to_numpy(float),
        rows["duration"].to_numpy(float),
    )
    words["is_word"] = rows["is_word"].to_numpy(bool)
    words["sentence"] = number_sentences(
        rows["text"].to_list(), words["is_word"].to_numpy(), words["story"].to_list()
    )
    return words.assign(source_item=rows["source_item"]) if numbered else words


def _check_order(rows: pd.DataFrame, numbered: bool) -> None:
    """Refuse a word twice, two words at once, and numbers against the order of onsets."""
    step = rows.groupby(["story", "run"], observed=True)["onset"].diff().to_numpy()
    same = rows["text"].to_numpy()[1:] == rows["text"].to_numpy()[:-1]
    wrong = step < 0 if numbered else np.r_[False, (step[1:] < SAME_WORD) & same] | (step == 0)
    if not wrong.any():
        return
    row = int(wrong.argmax())
    before, here = (f"{rows['text'][r]!r} at {rows['onset'][r]:.3f} s" for r in (row - 1, row))
    if numbered:
        raise LmbrainError(
            f"By their item numbers {before} comes before {here} (run {rows['run'][row]}); give "
            "all people's onsets on the story's clock, in the order of the items."
        )
    raise LmbrainError(
        f"Run {rows['run'][row]} holds {before} and {here}: people's metadata differ in onsets or "
        "words; name a column with the word's number under data.epochs.columns.item."
    )


def _sensors(epochs: mne.BaseEpochs, picks: Sequence[str], path: Path) -> list[str]:
    kinds = epochs.get_channel_types()
    absent = [kind for kind in picks if kind not in kinds]
    if absent:
        raise LmbrainError(
            f"{path} has no {absent[0]!r} sensors (it has {', '.join(sorted(set(kinds)))}); "
            "correct responses.picks in the config."
        )
    names = [n for n, kind in zip(epochs.ch_names, kinds, strict=True) if kind in picks]
    bad = [name for name in names if name in epochs.info["bads"]]
    if bad:
        raise LmbrainError(
            f"{path}: sensor {bad[0]} is still marked bad; interpolate it (interpolate_bads), as "
            "all people need the same sensors."
        )
    return names


def _check_span(epochs: mne.BaseEpochs, binning: Settings, path: Path) -> None:
    """Refuse epochs that do not hold the window, and the baseline to be subtracted."""
    from lmbrain.meg.bins import GRID

    rate, first = epochs.info["sfreq"], epochs.times[0]
    wanted = [binning["window"], *filter(None, [binning.get("baseline")])]
    start, stop = min(w["start"] for w in wanted), max(w["stop"] for w in wanted)
    if (start - first) * rate < -GRID or (stop - first) * rate > len(epochs.times) + GRID:
        raise LmbrainError(
            f"{path} holds {first:g} to {epochs.times[-1]:g} s around each word, less than "
            f"responses.window and baseline ({start:g} to {stop:g} s); shorten them in the "
            "config, or cut longer epochs."
        )


def _stretches(
    epochs: mne.BaseEpochs, names: Sequence[str], path: Path
) -> Iterator[tuple[slice, mne.io.RawArray, np.ndarray]]:
    """Some epochs after others, laid end to end as a recording, with their onsets in it (s)."""
    import mne

    info = mne.pick_info(epochs.info, [epochs.ch_names.index(name) for name in names])
    samples, rate = len(epochs.times), epochs.info["sfreq"]
    for start in range(0, len(epochs), EPOCHS_AT_ONCE):
        values = epochs[start : start + EPOCHS_AT_ONCE].get_data(picks=names, verbose="error")
        bad = ~np.isfinite(values)
        if bad.any():
            epoch, sensor, _ = np.argwhere(bad)[0]
            raise LmbrainError(
                f"{path}, epoch {start + epoch + 1}, sensor {names[sensor]}: the value is not a "
                "finite number; drop the epoch or mend the recording."
            )
        raw = mne.io.RawArray(np.concatenate(values, axis=1), info, verbose="error")
        onsets = np.arange(len(values)) * samples / rate - epochs.times[0]
        yield slice(start, start + len(values)), raw, onsets
