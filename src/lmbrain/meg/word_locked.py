"""Word-locked responses: the mean of every sensor in short bins after each word's onset."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pandas as pd

from lmbrain.artefacts import atomic_path
from lmbrain.errors import LmbrainError
from lmbrain.meg.bins import (
    GRID,
    Detrend,
    check_samples,
    epoch_span,
    first_samples,
    word_bins,
)

log = logging.getLogger(__name__)


def word_locked(
    raws_by_run: Mapping[str, mne.io.BaseRaw],
    words: pd.DataFrame,
    onsets_by_run: Mapping[str, np.ndarray],
    window: Mapping[str, float],
    bin_width: float,
    picks: Sequence[str],
    lacking: Collection[str] = (),
    baseline: Mapping[str, float] | None = None,
    detrend: Detrend = None,
    reject: Mapping[str, float | None] | None = None,
) -> mne.EpochsArray:
    """Average each sensor in bins after each item of the words table.

    Bin i of a word is the mean of the samples t with
    start + i * bin_width <= t - onset < start + (i + 1) * bin_width. Trend and baseline are
    removed first, at the recording's own sampling rate, over the epoch that spans the window and
    the baseline, as `mne.Epochs` does.

    Parameters
    ----------
    raws_by_run
        Preprocessed recordings with the same sensors, by the words table's `run`.
    words
        Words table; one epoch a row comes back.
    onsets_by_run
        Each run's onset of every item (seconds after that recording's first sample).
    window
        `start` and `stop`, seconds after onset; start is a whole number of bins.
    bin_width
        Seconds.
    picks
        Sensor types, of `grad` and `mag`.
    lacking
        Runs that the person was not recorded in.
    baseline
        `start` and `stop`, seconds after onset (half-open, as bins): their samples' mean is
        subtracted.
    detrend
        `constant` or `linear`: subtract the epoch's mean or least-squares line.
    reject
        Largest peak-to-peak amplitude (T/m, T) within the epoch by sensor type, judged before
        detrending; words beyond it at any sensor are not usable.

    Returns
    -------
    Epochs (items x sensors x bins, T or T/m) with the sampling rate 1 / bin_width. `epochs.times`
    are the bins' starts, as MNE keeps times on multiples of the sampling interval; their centres
    lie half a bin later. The metadata are the words table with `usable` and `lost`, which says
    why an item is not usable: `no word`, `not recorded` (a lacking run), `outside the recording`,
    `annotated as bad` or `amplitude`; such items are zero.

    Raises
    ------
    LmbrainError
        If runs, onsets or sensors do not fit each other.
    """
    names = _picked_sensors(raws_by_run, picks)
    bins = _number_of_bins(window, bin_width)
    data = np.zeros((len(words), len(names), bins))
    lost = np.where(words["is_word"].to_numpy(bool), "", "no word").astype(object)
    for run, part in words.groupby("run", sort=False):
        rows = words.index.get_indexer(part.index)
        if run in lacking:
            lost[rows] = np.where(lost[rows] == "", "not recorded", lost[rows])
            continue
        raw, onsets = _matching(run, part, raws_by_run, onsets_by_run)
        edges = onsets[:, None] + window["start"] + bin_width * np.arange(bins + 1)
        before = None if baseline is None else onsets[:, None] + _edges_of(baseline)
        reasons = _lost(raw, edges, before)
        lost[rows] = np.where(lost[rows] == "", reasons, lost[rows])
        kept = rows[lost[rows] == ""]
        here = np.isin(rows, kept)
        found = word_bins(
            raw, names, edges[here], None if before is None else before[here], detrend
        )
        large = _too_large(raw, names, found.peak_to_peak, reject or {})
        lost[kept[large]] = "amplitude"
        data[kept[~large]] = found.means[~large]
    counts = pd.Series(lost).value_counts().drop("", errors="ignore")
    log.info("%d of %d items usable; %s", (lost == "").sum(), len(words), counts.to_dict())
    raw = next(iter(raws_by_run.values()))
    return mne.EpochsArray(
        data,
        info_at_rate(raw.info, names, 1 / bin_width),
        tmin=window["start"],
        metadata=words.assign(usable=lost == "", lost=lost.astype(str)),
        baseline=None,
        proj=False,
        verbose="error",
    )


def lost_counts(epochs: mne.BaseEpochs) -> dict[str, int]:
    """Number of items that are not usable, by reason (`lost` of the metadata)."""
    lost = epochs.metadata["lost"]
    return {str(reason): int(n) for reason, n in lost[lost != ""].value_counts().items()}


def write_epochs(epochs: mne.BaseEpochs, path: str | Path, made: Mapping[str, Any]) -> None:
    """Write epochs in single precision, with their provenance (JSON) as the description.

    Raises
    ------
    LmbrainError
        If they do not fit in one FIF file (2 GB).
    """
    epochs = epochs.copy()
    epochs.info["description"] = json.dumps(made)
    with atomic_path(path) as temporary:
        epochs.save(temporary, fmt="single", verbose="error")
        _refuse_split(temporary, path)


def write_recording(raw: mne.io.BaseRaw, path: str | Path, made: Mapping[str, Any]) -> None:
    """Write a recording in single precision, with its provenance (JSON) as the description.

    Raises
    ------
    LmbrainError
        If it does not fit in one FIF file (2 GB).
    """
    described = raw.info["description"]
    raw.info["description"] = json.dumps(made)
    try:
        with atomic_path(path) as temporary:
            raw.save(temporary, fmt="single", verbose="error")
            _refuse_split(temporary, path)
    finally:
        raw.info["description"] = described


def _refuse_split(temporary: Path, path: str | Path) -> None:
    if len(list(temporary.parent.iterdir())) > 1:
        raise LmbrainError(f"{path} would exceed the 2 GB of a FIF file; use shorter runs.")


def same_sensors(sensors_by_run: Mapping[str, Sequence[str]]) -> list[str]:
    """The sensors that all runs have, in their order.

    Raises
    ------
    LmbrainError
        If a run's sensors, or their order, are not those of the first run.
    """
    (first, expected), *others = sensors_by_run.items()
    for run, names in others:
        if list(names) != list(expected):
            odd = sorted(set(names) ^ set(expected)) or names
            raise LmbrainError(
                f"Run {run} has other sensors than run {first} ({odd[0]}); give all runs the "
                "same sensors in the same order."
            )
    return list(expected)


def _picked_sensors(raws_by_run: Mapping[str, mne.io.BaseRaw], picks: Sequence[str]) -> list[str]:
    expected: dict[str, list[str]] = {}
    for run, raw in raws_by_run.items():
        kinds = raw.get_channel_types()
        names = [n for n, k in zip(raw.ch_names, kinds, strict=True) if k in picks]
        missing = sorted(set(picks) - set(kinds))
        if missing:
            present = ", ".join(sorted({"grad", "mag"} & set(kinds))) or "no MEG sensors"
            raise LmbrainError(
                f"Run {run} has no {missing[0]!r} sensors (it has {present}); correct "
                "responses.picks in the config."
            )
        bad = [n for n in names if n in raw.info["bads"]]
        if bad:
            raise LmbrainError(f"Run {run}: sensor {bad[0]} is still marked bad; preprocess it.")
        expected[run] = names
    return same_sensors(expected)


def _number_of_bins(window: Mapping[str, float], bin_width: float) -> int:
    start, stop = window["start"] / bin_width, window["stop"] / bin_width
    if abs(start - round(start)) > GRID or abs(stop - round(stop)) > GRID:
        raise LmbrainError(
            f"responses.window ({window['start']} to {window['stop']} s) must start and stop at "
            f"whole multiples of responses.bin_width ({bin_width} s)."
        )
    return round(stop) - round(start)


def _matching(
    run: str,
    items: pd.DataFrame,
    raws_by_run: Mapping[str, mne.io.BaseRaw],
    onsets_by_run: Mapping[str, np.ndarray],
) -> tuple[mne.io.BaseRaw, np.ndarray]:
    for name, given in (("recording", raws_by_run), ("onsets", onsets_by_run)):
        if run not in given:
            raise LmbrainError(
                f"Run {run} of the words table has no {name} (there are "
                f"{', '.join(given)}); correct data.bids.runs in the config."
            )
    onsets = np.asarray(onsets_by_run[run], float)
    if len(onsets) != len(items):
        raise LmbrainError(
            f"Run {run}: expected {len(items)} onsets for the items of the words table, found "
            f"{len(onsets)}; mend the events file."
        )
    return raws_by_run[run], onsets


def _edges_of(window: Mapping[str, float]) -> np.ndarray:
    return np.array([window["start"], window["stop"]])


def _lost(raw: mne.io.BaseRaw, edges: np.ndarray, baseline: np.ndarray | None) -> np.ndarray:
    rate = raw.info["sfreq"]
    check_samples(edges, rate, "responses.bin_width")
    if baseline is not None:
        check_samples(baseline, rate, "responses.baseline")
    first, last = first_samples(epoch_span(edges, baseline), rate).T
    samples = len(raw.times)
    outside = (first < 0) | (last > samples)
    bad = np.zeros(len(edges), bool)
    for note in raw.annotations:
        if note["description"].lower().startswith("bad"):
            begin = (note["onset"] - raw.first_time) * rate
            end = begin + note["duration"] * rate
            # As mne.Epochs: a seam of zero length inside the epoch loses the word, too.
            bad |= (begin < last - GRID) & (end > first + GRID)
    return np.select([outside, bad], ["outside the recording", "annotated as bad"], "")


def _too_large(
    raw: mne.io.BaseRaw,
    names: Sequence[str],
    peak_to_peak: np.ndarray,
    reject: Mapping[str, float | None],
) -> np.ndarray:
    """Mask of the items at whose epoch any sensor exceeds its type's limit."""
    kinds = np.array(raw.get_channel_types(picks=list(names)))
    limits = np.full(len(names), np.inf)
    for kind, limit in reject.items():
        if limit is not None:
            limits[kinds == kind] = limit
    return (peak_to_peak > limits).any(axis=1)


def info_at_rate(info: mne.Info, names: Sequence[str], rate: float) -> mne.Info:
    """Description of the same sensors at another sampling rate."""
    picked = mne.pick_info(info, [info.ch_names.index(name) for name in names])
    new = mne.create_info(list(names), rate, picked.get_channel_types(), verbose="error")
    for channel, old in zip(new["chs"], picked["chs"], strict=True):
        for key in ("loc", "coil_type", "unit", "kind", "coord_frame"):
            channel[key] = old[key]
    new["dev_head_t"] = info["dev_head_t"]
    return new
