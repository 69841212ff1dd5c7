"""Moth listening data, public release: running MEG of one person, six stories, some heard twice.

Four pickles hold dicts by trial: `Moth_MEG` (time, channel), `Moth_word_onset_point` (the sample of
each word) and `Moth_words`, and by story: `Moth_run_info_test_story_dict`, the trials in which it
was heard. They say neither the sampling rate nor the names of the channels: the config does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.datasets.arrays import read_names, sentences_by_pauses
from lmbrain.datasets.sources import Lacking, Settings
from lmbrain.errors import LmbrainError
from lmbrain.meg.canonical_sensors import canonical_info, canonical_names
from lmbrain.responses import check_responses, continuous
from lmbrain.restricted_pickle import load_pickle
from lmbrain.words import make_words

MEG, ONSETS, WORDS, STORIES = PICKLES = (
    "Moth_MEG.pkl",
    "Moth_word_onset_point.pkl",
    "Moth_words.pkl",
    "Moth_run_info_test_story_dict.pkl",
)
RUN = "01"
# Words a second of stories told, pauses included; outside, the sampling rate is wrong.
SPEECH = (1.5, 4.0)
# What the release leaves open, for the report: the rate, and the pace of speech that it makes.
RATE_NOTE = (
    "The release does not say at which rate it was sampled. {:g} Hz is assumed, at which the "
    "stories have {:.2g} words a second; were it another, all times after a word would scale."
)


@dataclass(frozen=True)
class Hearing:
    """One trial: words and the sample at which each began."""

    trial: Any
    words: list[str]
    samples: np.ndarray


def files(
    folder: Path, subjects: Sequence[str], settings: Settings, lacking: Lacking
) -> dict[str, list[Path]]:
    """The files it consists of, by their kind in config/downloads.tsv."""
    named = [folder / settings["sensors"]] if settings["sensors"] is not None else []
    return {"moth": [folder / name for name in PICKLES], "moth_sensors": named}


def words_table(
    folder: Path, subjects: Sequence[str], story: str, settings: Settings, lacking: Lacking
) -> pd.DataFrame:
    """The words of all stories, each as heard in the first of its trials.

    Durations are not known. Where `pause` (of the settings) is a number, a sentence ends where the
    next word starts at least so many seconds after the last one did. The table's `attrs["note"]`
    says that the sampling rate is assumed.

    Raises
    ------
    LmbrainError
        If there are several people, a pickle is missing or of another form, repeats of a story
        have other words, or the sampling rate makes them no speech.
    """
    if len(subjects) != 1:
        raise LmbrainError(
            f"The Moth release holds one person, the config lists {len(subjects)} subjects; list "
            "one under data.subjects."
        )
    rate = settings["sampling_rate"]
    tables, spans = [], []
    for name, (first, *_) in _hearings(folder).items():
        onset = first.samples / rate
        spans.append(max(onset[-1] - onset[0], 1 / rate))
        pace = len(onset) / spans[-1]
        if not SPEECH[0] <= pace <= SPEECH[1]:
            raise LmbrainError(
                f"At {rate:g} Hz story {name} has {pace:.2g} words a second, which is no speech; "
                "correct data.moth.sampling_rate in the config."
            )
        count = len(onset)
        unknown = np.full(count, np.nan)
        tables.append(make_words([name] * count, [RUN] * count, first.words, onset, unknown))
    words = pd.concat(tables, ignore_index=True)
    words["item"] = np.arange(len(words))
    words.attrs["note"] = RATE_NOTE.format(rate, len(words) / sum(spans))
    if settings["pause"] is not None:
        words["sentence"] = sentences_by_pauses(words, settings["pause"])
        return words
    spoken = words["is_word"].to_numpy(bool)
    sizes = [table["sentence"].max() + 1 for table in tables]
    before = np.repeat(np.cumsum([0, *sizes[:-1]]), [len(table) for table in tables])
    words["sentence"] = np.where(spoken, words["sentence"] + before, -1)
    return words


def responses(
    folder: Path,
    subject: str,
    words: pd.DataFrame,
    settings: Settings,
    lacking: Lacking,
    binning: Settings,
) -> xr.DataArray:
    """The running responses, averaged in bins of `bin_width` (of the settings) seconds.

    Returns
    -------
    DataArray (sample, sensor, time), or (repeat, sample, sensor, time) where a story was heard
    several times: repeats lie on the first one's clock, NaN where there is none. `seconds` is the
    mean time of a bin's samples; the attribute `system` says where the sensors are, if known.

    Raises
    ------
    LmbrainError
        If a trial is missing or of another form, a value is not finite, names do not fit the
        channels, or repeats of a story differ in pace.
    """
    rate, width = settings["sampling_rate"], settings["bin_width"]
    rate, width = settings["sampling_rate"], settings["bin_width"]
    recordings, parts, widths = _pickle(folder / MEG), [], set()
    for story, hearings in _hearings(folder).items():
        _check_pace(hearings, rate * width / 2, story)
        values = [_recording(recordings, hearing, folder / MEG) for hearing in hearings]
        widths |= {array.shape[1] for array in values}
        if len(widths) > 1:
            raise LmbrainError(
                f"{folder / MEG}, story {story}: trials have {' and '.join(map(str, widths))} "
                "channels; fetch it anew."
            )
        binned = [
            _bins(array, -_shift(hearing, hearings[0]), len(values[0]), rate, width)
            for hearing, array in zip(hearings, values, strict=True)
        ]
        parts.append((story, np.stack(binned)))
    names = _sensor_names(folder, parts[0][1].shape[2], settings)
    joined = _joined(parts, names, rate, width)
    if settings["system"] is not None:
        joined.attrs["system"] = settings["system"]
    check_responses(joined, f"{folder / MEG}")
    return joined


def _pickle(path: Path) -> dict[Any, Any]:
    content = load_pickle(path)
    if not isinstance(content, dict) or not content:
        raise LmbrainError(f"{path} holds no dictionary of trials; fetch it anew.")
    return content


def _hearings(folder: Path) -> dict[str, list[Hearing]]:
    """The trials of each story, in the order of the release."""
    words, onsets = _pickle(folder / WORDS), _pickle(folder / ONSETS)
    stories: dict[str, list[Hearing]] = {}
    for story, trials in _pickle(folder / STORIES).items():
        heard = [
            Hearing(
                trial,
                _texts(_of_trial(words, trial, folder / WORDS), trial, folder / WORDS),
                _array(
                    _of_trial(onsets, trial, folder / ONSETS), trial, folder / ONSETS, float
                ).ravel(),
            )
            for trial in _trials(trials, story, folder / STORIES)
        ]
        for hearing in heard:
            _check_hearing(hearing, heard[0], folder)
        stories[_text(story, folder / STORIES)] = heard
    return stories


def _trials(given: Any, story: Any, path: Path) -> list[Any]:
    """The names of a story's trials, one or several."""
    plain = given.tolist() if isinstance(given, np.ndarray) else given
    several = isinstance(plain, Iterable) and not isinstance(plain, str | bytes)
    trials = list(plain) if several else [plain]
    if not trials or not all(isinstance(trial, str | bytes | int | np.integer) for trial in trials):
        raise LmbrainError(f"{path}: story {story!r} has no names of trials; fetch it anew.")
    return trials


def _of_trial(content: Mapping[Any, Any], trial: Any, path: Path) -> Any:
    if trial not in content:
        raise LmbrainError(
            f"{path} has no trial {trial!r}, which {STORIES} names; fetch both files anew."
        )
    return content[trial]


def _texts(given: Any, trial: Any, path: Path) -> list[str]:
    if not isinstance(given, list | tuple | np.ndarray):
        raise LmbrainError(f"{path}, trial {trial!r}: no list of words; fetch it anew.")
    return [_text(word, path) for word in np.ravel(np.array(given, object)).tolist()]


def _text(value: Any, path: Path) -> str:
    """A text as it was written: bytes of Python 2, which come as Latin-1, are UTF-8 or Windows'."""
    if isinstance(value, int | np.integer):
        return str(value)
    if not isinstance(value, str | bytes):
        raise LmbrainError(f"{path}: {value!r} is no text; fetch it anew.")
    try:
        written = value if isinstance(value, bytes) else value.encode("latin1")
    except UnicodeEncodeError:  # read as what it is already
        return str(value)
    for encoding in ("utf-8", "cp1252"):
        with suppress(UnicodeDecodeError):
            return written.decode(encoding)
    raise LmbrainError(f"{path}: {value!r} is neither UTF-8 nor Windows-1252; save it as UTF-8.")


def _array(given: Any, trial: Any, path: Path, kind: type | None = None) -> np.ndarray:
    try:
        return np.asarray(given, kind)
    except (TypeError, ValueError):
        raise LmbrainError(
            f"{path}, trial {trial!r}: the values are no array of numbers; fetch it anew."
        ) from None


def _check_hearing(hearing: Hearing, first: Hearing, folder: Path) -> None:
    if not len(hearing.words) == len(hearing.samples) > 1:
        raise LmbrainError(
            f"{folder}: trial {hearing.trial!r} has {len(hearing.words)} words and "
            f"{len(hearing.samples)} onsets; fetch {WORDS} and {ONSETS} anew."
        )
    later = np.diff(hearing.samples, prepend=0) >= 0
    wrong = ~(later & np.isfinite(hearing.samples))
    if wrong.any():
        row = int(wrong.argmax())
        raise LmbrainError(
            f"{folder / ONSETS}, trial {hearing.trial!r}, word {row + 1}: the onset "
            f"({hearing.samples[row]:g}) goes back in time or is no number; fetch the file anew."
        )
    if hearing.words != first.words:
        pairs = zip(hearing.words, first.words, strict=False)
        row = next((i for i, (a, b) in enumerate(pairs) if a != b), len(first.words))
        raise LmbrainError(
            f"{folder / WORDS}: trials {first.trial!r} and {hearing.trial!r} of one story differ "
            f"from word {row + 1} on; fetch it and {STORIES} anew."
        )


def _recording(recordings: Mapping[Any, Any], hearing: Hearing, path: Path) -> np.ndarray:
    values = _array(_of_trial(recordings, hearing.trial, path), hearing.trial, path)
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise LmbrainError(
            f"{path}, trial {hearing.trial!r}: {values.dtype} values of shape {values.shape}, "
            "expected numbers, time x channel; fetch it anew."
        )
    if hearing.samples[-1] >= len(values):
        raise LmbrainError(
            f"{path}, trial {hearing.trial!r}: the recording has {len(values)} samples, its last "
            f"word begins at {hearing.samples[-1]:g}; is the array time x channel?"
        )
    if not np.isfinite(values).all():
        sample, channel = np.argwhere(~np.isfinite(values))[0]
        raise LmbrainError(
            f"{path}, trial {hearing.trial!r}, sample {sample + 1}, channel {channel + 1}: the "
            "value is not a finite number; fetch it anew."
        )
    return values


def _shift(hearing: Hearing, first: Hearing) -> int:
    """Samples by which a trial's story starts later than in the first one."""
    return round(float(np.median(hearing.samples - first.samples)))


def _check_pace(hearings: Sequence[Hearing], tolerance: float, story: str) -> None:
    """Refuse repeats whose words lie more than `tolerance` samples apart after alignment."""
    first = hearings[0]
    for hearing in hearings[1:]:
        apart = np.abs(hearing.samples - first.samples - _shift(hearing, first))
        if apart.max() > max(tolerance, 1.0):
            word = int(apart.argmax())
            raise LmbrainError(
                f"Story {story}: word {word + 1} of trial {hearing.trial!r} lies "
                f"{apart[word]:g} samples from its place in trial {first.trial!r}; repeats of one "
                f"recording have one pace: fetch {ONSETS} anew."
            )


def _bins(values: np.ndarray, start: int, length: int, rate: float, width: float) -> np.ndarray:
    """(bins, channels) float32 means over i * width <= t < (i + 1) * width of the first trial.

    Sample `start` of that trial's clock is this one's first; `length` samples are binned. NaN for
    bins of which the trial lacks a sample.
    """
    from lmbrain.meg.bins import GRID

    if rate * width < 1 - GRID:
        raise LmbrainError(
            f"{rate:g} Hz leave bins of {width:g} s without a sample; lengthen data.moth.bin_width."
        )
    count = int(length / (rate * width) + GRID)
    edges = np.ceil(np.arange(count + 1) * width * rate - GRID).astype(int) - start
    whole = (edges[:-1] >= 0) & (edges[1:] <= len(values))
    means = np.full((count, values.shape[1]), np.nan, np.float32)
    if whole.any():
        inside = edges[np.r_[whole, False] | np.r_[False, whole]]
        sums = np.add.reduceat(values[: inside[-1]], inside[:-1], axis=0, dtype=np.float64)
        means[whole] = sums / np.diff(inside)[:, None]
    return means


def _sensor_names(folder: Path, count: int, settings: Settings) -> list[str]:
    system, source = settings["system"], str(folder / MEG)
    if settings["sensors"] is not None:
        source = str(folder / settings["sensors"])
        names = read_names(folder / settings["sensors"])
    elif system is not None:
        names = canonical_info(system).ch_names
    else:
        names = [f"s{i + 1:03d}" for i in range(count)]
    if len(names) != count:
        raise LmbrainError(
            f"{folder / MEG} has {count} channels, but {len(names)} names; give the channels' "
            "names, one a line in their order, in a file named by data.moth.sensors."
        )
    return names if system is None else canonical_names(names, system, source)


def _joined(
    parts: Sequence[tuple[str, np.ndarray]], names: Sequence[str], rate: float, width: float
) -> xr.DataArray:
    """Stories (repeat, bins, channels) one after the other, repeats along a dimension of their own.

    A bin's time is the mean of its samples', as if they were spread evenly.
    """
    repeats = max(len(values) for _, values in parts)
    together = np.full((repeats, sum(v.shape[1] for _, v in parts), len(names)), np.nan, np.float32)
    stop = 0
    for _, values in parts:
        start, stop = stop, stop + values.shape[1]
        together[: len(values), start:stop] = values
    lengths = [values.shape[1] for _, values in parts]
    times = np.concatenate([width * np.arange(n) + (width - 1 / rate) / 2 for n in lengths])
    stories = np.repeat([story for story, _ in parts], lengths)
    first = continuous(
        pd.DataFrame(together[0], columns=list(names)), times, stories, [RUN] * len(times)
    )
    if repeats == 1:
        return first
    return first.expand_dims(repeat=repeats).copy(data=together[..., None])
