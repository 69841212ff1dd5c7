"""From words to equally spaced samples: resampling, delays, and how far they reach.

Word features are impulses at the words' onsets, low-passed to the responses' sampling rate and
copied at several delays, so that ridge finds the shape of the response (finite impulse response).
Nothing crosses the border of a story or a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import coo_array, csr_array

from lmbrain.errors import LmbrainError

# Lobes of the Lanczos kernel on either side of a sample (Huth et al. 2016).
LOBES = 3


def resampling_matrix(
    onsets: np.ndarray,
    word_segment: np.ndarray,
    times: np.ndarray,
    segment: np.ndarray,
    repetition_time: float,
) -> csr_array:
    """Matrix that low-passes word features at the samples' Nyquist frequency and samples them.

    Each word's features are an impulse at its onset, convolved with a Lanczos kernel,
    sinc(u) sinc(u / LOBES) with u in samples, |u| < LOBES.

    Parameters
    ----------
    onsets, word_segment : (words,)
        Seconds of the run's clock, and the stretch of time (story and run) of each word.
    times, segment : (n,)
        The same of each sample; samples in order of time inside a stretch.
    repetition_time : float
        Seconds between samples.

    Returns
    -------
    (n, words) sparse float64; times (words, p) features it gives the (n, p) resampled ones.
    """
    rows, columns, distances = [], [], []
    for name in np.unique(segment):
        here, said = np.flatnonzero(segment == name), np.flatnonzero(word_segment == name)
        reach = LOBES * repetition_time
        first = np.searchsorted(times[here], onsets[said] - reach, side="left")
        stop = np.searchsorted(times[here], onsets[said] + reach, side="right")
        count = stop - first
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        rows.append(here[np.repeat(first, count) + within])
        columns.append(np.repeat(said, count))
        distances.append((times[rows[-1]] - onsets[columns[-1]]) / repetition_time)
    u = np.concatenate(distances)
    kernel = np.sinc(u) * np.sinc(u / LOBES) * (np.abs(u) < LOBES)
    place = (np.concatenate(rows), np.concatenate(columns))
    return csr_array(coo_array((kernel, place), shape=(len(times), len(onsets))))


def nearest_samples(
    onsets: np.ndarray,
    word_segment: np.ndarray,
    times: np.ndarray,
    segment: np.ndarray,
    repetition_time: float,
) -> np.ndarray:
    """(words,) index of the sample during which each word starts, -1 where none is recorded.

    It is the nearest sample of the word's story and run, at most half a sampling interval away.
    Parameters as in `resampling_matrix`.
    """
    nearest = np.full(len(onsets), -1)
    for name in np.unique(segment):
        here, said = np.flatnonzero(segment == name), np.flatnonzero(word_segment == name)
        middle = (times[here][1:] + times[here][:-1]) / 2
        sample = here[np.searchsorted(middle, onsets[said])]
        close = np.abs(times[sample] - onsets[said]) <= repetition_time / 2 + 1e-9
        nearest[said[close]] = sample[close]
    return nearest


def delay_samples(start: float, stop: float, repetition_time: float) -> list[int]:
    """Delays in samples: the multiples of the repetition time from `start` to `stop` seconds.

    Raises
    ------
    LmbrainError
        If there is none.
    """
    first = int(np.ceil(start / repetition_time - 1e-9))
    last = int(np.floor(stop / repetition_time + 1e-9))
    if last < first:
        raise LmbrainError(
            f"encoding.delays from {start:g} to {stop:g} s hold no multiple of the repetition "
            f"time {repetition_time:g} s; widen them."
        )
    return list(range(first, last + 1))


def delayed(values: np.ndarray, delays: Sequence[int], segment: np.ndarray) -> np.ndarray:
    """Copies of the columns at several delays (finite impulse response design).

    Parameters
    ----------
    values : (n, p) float
        Equally spaced samples, in order of time inside each stretch.
    delays : sequence of int
        In samples; at delay d, row i holds row i - d.
    segment : (n,) str
        Story and run of each sample.

    Returns
    -------
    (n, p * len(delays)) float, delay by delay; zeros where row i - d lies outside the stretch.
    """
    size = values.shape[1]
    design = np.zeros((len(values), size * len(delays)), values.dtype)
    for name in np.unique(segment):
        rows = np.flatnonzero(segment == name)
        for number, delay in enumerate(delays):
            source = np.arange(len(rows)) - delay
            inside = (source >= 0) & (source < len(rows))
            block = slice(number * size, (number + 1) * size)
            design[rows[inside], block] = values[rows[source[inside]]]
    return design


def needed_gap(
    word_position: np.ndarray,
    word_story: np.ndarray,
    context_words: int,
    delays: Mapping[str, float] | None,
    repetition_time: float | None,
) -> float:
    """A gap at which no word enters both a training and a held-out sample.

    Word-locked: the context window in words. That is one word more than strictly needed, as
    samples exactly as far away as the gap are left out, too; it is the number that the context
    goes by (`gap_note` lets the smaller one pass). Continuous: the longest time that a context
    window lasts, plus the delays from the smallest to the longest (0 included), plus the support of
    the resampling kernel, 2 x LOBES samples. (Controls that look ahead, such as the length of
    the sentence, are not counted.)

    Parameters
    ----------
    word_position, word_story : (words,)
        Position of each word, other items left out, on the scale of the folds (`Samples`), and
        its story.
    context_words : int
        Longest context window, the current word included.
    delays : mapping or None
        `start` and `stop` in seconds; None: word-locked.
    repetition_time : float or None
        Seconds between samples; None: word-locked.

    Returns
    -------
    float, in words or seconds.
    """
    if delays is None or repetition_time is None:
        return float(context_words)
    context = 0.0
    for story in np.unique(word_story):
        times = word_position[word_story == story]
        first = np.maximum(np.arange(len(times)) - context_words + 1, 0)
        context = max(context, float(np.max(times - times[first])))
    steps = delay_samples(delays["start"], delays["stop"], repetition_time)
    samples = max(steps[-1], 0) - min(steps[0], 0) + 2 * LOBES
    return context + samples * repetition_time
