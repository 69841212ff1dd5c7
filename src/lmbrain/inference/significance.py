"""Is a prediction better than chance, per sensor and bin?

The statistic is Pearson's r within each test fold, averaged over folds, then over people. The
default null flips the signs of contiguous blocks of the responses: it holds for responses whose
blocks are independent and as likely to be above their mean as below, stationary or not. Circular
shifts of the prediction inside each test fold hold for stationary responses in folds much longer
than the autocorrelation. Permuting words, as published, breaks the autocorrelation and finds too
much wherever there is any.

All of them keep the predictions as they are. But each block that is tested has also trained the
models of the other blocks, so that what two blocks share by chance is counted twice: r varies by
a factor of 1 + K / (K - 1) more, K folds, than under the null (Nadeau & Bengio 2003 found the same
for training sets that overlap). Unless r is corrected for that, 12% of tests reject at .05 on
white noise.

People may lack blocks (`Fit.folds`). Each one's r is the mean over her own blocks, and the mean
over people comes last; a word is flipped in everybody who has it. What folds share is counted twice
by every person, and between two people by the blocks they have in common: the factor above, with K
the number of each one's own blocks. It falls with K, so that the smallest K bounds that of the
mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy import fft, sparse

from lmbrain.encoding.folds import UNUSED, Folds
from lmbrain.encoding.scores import unit_columns
from lmbrain.errors import LmbrainError
from lmbrain.inference.autocorrelation import autocorrelation
from lmbrain.inference.correction import (
    benjamini_hochberg,
    empirical_p,
    max_statistic,
    resamples_note,
)
from lmbrain.inference.fits import Fit
from lmbrain.inference.flips import FlipTest, flip_scale, flip_test, normal_score
from lmbrain.inference.jackknife import jackknife, mean_over_people
from lmbrain.inference.resampling import (
    block_length,
    block_sums,
    blocks_to_flip,
    draw_shifts,
    in_use,
)

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
    interval : (2, t)
        95% interval of r over other words, by the jackknife over folds.
    mean_interval : (2,)
        The same of the mean over all targets.
    p : (t,)
        One-sided, r against chance.
    p_fwe : (t,)
        Corrected by the maximum over all targets.
    q : (t,)
        Corrected by Benjamini-Hochberg.
    p_cluster : (t,) or None
        Of each target's cluster (`lmbrain.inference.flips.FlipTest`); with an adjacency and
        'flip_blocks' only.
    lag1 : (t,)
        Autocorrelation of the responses at one sample, mean over people.
    decay : (t,)
        Lag in samples at which it has dropped under .05, largest over people.
    block : float or None
        Length of the blocks that were flipped, in units of `folds.position`.
    notes
        What limits the result, in sentences.
    """

    r_people: np.ndarray
    r: np.ndarray
    interval: np.ndarray
    mean_interval: np.ndarray
    p: np.ndarray
    p_fwe: np.ndarray
    q: np.ndarray
    p_cluster: np.ndarray | None
    lag1: np.ndarray
    decay: np.ndarray
    block: float | None
    notes: list[str] = field(default_factory=list)


def chance_test(
    people: Iterable[tuple[np.ndarray, Fit]],
    folds: Folds,
    *,
    method: str,
    resamples: int,
    level: float,
    seed: int,
    block: float | None = None,
    drift_cutoff: float | None = None,
    minimal_shift: float = 0.0,
    adjacency: sparse.csr_array | None = None,
) -> ChanceTest:
    """Test held-out predictions against chance, for the mean over people.

    Parameters
    ----------
    people
        Response (n, t) and fit of each person; rows that are not in the fit's folds are not read.
        Only one person is held in memory if this is a generator.
    folds
        Of the study.
    method : 'flip_blocks', 'circular_shift' or 'permute_words'
        All people, sensors and bins share the same flips (shifts, permutations).
    resamples
    level
        Of the corrections that the notes are about.
    seed
    block, drift_cutoff
        Of 'flip_blocks': length of the blocks and of the slowest waves left in the responses, in
        units of `folds.position`; `lmbrain.inference.resampling.block_length` sets a block of
        None from the measured autocorrelation.
    minimal_shift
        Of 'circular_shift', in units of `folds.position`; should exceed the autocorrelation.
    adjacency : (t, t), optional
        Neighbours (`lmbrain.inference.clusters.sensor_adjacency`), for clusters of flipped blocks.

    Raises
    ------
    LmbrainError
        If a fold is too short for the minimal shift, or there are fewer than two blocks.

    References
    ----------
    Nadeau & Bengio 2003, Machine Learning 52, 239-281.
    """
    material = _material(method, folds, resamples, minimal_shift, seed)
    scores, lags, decays, total = _over_people(people, folds, material)
    decay = np.max(decays, axis=0)
    everybody = [own for _, _, own in scores]
    mean = mean_over_people(scores, folds)
    estimate = jackknife(mean.per_fold, mean.left_out, folds, mean.blocks)
    targets = (v.mean(axis=1, keepdims=True) for v in (mean.per_fold, mean.left_out))
    overall = jackknife(*targets, folds, mean.blocks)
    twice = max(counted_twice(own) for own in everybody)
    if method == "flip_blocks":
        block = block_length(block, decay, folds, drift_cutoff)
        labels = np.where(in_use(everybody), blocks_to_flip(folds, block), UNUSED)
        found, notes = _flip_blocks(total, labels, twice, resamples, seed, adjacency)
    else:
        correction = 1.0 if method == "permute_words" else twice
        found = _against(estimate.effect / correction, total / len(scores))
        notes = _shift_notes(method, decay, everybody, minimal_shift)
    too_few = resamples_note(len(decay), resamples, level)
    return ChanceTest(
        r_people=np.array([per_fold.mean(axis=0) for per_fold, _, _ in scores]),
        r=estimate.effect,
        interval=estimate.interval,
        mean_interval=overall.interval[:, 0],
        p=found.p,
        p_fwe=found.p_fwe,
        q=benjamini_hochberg(found.p),
        p_cluster=found.p_cluster,
        lag1=np.mean(lags, axis=0),
        decay=decay,
        block=block if method == "flip_blocks" else None,
        notes=notes + ([too_few] if too_few else []),
    )


Material = Callable[[np.ndarray, np.ndarray, Folds], np.ndarray]


def _material(
    method: str, folds: Folds, resamples: int, minimal_shift: float, seed: int
) -> Material:
    """What the test sums over people, from a response, its prediction and a person's own folds."""
    if method == "flip_blocks":
        return fold_products
    if method == "permute_words":
        return partial(permutation_null, resamples=resamples, seed=seed, study=folds)
    shifts = draw_shifts(folds, resamples, minimal_shift, seed)

    def shifted(response: np.ndarray, prediction: np.ndarray, own: Folds) -> np.ndarray:
        drawn = shifts
        if own is not folds:
            drawn = draw_shifts(folds, resamples, minimal_shift, seed, own)
        return fold_null(response, prediction, own, drawn)

    return shifted


def _over_people(
    people: Iterable[tuple[np.ndarray, Fit]], folds: Folds, material: Material
) -> tuple[
    list[tuple[np.ndarray, np.ndarray, Folds]], list[np.ndarray], list[np.ndarray], np.ndarray
]:
    """Scores, lag-1 autocorrelation and decay of each person, and the sum of the material.

    One person is in memory at a time.
    """
    scores, lags, decays, total = [], [], [], 0.0
    for response, fit in people:
        own = fit.folds or folds
        scores.append((fit.r_per_fold, fit.left_out_r, own))
        lag1, decay = autocorrelation(response, own)
        lags.append(lag1)
        decays.append(decay)
        total = total + material(response, fit.prediction, own)
    return scores, lags, decays, np.asarray(total)


def counted_twice(folds: Folds) -> float:
    """How much wider r's distribution is than a null that keeps the predictions as they are."""
    return float(np.sqrt(1 + folds.n_outer / (folds.n_outer - 1)))


def fold_products(response: np.ndarray, prediction: np.ndarray, folds: Folds) -> np.ndarray:
    """Each sample's share in r: its sum over samples is the mean over folds of `fold_correlation`.

    Parameters
    ----------
    response, prediction : (n, t)
    folds

    Returns
    -------
    (n, t) float32, 0 for samples that are never used.
    """
    products = np.zeros(response.shape, np.float32)
    for fold in range(folds.n_outer):
        rows = np.flatnonzero(folds.test(fold))
        share = _unit_columns(response[rows], "response", fold)
        share = share * _unit_columns(prediction[rows], "prediction", fold)
        products[rows] = share / folds.n_outer
    return products


def _flip_blocks(
    products: np.ndarray,
    labels: np.ndarray,
    twice: float,
    resamples: int,
    seed: int,
    adjacency: sparse.csr_array | None,
) -> tuple[FlipTest, list[str]]:
    sums, _ = block_sums(products, labels)
    score = normal_score(sums) / twice
    observed = flip_scale(score, len(sums))
    found = flip_test(sums, resamples, seed, observed=observed, adjacency=adjacency)
    few = f"{len(sums)} blocks of words can give no p below {found.floor:.2g}."
    return found, [few] if found.floor > 0.01 else []


def _against(observed: np.ndarray, null: np.ndarray) -> FlipTest:
    p, p_fwe = p_values(observed, null)
    return FlipTest(p, p_fwe, None, 1 / (len(null) + 1))


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
    response: np.ndarray,
    prediction: np.ndarray,
    folds: Folds,
    resamples: int,
    seed: int,
    study: Folds | None = None,
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
    study
        The study's folds, where `folds` are those of a person who lacks some samples: hers come in
        the order that they have among the study's.

    Returns
    -------
    (resamples, t) float32
    """
    null = np.zeros((resamples, response.shape[1]), np.float32)
    generator = np.random.default_rng(seed)
    study = study or folds
    orders_of = {}
    for block in range(study.n_outer):
        rows = np.flatnonzero(study.test(block))
        orders = [generator.permutation(len(rows)) for _ in range(resamples)]
        has = folds.usable[rows]
        place = np.cumsum(has) - 1
        orders_of[block] = np.array([place[order[has[order]]] for order in orders])
    for fold, block in enumerate(folds.study_block):
        rows, orders = np.flatnonzero(folds.test(fold)), orders_of[block]
        for start in range(0, response.shape[1], CHUNK):
            part = slice(start, start + CHUNK)
            a = _unit_columns(response[rows, part], "response", fold)
            b = _unit_columns(prediction[rows, part], "prediction", fold)
            for resample, order in enumerate(orders):
                null[resample, part] += np.einsum("it,it->t", a, b[order]) / folds.n_outer
    return null


def p_values(observed: np.ndarray, null: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P-values of each target: alone, and corrected by the maximum.

    Parameters
    ----------
    observed : (t,)
    null : (resamples, t)

    Returns
    -------
    p, p_fwe : (t,), each at least 1 / (resamples + 1)
    """
    p = np.empty(len(observed))
    for start in range(0, len(observed), CHUNK):
        part = slice(start, start + CHUNK)
        p[part] = empirical_p(observed[part], null[:, part])
    return p, max_statistic(observed, null.max(axis=1))


def _unit_columns(values: np.ndarray, name: str, fold: int) -> np.ndarray:
    if not np.isfinite(values).all():
        raise LmbrainError(
            f"The {name} of test fold {fold} holds a value that is no finite number; predict every "
            "usable sample from the same folds."
        )
    return unit_columns(values)


def _shift_notes(
    method: str, decay: np.ndarray, people: Sequence[Folds], minimal_shift: float
) -> list[str]:
    if method == "permute_words":
        return _permutation_notes(decay)
    return _autocorrelation_notes(decay, people, minimal_shift)


def _autocorrelation_notes(
    decay: np.ndarray, people: Sequence[Folds], minimal_shift: float
) -> list[str]:
    """What the circular shifts' p-values suffer from, if anything."""
    minimum = minimal_shift / people[0].interval
    shortest = min(int(own.test(fold).sum()) for own in people for fold in range(own.n_outer))
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
