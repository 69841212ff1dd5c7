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

log = logging.getLogger(__name__)

GRID = 1e-6  # fraction of a sample or bin below which a time counts as on the grid


def word_locked(
    raws_by_run: Mapping[str, mne.io.BaseRaw],
    words: pd.DataFrame,
    onsets_by_run: Mapping[str, np.ndarray],
    window: Mapping[str, float],
    bin_width: float,
    picks: Sequence[str],
    lacking: Collection[str] = (),
) -> mne.EpochsArray:
    """Average each sensor in bins after each item of the words table.

    Bin i of a word is the mean of the samples t with
    start + i * bin_width <= t - onset < start + (i + 1) * bin_width.

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

    Returns
    -------
    Epochs (items x sensors x bins, T or T/m) with the sampling rate 1 / bin_width. `epochs.times`
    are the bins' starts, as MNE keeps times on multiples of the sampling interval; their centres
    lie half a bin later. The metadata are the words table with `usable` and `lost`, which says
    why an item is not usable: `no word`, `not recorded` (a lacking run), `outside the recording`
    or `annotated as bad`; such items are zero.

    Raises
    ------
    LmbrainError
        If runs, onsets or sensors do not fit each other.
    """
    names = _same_sensors(raws_by_run, picks)
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
        reasons = _lost(raw, edges)
        lost[rows] = np.where(lost[rows] == "", reasons, lost[rows])
        kept = lost[rows] == ""
        data[rows[kept]] = bin_means(raw, names, edges[kept])
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


def bin_means(raw: mne.io.BaseRaw, names: Sequence[str], edges: np.ndarray) -> np.ndarray:
    """Mean of the samples between consecutive edges.

    Parameters
    ----------
    raw
        The recording.
    names
        Its sensors to average.
    edges
        (items, bins + 1) seconds after the first sample, inside the recording, rising by at
        least a sampling interval.

    Returns
    -------
    (items, sensors, bins)
    """
    bounds = _first_sample(edges, raw.info["sfreq"])
    means = np.empty((len(edges), len(names), edges.shape[1] - 1))
    for i, name in enumerate(names):  # one sensor at a time: a run's sums would fill the memory
        sums = np.concatenate([[0.0], np.cumsum(raw.get_data(picks=[name])[0])])
        means[:, i] = np.diff(sums[bounds], axis=1) / np.diff(bounds, axis=1)
    return means


def trigger_onsets(
    raw: mne.io.BaseRaw, channel: str, values: Collection[int] | None = None
) -> np.ndarray:
    """Times at which a trigger channel rises, in seconds after the recording's first sample.

    Parameters
    ----------
    raw
        The recording.
    channel
        Name of the trigger channel.
    values
        Trigger codes of the items; None counts every rise.

    Raises
    ------
    LmbrainError
        If the recording lacks the channel.
    """
    if channel not in raw.ch_names:
        stims = [raw.ch_names[i] for i in mne.pick_types(raw.info, meg=False, stim=True)]
        raise LmbrainError(
            f"The recording has no channel {channel!r} (trigger channels: "
            f"{', '.join(stims) or 'none'}); correct timing.trigger_channel in the config."
        )
    events = mne.find_events(raw, stim_channel=channel, shortest_event=1, verbose="error")
    if values is not None:
        events = events[np.isin(events[:, 2], list(values))]
    return (events[:, 0] - raw.first_samp) / raw.info["sfreq"]


def align_triggers(
    triggers: np.ndarray, event_onsets: np.ndarray, tolerance: float, source: str
) -> np.ndarray:
    """Check the triggers against the events file; the triggers are the onsets to use.

    Parameters
    ----------
    triggers
        From `trigger_onsets` (s).
    event_onsets
        Onsets of the items in the events file (s).
    tolerance
        Largest difference allowed (s), such as half a bin.
    source
        Subject and run, for the message.

    Returns
    -------
    `triggers`, one an item.

    Raises
    ------
    LmbrainError
        If number, offset, rate or a single onset differ.
    """
    triggers, event_onsets = np.asarray(triggers, float), np.asarray(event_onsets, float)
    if len(triggers) != len(event_onsets):
        raise LmbrainError(
            f"{source}: expected {len(event_onsets)} triggers for the items of the events file, "
            f"found {len(triggers)}{_first_misfit(triggers, event_onsets, tolerance)}; mend the "
            "events file, or set timing.trigger_channel to null to trust its onsets."
        )
    difference = triggers - event_onsets
    row = int(np.abs(difference).argmax())
    if abs(difference[row]) <= tolerance:
        return triggers
    offset = float(np.median(difference))
    drift = 0.0
    if len(difference) > 2 and np.ptp(event_onsets) > 0:
        drift = float(np.polyfit(event_onsets, difference, 1)[0] * np.ptp(event_onsets))
    raise LmbrainError(
        f"{source}: item {row + 1} is expected at {event_onsets[row]:.3f} s by the events file, "
        f"its trigger is found at {triggers[row]:.3f} s (median offset {1e3 * offset:.0f} ms, "
        f"drift {1e3 * drift:.1f} ms over the run, allowed {1e3 * tolerance:.1f} ms); mend the "
        "events file, or set timing.trigger_channel to null to trust its onsets."
    )


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


def _same_sensors(raws_by_run: Mapping[str, mne.io.BaseRaw], picks: Sequence[str]) -> list[str]:
    expected: list[str] = []
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
        expected = expected or names
        if names != expected:
            odd = sorted(set(names) ^ set(expected)) or names
            raise LmbrainError(
                f"Run {run} has other sensors than the first run ({odd[0]}); give all runs the "
                "same sensors in the same order."
            )
    return expected


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


def _first_sample(times: np.ndarray, rate: float) -> np.ndarray:
    """Index of the first sample at or after each time; rounding errors do not skip a sample."""
    return np.ceil(times * rate - GRID).astype(int)


def _lost(raw: mne.io.BaseRaw, edges: np.ndarray) -> np.ndarray:
    bounds = _first_sample(edges, raw.info["sfreq"])
    if (np.diff(bounds, axis=1) < 1).any():
        raise LmbrainError(
            f"The recording's {raw.info['sfreq']:g} Hz leave a bin without a sample; lengthen "
            "responses.bin_width in the config."
        )
    first, last = bounds[:, 0], bounds[:, -1]
    samples = len(raw.times)
    outside = (first < 0) | (last > samples)
    marked = np.isnan(raw.get_data(picks=[0], reject_by_annotation="NaN", verbose="error")[0])
    so_far = np.concatenate([[0], np.cumsum(marked)])
    bad = so_far[last.clip(0, samples)] > so_far[first.clip(0, samples)]
    return np.select([outside, bad], ["outside the recording", "annotated as bad"], "")


def _first_misfit(triggers: np.ndarray, event_onsets: np.ndarray, tolerance: float) -> str:
    common = min(len(triggers), len(event_onsets))
    misfit = np.abs(triggers[:common] - event_onsets[:common]) > tolerance
    row = int(misfit.argmax()) if misfit.any() else common
    return f" (the first that does not fit is number {row + 1})"


def info_at_rate(info: mne.Info, names: Sequence[str], rate: float) -> mne.Info:
    """Description of the same sensors at another sampling rate."""
    picked = mne.pick_info(info, [info.ch_names.index(name) for name in names])
    new = mne.create_info(list(names), rate, picked.get_channel_types(), verbose="error")
    for channel, old in zip(new["chs"], picked["chs"], strict=True):
        for key in ("loc", "coil_type", "unit", "kind", "coord_frame"):
            channel[key] = old[key]
    new["dev_head_t"] = info["dev_head_t"]
    return new
