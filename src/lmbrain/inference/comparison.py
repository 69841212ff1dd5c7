"""Is one model's prediction better than another's, per sensor and bin, in a window, over people?

The effect is the difference in r, tuned - base, with a jackknife error that repeats the fits
(`lmbrain.inference.jackknife`): losses of the same held-out words vary less than the fits behind
them do, so that flipping the signs of their differences finds one of two equally good models
better in up to 20% of tests at .05. Such flips of contiguous blocks still say how the targets
depend on each other, which the maximum over targets and the clusters need.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse, stats

from lmbrain.encoding.folds import UNUSED, Folds
from lmbrain.encoding.scores import squared_error
from lmbrain.errors import LmbrainError
from lmbrain.inference.autocorrelation import autocorrelation
from lmbrain.inference.correction import benjamini_hochberg, holm, resamples_note
from lmbrain.inference.fits import Fit
from lmbrain.inference.flips import FlipTest, flip_scale, flip_test
from lmbrain.inference.jackknife import (
    FoldScores,
    Jackknife,
    equal_blocks,
    jackknife,
    mean_over_people,
)
from lmbrain.inference.resampling import block_length, block_sums, blocks_to_flip
from lmbrain.inference.significance import p_values, permutation_null

# Targets handled at once: bounds the memory, changes no result.
CHUNK = 512
# With fewer, Student's t does not fit the jackknife's few values far out: on fMRI in six folds .006
# of the tests were below .001 where nothing was to be found (docs/calibration.md).
FEW_FOLDS = 10


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison of two models.

    Attributes
    ----------
    r_gain : (t,)
        Difference in r, tuned - base, mean over folds, then people.
    interval : (2, t)
        95% interval of `r_gain` over other words.
    p, p_fwe, q : (t,)
        One-sided (tuned better); alone, corrected by the maximum over all targets, and by
        Benjamini-Hochberg.
    p_cluster : (t,) or None
        Of each target's cluster (`lmbrain.inference.flips.FlipTest`).
    error_gain : (t,)
        Mean squared error of base minus that of tuned, in training variances.
    error_interval : (2, t)
        95% block bootstrap interval of `error_gain` for these fits on other words; it leaves out
        that other words would also have made other fits.
    gain_per_fold, gain_left_out : (n_outer, t)
        Mean over people (`lmbrain.inference.jackknife.mean_over_people`), for `window_gains`.
    blocks : float
        How many blocks of equal weight these are worth.
    folds
    block : float
        In units of `folds.position`.
    notes
        What limits the result, in sentences.
    """

    r_gain: np.ndarray
    interval: np.ndarray
    p: np.ndarray
    p_fwe: np.ndarray
    q: np.ndarray
    p_cluster: np.ndarray | None
    error_gain: np.ndarray
    error_interval: np.ndarray
    gain_per_fold: np.ndarray
    gain_left_out: np.ndarray
    blocks: float
    folds: Folds
    block: float
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PeopleTest:
    """Result of `sign_flip_people`: effect, p, p_fwe (t,), interval (2, t) and notes."""

    effect: np.ndarray
    p: np.ndarray
    p_fwe: np.ndarray
    interval: np.ndarray
    notes: list[str] = field(default_factory=list)


def loss_difference(
    response: np.ndarray, base: np.ndarray, tuned: np.ndarray, folds: Folds
) -> np.ndarray:
    """Squared error of base minus that of tuned, per sample and target.

    Parameters
    ----------
    response, base, tuned : (n, t)
        Un-denoised response of one person and two held-out predictions of it.
    folds

    Returns
    -------
    (n, t) in training variances; NaN for samples that are never used.

    Raises
    ------
    LmbrainError
        If a used sample lacks a prediction, or a target is constant in a training fold.
    """
    sd = np.array([response[folds.train(k)].std(axis=0, dtype=float) for k in range(folds.n_outer)])
    if (sd <= 0).any():
        fold, target = np.argwhere(sd <= 0)[0]
        raise LmbrainError(
            f"Target {target} (from 0) is constant in the training samples of fold {fold}; "
            "mark its sensor as bad."
        )
    difference = squared_error(base, response, folds, sd)
    difference -= squared_error(tuned, response, folds, sd)
    missing = folds.usable & ~np.isfinite(difference).all(axis=1)
    if missing.any():
        raise LmbrainError(
            f"Sample {int(missing.argmax())} (from 0) is in the folds but lacks a response or a "
            "prediction; predict every usable sample from the same folds."
        )
    return difference


def compare_models(
    people: Iterable[tuple[np.ndarray, Fit, Fit]],
    folds: Folds,
    *,
    resamples: int,
    level: float,
    seed: int,
    unit: str = "blocks",
    block: float | None = None,
    drift_cutoff: float | None = None,
    adjacency: sparse.csr_array | None = None,
) -> Comparison:
    """Compare two models, per target, for the mean over people.

    Parameters
    ----------
    people
        Response (n, t), base fit and tuned fit of each person, both in the person's own folds.
    folds
        Of the study.
    resamples
    level
        Of the corrections that the notes are about.
    seed
    unit : 'blocks' or 'words'
        'words' is the published test: r(tuned) - r(base) against the same after permuting words.
        Its null is that neither model predicts, and it ignores autocorrelation and refitting.
    block, drift_cutoff
        As in `lmbrain.inference.significance.chance_test`; the autocorrelation is that of the
        paired loss differences.
    adjacency : (t, t), optional
        Neighbours (`lmbrain.inference.clusters.sensor_adjacency`), for clusters.

    Raises
    ------
    LmbrainError
        If a used sample lacks a prediction, or there are fewer than two blocks.
    """
    permuted = (resamples, seed) if unit == "words" else None
    mean, difference, weight, null = _over_people(people, folds, permuted)
    estimate = jackknife(mean.per_fold, mean.left_out, folds, mean.blocks)
    decay = autocorrelation(difference, folds)[1]
    block = block_length(block, decay, folds, drift_cutoff)
    blocks = np.where(weight[:, 0] > 0, blocks_to_flip(folds, block), UNUSED)
    sums, words = block_sums(difference, blocks)
    sizes = block_sums(weight, blocks)[0][:, 0]
    if unit == "words":
        found, notes = _permuted(estimate, null)
    else:
        units = equal_blocks(sizes / words)
        found, notes = _flipped(sums, units, estimate, mean.blocks, resamples, seed, adjacency)
    too_few = resamples_note(len(decay), resamples, level)
    return Comparison(
        r_gain=estimate.effect,
        interval=estimate.interval,
        p=found.p,
        p_fwe=found.p_fwe,
        q=benjamini_hochberg(found.p),
        p_cluster=found.p_cluster,
        error_gain=sums.sum(axis=0) / sizes.sum(),
        error_interval=block_interval(sums, sizes, resamples, seed),
        gain_per_fold=mean.per_fold,
        gain_left_out=mean.left_out,
        blocks=mean.blocks,
        folds=folds,
        block=block,
        notes=notes + ([too_few] if too_few else []),
    )


def _over_people(
    people: Iterable[tuple[np.ndarray, Fit, Fit]],
    folds: Folds,
    permuted: tuple[int, int] | None,
) -> tuple[FoldScores, np.ndarray, np.ndarray, np.ndarray]:
    """Means over people, of whom one is in memory at a time.

    Parameters
    ----------
    people, folds
        As in `compare_models`.
    permuted
        Number of permutations of words and their seed; None for none.

    Returns
    -------
    gains in r
    loss difference (n, t) and weight (n, 1)
        Weighted so that the mean over the study's words is that over each person's own.
    null : (resamples, t)
        Of the gain in r under permuted words; 0 without these.
    """
    difference, weight, null, gains = 0.0, 0.0, 0.0, []
    for response, base, tuned in people:
        own = base.folds or folds
        loss = loss_difference(response, base.prediction, tuned.prediction, own)
        share = float(folds.usable.sum() / own.usable.sum())
        difference = difference + np.where(own.usable[:, None], loss * share, 0)
        weight = weight + own.usable[:, None] * share
        gains.append((tuned.r_per_fold - base.r_per_fold, tuned.left_out_r - base.left_out_r, own))
        if permuted:
            drawn = (own, *permuted, folds)
            null = null + permutation_null(response, tuned.prediction, *drawn)
            null = null - permutation_null(response, base.prediction, *drawn)
    count = len(gains)
    mean = mean_over_people(gains, folds)
    return mean, difference / count, weight / count, np.asarray(null / count)


def _flipped(
    sums: np.ndarray,
    units: float,
    estimate: Jackknife,
    folds: float,
    resamples: int,
    seed: int,
    adjacency: sparse.csr_array | None,
) -> tuple[FlipTest, list[str]]:
    # Flips of blocks that unequally many people have reach less far than those of equal ones.
    observed = flip_scale(stats.norm.isf(estimate.p), units)
    found = flip_test(sums, resamples, seed, observed=observed, adjacency=adjacency)
    notes = []
    if found.floor > 0.01:
        notes.append(f"{len(sums)} blocks of words can give no p below {found.floor:.2g}.")
    if folds < FEW_FOLDS:
        notes.append(
            f"With {folds:.0f} folds the jackknife's error is rough: p of comparisons below .01 "
            "may be several times too small, and there is little power; raise folds.outer (10 or "
            "more)."
        )
    return found, notes


def _permuted(estimate: Jackknife, null: np.ndarray) -> tuple[FlipTest, list[str]]:
    p, p_fwe = p_values(estimate.effect, null)
    note = (
        "Words were permuted as published: the null is that neither model predicts, and "
        "autocorrelation and refitting are ignored, so p-values are too small."
    )
    return FlipTest(p, p_fwe, None, 1 / (len(null) + 1)), [note]


@dataclass(frozen=True)
class WindowGains:
    """Result of `window_gains`: effect (w,), interval (2, w), p and Holm-corrected p (w,)."""

    effect: np.ndarray
    interval: np.ndarray
    p: np.ndarray
    p_corrected: np.ndarray


def window_gains(comparison: Comparison, windows: Sequence[np.ndarray]) -> WindowGains:
    """One test a preset window: is the mean gain in r over its sensors and bins above 0?

    Parameters
    ----------
    comparison
        From `compare_models`.
    windows : of (t,) bool
        Targets of each window.

    Raises
    ------
    LmbrainError
        If a window is no mask or picks nothing.
    """
    for window in windows:
        _check_window(window)
    per_fold, left_out = (
        np.column_stack([values[:, window].mean(axis=1) for window in windows])
        for values in (comparison.gain_per_fold, comparison.gain_left_out)
    )
    found = jackknife(per_fold, left_out, comparison.folds, comparison.blocks)
    return WindowGains(found.effect, found.interval, found.p, holm(found.p))


def word_improvement(
    response: np.ndarray, base: np.ndarray, tuned: np.ndarray, folds: Folds, targets: np.ndarray
) -> np.ndarray:
    """Mean `loss_difference` of each sample over some targets (the bins of a window).

    Parameters
    ----------
    response, base, tuned, folds
        As in `loss_difference`.
    targets : (t,) bool

    Returns
    -------
    (n,) in training variances; NaN for samples that are never used.

    Raises
    ------
    LmbrainError
        If `targets` is no mask or picks nothing.
    """
    _check_window(targets)
    chosen = (values[:, targets] for values in (response, base, tuned))
    return loss_difference(*chosen, folds).mean(axis=1)


def response_energy(response: np.ndarray, folds: Folds, targets: np.ndarray) -> np.ndarray:
    """Mean squared response of each sample over some targets, as the losses of `word_improvement`.

    Parameters
    ----------
    response : (n, t)
    folds
    targets : (t,) bool

    Returns
    -------
    (n,) in training variances, around the training mean; NaN for samples that are never used.
    """
    _check_window(targets)
    chosen = response[:, targets]
    energy = np.full(len(chosen), np.nan)
    for fold in range(folds.n_outer):
        train, test = chosen[folds.train(fold)], folds.test(fold)
        z = (chosen[test] - train.mean(axis=0, dtype=float)) / train.std(axis=0, dtype=float)
        energy[test] = np.square(z).mean(axis=1)
    return energy


def _check_window(window: np.ndarray) -> None:
    if window.dtype != bool or not window.any():
        raise LmbrainError("No bin lies in a window of evaluation.windows; widen it.")


def sign_flip_people(effects: np.ndarray, resamples: int, seed: int) -> PeopleTest:
    """Test mean effects across people by flipping the signs of people.

    Generalises to other people, where `compare_models` generalises to other words. With P
    people no p is below 1 / 2**P.

    Parameters
    ----------
    effects : (people, t)
        One effect a person, from un-denoised responses (denoised people share data) and from
        fits of each person's own: fits that several people share carry one chance into all.
    resamples
        All 2**P flips are used instead if they are no more.
    seed

    Returns
    -------
    PeopleTest with Student t intervals; its notes give the floor.

    Raises
    ------
    LmbrainError
        With fewer than two people.
    """
    people = len(effects)
    if people < 2:
        raise LmbrainError(
            "A test across people needs at least two; add subjects, or test blocks of words."
        )
    found = flip_test(effects.astype(float), resamples, seed)
    effect = effects.mean(axis=0)
    half = stats.t.ppf(0.975, people - 1) * stats.sem(effects, axis=0)
    note = f"With {people} people no p can be below {found.floor:.2g}."
    interval = np.array([effect - half, effect + half])
    return PeopleTest(effect, found.p, found.p_fwe, interval, [note])


def block_interval(
    sums: np.ndarray, sizes: np.ndarray, resamples: int, seed: int, coverage: float = 0.95
) -> np.ndarray:
    """Block bootstrap interval of the mean per sample.

    Blocks are drawn with replacement. The percentiles are widened by Student's t, because plain
    percentiles are too narrow with few blocks.

    Parameters
    ----------
    sums : (b, t)
    sizes : (b,)
        Samples in each block, or their summed weights.
    resamples, seed
    coverage

    Returns
    -------
    (2, t)

    References
    ----------
    Hesterberg 2015, The American Statistician 69, 371-386 (expanded percentile interval).
    """
    blocks = len(sums)
    counts = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), resamples)
    counts = counts.astype(float)
    words = (counts @ sizes)[:, None]
    tail = stats.t.ppf((1 - coverage) / 2, blocks - 1) * np.sqrt(blocks / (blocks - 1))
    tail = stats.norm.cdf(tail)
    interval = np.empty((2, sums.shape[1]))
    for start in range(0, sums.shape[1], CHUNK):
        part = slice(start, start + CHUNK)
        means = (counts @ sums[:, part]) / words
        interval[:, part] = np.quantile(means, [tail, 1 - tail], axis=0, overwrite_input=True)
    return interval
