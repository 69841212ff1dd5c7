"""LibriBrain: MEG of people who heard the Sherlock Holmes books, cleaned by its authors, as HDF5.

Ozdogan et al. 2025. A recording is a file with `data` (channel, time) at 250 Hz, after Maxwell
filter, notch and band-pass, and a table of events, whose `timemeg` counts seconds from the first
sample. A book (task) is a story, its recordings are runs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmbrain.artefacts import as_numbers, read_table
from lmbrain.datasets.sources import Lacking, Settings
from lmbrain.errors import LmbrainError
from lmbrain.meg.canonical_sensors import canonical_info, canonical_names
from lmbrain.words import make_words

if TYPE_CHECKING:
    import h5py
    import mne

log = logging.getLogger(__name__)

PIECE = 300.0  # s of a recording in memory
# s by which the forced alignment may put a word before its predecessor.
LARGEST_STEP_BACK = 0.1
# SD of magnetometers (T) beyond which values are in another unit.
PLAUSIBLE = (1e-15, 1e-9)


def files(
    folder: Path, subjects: Sequence[str], settings: Settings, lacking: Lacking
) -> dict[str, list[Path]]:
    """The files it consists of, by their kind in config/downloads.tsv."""
    wanted: dict[str, list[Path]] = {"libribrain_recording": [], "libribrain_events": []}
    for subject in subjects:
        for run, entities in recordings(settings).items():
            if run not in lacking.get(subject, ()):
                for kind in ("recording", "events"):
                    path = _path(folder, settings[kind], subject, entities)
                    wanted[f"libribrain_{kind}"].append(path)
    return wanted


def words_table(
    folder: Path, subjects: Sequence[str], story: str, settings: Settings, lacking: Lacking
) -> pd.DataFrame:
    """The words of all recordings: a story a book, named as its task, and a run a recording.

    Runs are named task_session_run, sentences come from `sentenceidx`, onsets and durations are
    those of the first person who has the recording.

    Raises
    ------
    LmbrainError
        If an events file is missing or out of order, or people heard other words.
    """
    tables = []
    for run, entities in recordings(settings).items():
        first: tuple[pd.DataFrame, Path] | None = None
        for subject in subjects:
            if run in lacking.get(subject, ()):
                continue
            path = _path(folder, settings["events"], subject, entities)
            events = _read_events(path)
            first = first or (events, path)
            _check_same(events, path, *first)
        if first is None:
            raise LmbrainError(
                f"data.missing leaves nobody with run {run}; take it out of "
                "data.libribrain.recordings."
            )
        tables.append(first[0].assign(story=entities["task"], run=run))
    heard = pd.concat(tables, ignore_index=True)
    words = make_words(
        heard["story"].to_list(),
        heard["run"].to_list(),
        heard["segment"].to_list(),
        heard["timemeg"].to_numpy(float),
        heard["duration"].to_numpy(float),
    )
    if heard["sentenceidx"].notna().all():
        place = heard[["run", "sentenceidx"]]
        new = (place != place.shift()).any(axis=1).to_numpy()
        words["sentence"] = np.where(words["is_word"], np.cumsum(new) - 1, -1)
    return words


def responses(
    folder: Path,
    subject: str,
    words: pd.DataFrame,
    settings: Settings,
    lacking: Lacking,
    binning: Settings,
) -> mne.EpochsArray:
    """One person's word-locked responses, by `lmbrain.meg.word_locked.word_locked`.

    Recordings are read a few minutes at a time. Sensors lie where MNE's canonical 306-channel
    system has them.

    Raises
    ------
    LmbrainError
        If a file is missing or of another form, or a value is not finite or in another unit.
    """
    import mne

    from lmbrain.meg.word_locked import word_locked

    data, lost = None, np.full(len(words), "not recorded", dtype=object)
    lost[~words["is_word"].to_numpy(bool)] = "no word"
    for run, entities in recordings(settings).items():
        if run in lacking.get(subject, ()):
            continue
        onsets = _read_events(_path(folder, settings["events"], subject, entities))["timemeg"]
        rows = np.flatnonzero(words["run"].to_numpy() == run)
        path = _path(folder, settings["recording"], subject, entities)
        for part, raw, shifted in _pieces(path, onsets.to_numpy(float), binning, settings["unit"]):
            here = words.iloc[rows[part]]
            epochs = word_locked({run: raw}, here, {run: shifted}, **binning)
            data = np.zeros((len(words), *epochs.get_data().shape[1:])) if data is None else data
            data[rows[part]] = epochs.get_data()
            lost[rows[part]] = epochs.metadata["lost"]
    if data is None:
        raise LmbrainError(f"data.missing leaves subject {subject} no recording; exclude it.")
    return mne.EpochsArray(
        data,
        epochs.info,
        tmin=binning["window"]["start"],
        metadata=words.assign(usable=lost == "", lost=lost.astype(str)),
        baseline=None,
        proj=False,
        verbose="error",
    )


def recordings(settings: Settings) -> dict[str, Mapping[str, str]]:
    """Task, session and run of each recording, by the words table's `run`."""
    listed = settings["recordings"]
    return {f"{r['task']}_{r['session']}_{r['run']}": r for r in listed}


def _path(folder: Path, pattern: str, subject: str, entities: Mapping[str, str]) -> Path:
    return folder / pattern.format(subject=subject, **entities)


def _read_events(path: Path) -> pd.DataFrame:
    """The words of a recording: segment, timemeg, duration, sentenceidx (NaN where not given).

    The forced alignment now and then ends a word before it begins, or begins one before the last:
    durations are at least 0, and an onset is no earlier than its predecessor's.
    """
    needed = ("timemeg", "duration", "sentenceidx", "wordidx")
    blank = read_table(path).replace({name: {"": "n/a"} for name in needed})
    missing = [name for name in ("kind", "segment", *needed) if name not in blank]
    if missing:
        raise LmbrainError(f"{path} has no column {missing[0]!r}; fetch it anew.")
    events = blank[blank["kind"] == "word"]
    line = events.index.to_numpy() + 1
    for name in needed:
        events = events.assign(**{name: as_numbers(events[name], path)})
    if len(events) == 0:
        raise LmbrainError(f"{path} has no row of the kind 'word'; fetch it anew.")
    events = events[["segment", *needed]].reset_index(drop=True)
    wrong = ~np.isfinite(events["timemeg"]) | (events["segment"] == "")
    if wrong.any():
        row = line[int(wrong.to_numpy().argmax())]
        raise LmbrainError(f"{path}, row {row}: a word lacks its text or time; fill it in.")
    _check_order(events, path, line)
    return _mended(events, path, line)


def _check_order(events: pd.DataFrame, path: Path, line: np.ndarray) -> None:
    """Sentences go up, and words inside a sentence do."""
    sentence, word = events["sentenceidx"].to_numpy(), events["wordidx"].to_numpy()
    step, inside = np.diff(sentence), np.diff(word)
    wrong = (step < 0) | ((step == 0) & (inside <= 0))
    if wrong.any():
        row = int(wrong.argmax()) + 1
        raise LmbrainError(
            f"{path}, row {line[row]}: sentenceidx {sentence[row]:g}, wordidx {word[row]:g} follow "
            f"{sentence[row - 1]:g}, {word[row - 1]:g}; put the words in their order."
        )


def _mended(events: pd.DataFrame, path: Path, line: np.ndarray) -> pd.DataFrame:
    onset = events["timemeg"].to_numpy()
    later = np.maximum.accumulate(onset)
    back = later - onset
    if back.max() > LARGEST_STEP_BACK:
        row = int(back.argmax())
        raise LmbrainError(
            f"{path}, row {line[row]}: {events['segment'][row]!r} begins {back[row]:.2f} s before "
            "a word ahead of it; fetch the file anew, or correct timemeg."
        )
    negative = events["duration"] < 0
    if negative.any() or (back > 0).any():
        log.info(
            "%s: %d durations below 0 set to 0, %d onsets moved by up to %.3f s to their "
            "predecessor's.",
            *(path, negative.sum(), (back > 0).sum(), back.max()),
        )
    return events.assign(timemeg=later, duration=events["duration"].mask(negative, 0.0))


def _check_same(events: pd.DataFrame, path: Path, first: pd.DataFrame, first_path: Path) -> None:
    ours, theirs = events["segment"].to_list(), first["segment"].to_list()
    if ours != theirs:
        pairs = zip(ours, theirs, strict=False)
        short = min(len(ours), len(theirs))
        row = next((i for i, (a, b) in enumerate(pairs) if a != b), short)
        raise LmbrainError(
            f"{path} differs from {first_path} from word {row + 1} on; people must have heard the "
            "same."
        )


def _pieces(
    path: Path, onsets: np.ndarray, binning: Settings, unit: float
) -> Iterator[tuple[np.ndarray, mne.io.RawArray, np.ndarray]]:
    """Numbers of some words, a stretch of recording around them, and their onsets in it (s)."""
    import mne

    spans = [binning["window"], *filter(None, [binning.get("baseline")])]
    start, stop = min(span["start"] for span in spans), max(span["stop"] for span in spans)
    with _open(path) as file:
        data, rate, names = _content(file, path)
        info = canonical_info("neuromag", canonical_names(names, "neuromag", str(path)))
        with info._unlock():
            info["sfreq"] = rate
        minutes = np.floor(onsets / PIECE)
        for piece in np.unique(minutes):
            part = np.flatnonzero(minutes == piece)
            first = int(np.floor((onsets[part].min() + start) * rate)) - 1
            first = min(max(first, 0), data.shape[1] - 1)
            last = max(int(np.ceil((onsets[part].max() + stop) * rate)) + 1, first + 1)
            values = data[:, first:last].astype(np.float64) * unit
            _check_values(values, info, path, first / rate)
            raw = mne.io.RawArray(values, info, copy="auto", verbose="error")
            yield part, raw, onsets[part] - first / rate


@contextmanager
def _open(path: Path) -> Iterator[h5py.File]:
    import h5py

    if not path.is_file():
        raise LmbrainError(f"{path} does not exist; see config/downloads.tsv for where it is.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise LmbrainError(f"{path} is no readable HDF5 file ({error}); fetch it anew.") from None
    with file:
        yield file


def _content(file: h5py.File, path: Path) -> tuple[h5py.Dataset, float, list[str]]:
    """The samples (channel, time) on disk, their rate (Hz) and the channels' names."""
    absent = [n for n in ("sample_frequency", "channel_names") if n not in file.attrs]
    if "data" not in file or absent:
        raise LmbrainError(f"{path} lacks {(absent or ['data'])[0]!r}; fetch it anew.")
    data, rate = file["data"], float(file.attrs["sample_frequency"])
    names = _names(file.attrs["channel_names"])
    if data.ndim != 2 or data.shape[0] != len(names):
        raise LmbrainError(
            f"{path} holds an array of shape {data.shape} for {len(names)} channels, expected "
            "channel x time; fetch it anew."
        )
    if "times" in file and not (
        file["times"].shape == data.shape[1:] and abs(float(file["times"][0])) < 1 / rate
    ):
        raise LmbrainError(
            f"{path}: times do not count from the first of the {data.shape[1]} samples, as the "
            "events' timemeg does; fetch it anew."
        )
    return data, rate, names


def _names(attribute: Any) -> list[str]:
    """One string joined by commas, with or without blanks after them, or several."""
    if isinstance(attribute, bytes | str):
        text = attribute.decode() if isinstance(attribute, bytes) else attribute
        return [name.strip() for name in text.split(",")]
    return [n.decode() if isinstance(n, bytes) else str(n) for n in np.ravel(attribute)]


def _check_values(values: np.ndarray, info: mne.Info, path: Path, start: float) -> None:
    import mne

    bad = ~np.isfinite(values)
    if bad.any():
        sensor, sample = np.argwhere(bad)[0]
        raise LmbrainError(
            f"{path}, {info.ch_names[sensor]} at {start + sample / info['sfreq']:.3f} s: the value "
            "is not a finite number; fetch it anew, or name the run under data.missing."
        )
    mags = mne.pick_types(info, meg="mag")
    sd = float(np.median(values[mags].std(axis=1))) if len(mags) else 0.0
    if sd > 0 and not PLAUSIBLE[0] < sd < PLAUSIBLE[1]:
        raise LmbrainError(
            f"{path}: magnetometers have an SD of {sd:.2g} T, which no brain gives; correct "
            "data.libribrain.unit (1.0e-15 where values are in fT)."
        )
