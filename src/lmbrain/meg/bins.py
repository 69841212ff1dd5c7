"""Means of a recording's samples in short bins after each word, baseline and trends removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import mne
import numpy as np

from lmbrain.errors import LmbrainError

GRID = 1e-6  # fraction of a sample or bin below which a time counts as on the grid
SENSORS_AT_ONCE = 64  # a whole run would fill the memory; each time the file is read anew
Detrend = Literal["constant", "linear"] | None


@dataclass(frozen=True)
class WordBins:
    """Responses to the items of a run.

    Attributes
    ----------
    means : (items, sensors, bins)
    peak_to_peak : (items, sensors)
        Largest less smallest sample of the item's epoch, before baseline and trend are removed.
    """

    means: np.ndarray
    peak_to_peak: np.ndarray


def first_samples(times: np.ndarray, rate: float) -> np.ndarray:
    """Index of the first sample at or after each time; rounding errors do not skip a sample."""
    return np.ceil(np.asarray(times) * rate - GRID).astype(int)


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
    bounds = first_samples(edges, raw.info["sfreq"])
    blocks = [_means(samples, bounds) for samples in _blocks(raw, names)]
    return np.concatenate(blocks).transpose(1, 0, 2)


def word_bins(
    raw: mne.io.BaseRaw,
    names: Sequence[str],
    edges: np.ndarray,
    baseline: np.ndarray | None = None,
    detrend: Detrend = None,
) -> WordBins:
    """Bin means after removing each epoch's trend and then its baseline, as `mne.Epochs` does.

    An item's epoch reaches from the first to the last of its edges and of its baseline's.

    Parameters
    ----------
    raw, names, edges
        As in `bin_means`.
    baseline : (items, 2), optional
        Seconds after the first sample between which the samples' mean is subtracted.
    detrend
        Subtract the epoch's mean (constant) or least-squares line (linear), at the recording's
        own sampling rate.
    """
    rate = raw.info["sfreq"]
    bounds = first_samples(edges, rate)
    span = first_samples(epoch_span(edges, baseline), rate)
    base = None if baseline is None else first_samples(baseline, rate)
    means, peaks = [], []
    for samples in _blocks(raw, names):
        binned = _means(samples, bounds)
        level, slope = _trend(samples, span, detrend)
        centre = (bounds[:, :-1] + bounds[:, 1:] - 1) / 2  # of each bin's samples
        middle = (span[:, :1] + span[:, 1:] - 1) / 2
        binned -= level[..., None] + slope[..., None] * (centre - middle)
        if base is not None:
            before = (base[:, :1] + base[:, 1:] - 1) / 2
            trend = level[..., None] + slope[..., None] * (before - middle)
            binned -= _means(samples, base) - trend
        means.append(binned)
        peaks.append(_per_span(np.maximum, samples, span) - _per_span(np.minimum, samples, span))
    return WordBins(np.concatenate(means).transpose(1, 0, 2), np.concatenate(peaks).T)


def epoch_span(edges: np.ndarray, baseline: np.ndarray | None) -> np.ndarray:
    """(items, 2) seconds at which each item's epoch starts and stops."""
    times = edges if baseline is None else np.concatenate([edges, baseline], axis=1)
    return np.stack([times.min(axis=1), times.max(axis=1)], axis=1)


def check_samples(edges: np.ndarray, rate: float, key: str) -> None:
    """Refuse intervals without a sample.

    Raises
    ------
    LmbrainError
        Names the config's `key` that has to be lengthened.
    """
    if (np.diff(first_samples(edges, rate), axis=1) < 1).any():
        raise LmbrainError(
            f"The recording's {rate:g} Hz leave a bin without a sample; lengthen {key} in the "
            "config."
        )


def _blocks(raw: mne.io.BaseRaw, names: Sequence[str]) -> Iterator[np.ndarray]:
    """Samples (sensors, n + 1) of some sensors after others; the last column is no sample.

    The stop of an interval at the recording's end then is an index, too.
    """
    for start in range(0, len(names), SENSORS_AT_ONCE):
        some = list(names[start : start + SENSORS_AT_ONCE])
        samples = np.zeros((len(some), len(raw.times) + 1))
        samples[:, :-1] = raw.get_data(picks=some, verbose="error")
        yield samples


def _means(samples: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """(sensors, items, bins) between an item's consecutive bounds."""
    if not len(bounds):
        return np.zeros((len(samples), 0, bounds.shape[1] - 1))
    sums = np.add.reduceat(samples, bounds.ravel(), axis=1)
    sums = sums.reshape(len(samples), *bounds.shape)[..., :-1]  # less those from item to item
    return sums / np.diff(bounds, axis=1)


def _per_span(function: np.ufunc, samples: np.ndarray, span: np.ndarray) -> np.ndarray:
    """(sensors, items): a ufunc's reduction between each item's start and stop."""
    if not len(span):
        return np.zeros((len(samples), 0))
    return function.reduceat(samples, span.ravel(), axis=1)[:, ::2]


def _trend(samples: np.ndarray, span: np.ndarray, kind: Detrend) -> tuple[np.ndarray, np.ndarray]:
    """Level at the epoch's middle and slope a sample, (sensors, items) each."""
    none = np.zeros((len(samples), len(span)))
    if kind is None:
        return none, none
    n = np.diff(span, axis=1)[:, 0]
    level = _per_span(np.add, samples, span) / n
    if kind == "constant":
        return level, none
    index = np.arange(samples.shape[1], dtype=float)
    middle = (span[:, 0] + span[:, 1] - 1) / 2
    moment = _per_span(np.add, samples * index, span) - middle * n * level
    return level, moment * 12 / (n * (n**2 - 1.0)).clip(1)
