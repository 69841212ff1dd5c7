"""Is a prediction better than chance, per sensor and bin?

The statistic is Pearson's r within each test fold, averaged over folds, then over people. The
default null shifts the prediction circularly against the response inside each test fold, which
keeps the autocorrelation of both. It holds for stationary series in folds much longer than the
autocorrelation and than the minimal shift (a note says where they are not); a drift that lasts as
long as the fold has to be removed first. Permuting words, as published, breaks the autocorrelation
and finds too much wherever there is any.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy import fft

from lmbrain.encoding.folds import Folds
from lmbrain.encoding.scores import fold_correlation, unit_columns
from lmbrain.errors import LmbrainError
from lmbrain.inference.correction import (
    benjamini_hochberg,
    empirical_p,
    max_statistic,
    resamples_note,
)
from lmbrain.inference.resampling import draw_shifts, sample_interval

# Targets handled at once: bounds the memory, changes no result.
CHUNK = 256
# Folds shorter than this many autocorrelation lengths or minimal shifts give too small p-values.
SHORT_FOLD = 10


@dataclass(frozen=True)
class ChanceTest:
    """Result of `chance_test`.

    Attributes
    ----------
    r_people : (people, t)
        Pearson r within test folds, mean over folds.
    r : (t,)
        Mean over people.
    p : (t,)
        One-sided, r against chance.
    p_fwe : (t,)
        Corrected by the maximum over all targets.
    q : (t,)
        Corrected by Benjamini-Hochberg.
    lag1 : (t,)
        Autocorrelation of the responses at one sample, mean over people.
    decay : (t,)
        Lag in samples at which it has dropped under .05, largest over people.
    notes
        What limits the result, in sentences.
    """

    r_people: np.ndarray
    r: np.ndarray
    p: np.ndarray
    p_fwe: np.ndarray
    q: np.ndarray
    lag1: np.ndarray
    decay: np.ndarray
    notes: list[str] = field(default_factory=list)


def chance_test(
    people: Iterable[tuple[np.ndarray, np.ndarray]],
    folds: Folds,
    *,
    method: str,
    resamples: int,
    minimal_shift: float,
    level: float,
    seed: int,
) -> ChanceTest:
    """Test held-out predictions against chance, for the mean over people.

    Parameters
    ----------
    people
        Response and held-out prediction (n, t) of each person, over the same samples; only one
        person is held in memory if this is a generator.
    folds
    method : 'circular_shift' or 'permute_words'
        All people, sensors and bins share the same shifts (permutations).
    resamples
    minimal_shift
        In units of `folds.position`; should exceed the autocorrelation's decay. Not used by
        'permute_words'.
    level
        Of the corrections that the notes are about.
    seed

    Raises
    ------
    LmbrainError
        If a fold is too short for the minimal shift.
    """
    if method == "circular_shift":
        shifts = draw_shifts(folds, resamples, minimal_shift, seed)
    r_people, lags, decays, null = [], [], [], 0.0
    for response, prediction in people:
        r_people.append(fold_correlation(prediction, response, folds).mean(axis=0))
        lag1, decay = autocorrelation(response, folds)
        lags.append(lag1)
        decays.append(decay)
        if method == "circular_shift":
            null = null + fold_null(response, prediction, folds, shifts)
        else:
            null = null + permutation_null(response, prediction, folds, resamples, seed)
    null /= len(r_people)
    r = np.mean(r_people, axis=0)
    p, p_fwe, q = p_values(r, null)
    decay = np.max(decays, axis=0)
    if method == "circular_shift":
        notes = _autocorrelation_notes(decay, folds, minimal_shift)
    else:
        notes = _permutation_notes(decay)
    too_few = resamples_note(len(r), resamples, level)
    notes += [too_few] if too_few else []
    return ChanceTest(np.array(r_people), r, p, p_fwe, q, np.mean(lags, axis=0), decay, notes)


def fold_null(
    response: np.ndarray, prediction: np.ndarray, folds: Folds, shifts: np.ndarray
) -> np.ndarray:
    """Mean over folds of `fold_correlation`, the prediction circularly shifted in each fold.

    All shifts come at once from the FFT: r(s) = sum_i y[i] x[i - s], both normalised. Over a whole
    turn these sum to 0, so leaving out the shifts near 0 pulls the mean of the rest away from 0,
    against the sign of the observed r: the null is centred on its own mean. (Without that, 10% of
    tests were below .05 at AR(.8), folds of 100 samples and a minimal shift of 20.)

    Parameters
    ----------
    response, prediction : (n, t)
    folds
    shifts : (n_outer, resamples) int
        From `draw_shifts`; the same for everything that is averaged or compared.

    Returns
    -------
    (resamples, t) float32
    """
    null = np.zeros((shifts.shape[1], response.shape[1]), np.float32)
    for fold in range(folds.n_outer):
        rows = np.flatnonzero(folds.test(fold))
        for start in range(0, response.shape[1], CHUNK):
            part = slice(start, start + CHUNK)
            a = fft.rfft(_unit_columns(response[rows, part], "response", fold).T)
            b = fft.rfft(_unit_columns(prediction[rows, part], "prediction", fold).T)
            profile = fft.irfft(a * b.conj(), n=len(rows)).T / folds.n_outer
            drawn = np.ascontiguousarray(profile, np.float32)[shifts[fold]]
            null[:, part] += drawn - drawn.mean(axis=0, dtype=float).astype(np.float32)
    return null


def permutation_null(
    response: np.ndarray, prediction: np.ndarray, folds: Folds, resamples: int, seed: int
) -> np.ndarray:
    """Mean over folds of `fold_correlation`, each fold's predictions in random order.

    The published null. It ignores autocorrelation: its p-values are too small wherever responses
    and features are autocorrelated.

    Parameters
    ----------
    response, prediction : (n, t)
    folds
    resamples
    seed
        The same seed gives the same orders to everybody.

    Returns
    -------
    (resamples, t) float32
    """
    null = np.zeros((resamples, response.shape[1]), np.float32)
    generator = np.random.default_rng(seed)
    for fold in range(folds.n_outer):
        rows = np.flatnonzero(folds.test(fold))
        orders = np.array([generator.permutation(len(rows)) for _ in range(resamples)])
        for start in range(0, response.shape[1], CHUNK):
            part = slice(start, start + CHUNK)
            a = _unit_columns(response[rows, part], "response", fold)
            b = _unit_columns(prediction[rows, part], "prediction", fold)
            for resample, order in enumerate(orders):
                null[resample, part] += np.einsum("it,it->t", a, b[order]) / folds.n_outer
    return null


def p_values(observed: np.ndarray, null: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P-values of each target: alone, corrected by the maximum, by Benjamini-Hochberg.

    Parameters
    ----------
    observed : (t,)
    null : (resamples, t)

    Returns
    -------
    p, p_fwe, q : (t,), each at least 1 / (resamples + 1)
    """
    p = np.empty(len(observed))
    for start in range(0, len(observed), CHUNK):
        part = slice(start, start + CHUNK)
        p[part] = empirical_p(observed[part], null[:, part])
    return p, max_statistic(observed, null.max(axis=1)), benjamini_hochberg(p)


def autocorrelation(
    response: np.ndarray, folds: Folds, threshold: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """How long each target resembles itself, over the samples of each block, pooled.

    Parameters
    ----------
    response : (n, t)
    folds
    threshold
        In units of r.

    Returns
    -------
    lag1 : (t,)
        Autocorrelation between neighbouring samples.
    decay : (t,) int
        First lag, in samples, at which it is under `threshold`; half of the shortest block if it
        never is before. Constant targets have 0 for both.
    """
    sizes = [int(folds.test(fold).sum()) for fold in range(folds.n_outer)]
    lags = min(sizes) // 2 + 1
    pairs = sum(np.maximum(size - np.arange(lags), 1) for size in sizes)
    lag1 = np.empty(response.shape[1])
    decay = np.empty(response.shape[1], int)
    for start in range(0, response.shape[1], CHUNK):
        part = slice(start, start + CHUNK)
        centre = response[folds.usable, part].mean(axis=0, dtype=float)
        products = np.zeros((len(centre), lags))
        for fold in range(folds.n_outer):
            block = (response[folds.test(fold), part] - centre).T
            spectrum = fft.rfft(block, n=2 * block.shape[1])
            products += fft.irfft(np.abs(spectrum) ** 2)[:, :lags]
        variance = products[:, :1] / pairs[0]
        curve = products / pairs / np.where(variance > 0, variance, 1.0)
        under = curve < threshold
        lag1[part] = curve[:, 1]
        decay[part] = np.where(under.any(axis=1), under.argmax(axis=1), lags - 1)
    return lag1, decay


def _unit_columns(values: np.ndarray, name: str, fold: int) -> np.ndarray:
    if not np.isfinite(values).all():
        raise LmbrainError(
            f"The {name} of test fold {fold} holds a value that is no finite number; predict every "
            "usable sample from the same folds."
        )
    return unit_columns(values)


def _autocorrelation_notes(decay: np.ndarray, folds: Folds, minimal_shift: float) -> list[str]:
    """What the circular shifts' p-values suffer from, if anything."""
    minimum = minimal_shift / sample_interval(folds)
    shortest = min(int(folds.test(fold).sum()) for fold in range(folds.n_outer))
    longest = float(np.quantile(decay, 0.95))
    notes = []
    if 0 < minimum < longest:
        notes.append(
            f"The minimal shift of {minimum:.0f} samples is shorter than the autocorrelation of "
            f"the responses, which stays above .05 up to {longest:.0f} samples in 5% of the "
            "targets: shifts beyond it still hold some of the effect, which costs power."
        )
    if shortest < SHORT_FOLD * max(minimum, longest):
        notes.append(
            f"The shortest test fold has {shortest} samples, fewer than {SHORT_FOLD} times the "
            f"minimal shift ({minimum:.0f}) or the autocorrelation ({longest:.0f}): p-values are "
            "somewhat too small; use fewer folds or a smaller significance.minimal_shift."
        )
    return notes


def _permutation_notes(decay: np.ndarray) -> list[str]:
    if np.median(decay) <= 1:
        return []
    return [
        f"Responses are autocorrelated (median decay under .05: {np.median(decay):.0f} samples), "
        "which the permutation of words ignores: its p-values are too small."
    ]
