"""Is one model's prediction better than another's? Paired losses, flipped block by block.

The loss is the squared error in units of the training fold's standard deviation; its difference
base - tuned is positive where the tuned model is better. Neighbouring words share noise, so
contiguous blocks are the units whose signs are flipped (p) and which are drawn again (interval).
The blocks should be longer than the autocorrelation of the differences.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from lmbrain.encoding.folds import Folds
from lmbrain.encoding.scores import fold_correlation, squared_error
from lmbrain.errors import LmbrainError
from lmbrain.inference.correction import empirical_p, max_statistic
from lmbrain.inference.resampling import (
    block_sums,
    contiguous_blocks,
    sample_interval,
    sign_flips,
)
from lmbrain.inference.significance import autocorrelation, p_values, permutation_null

# Targets handled at once: bounds the memory, changes no result.
CHUNK = 512
MINIMAL_BLOCKS = 5
# At AR(.8), with a decay of 14 samples, tests at .05 reject 8% in blocks of 20, 6% in blocks of 40.
BLOCK_PER_DECAY = 3


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison of two models.

    Attributes
    ----------
    effect : (t,)
        Mean loss difference base - tuned, in training variances; positive: tuned is better.
    p, p_fwe : (t,)
        One-sided (tuned better); alone and corrected by the maximum over all targets.
    interval : (2, t)
        95% block bootstrap interval of the effect.
    units : int
        Number of blocks (or people, or words) whose exchange made the null.
    notes
        What limits the result, in sentences.
    """

    effect: np.ndarray
    p: np.ndarray
    p_fwe: np.ndarray
    interval: np.ndarray
    units: int
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
    people: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
    folds: Folds,
    *,
    unit: str,
    block: float,
    resamples: int,
    seed: int,
) -> tuple[Comparison, np.ndarray]:
    """Compare two models, per target, for the mean over people.

    Parameters
    ----------
    people
        Response, base prediction and tuned prediction (n, t) of each person.
    folds
    unit : 'blocks' or 'words'
        'words' is the published test: r(tuned) - r(base) against the same after permuting words.
        Its null is that neither model predicts, and it ignores autocorrelation.
    block
        Length of the blocks in units of `folds.position`.
    resamples, seed

    Returns
    -------
    The comparison (effect and interval are the same for both units) and each person's effect
    (people, t), for `sign_flip_people`.
    """
    total, effects, gain, null = 0.0, [], 0.0, 0.0
    for response, base, tuned in people:
        difference = loss_difference(response, base, tuned, folds)
        effects.append(difference[folds.usable].mean(axis=0))
        total = total + difference
        if unit == "words":
            gain = gain + fold_correlation(tuned, response, folds).mean(axis=0)
            gain -= fold_correlation(base, response, folds).mean(axis=0)
            null = null + permutation_null(response, tuned, folds, resamples, seed)
            null -= permutation_null(response, base, folds, resamples, seed)
    blocks = sign_flip_blocks(total / len(effects), block, folds, resamples, seed)
    if unit == "blocks":
        return blocks, np.array(effects)
    p, p_fwe, _ = p_values(gain / len(effects), null / len(effects))
    note = (
        "Words were permuted as published: the null is that neither model predicts, and "
        "autocorrelation is ignored, so p-values are too small."
    )
    words = int(folds.usable.sum())
    comparison = Comparison(blocks.effect, p, p_fwe, blocks.interval, words, [note])
    return comparison, np.array(effects)


def word_improvement(
    people: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]], folds: Folds, targets: np.ndarray
) -> np.ndarray:
    """Mean `loss_difference` of each sample over some targets (the bins of a window).

    Parameters
    ----------
    people, folds
        As in `compare_models`.
    targets : (t,) bool

    Returns
    -------
    (people, n) in training variances; NaN for samples that are never used.

    Raises
    ------
    LmbrainError
        If `targets` is no mask or picks nothing.
    """
    if targets.dtype != bool or not targets.any():
        raise LmbrainError("No bin lies in the window; widen evaluation.window.")
    return np.array(
        [
            loss_difference(*(values[:, targets] for values in person), folds).mean(axis=1)
            for person in people
        ]
    )


def correlation_gain(
    people: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]], folds: Folds
) -> np.ndarray:
    """r of the tuned minus r of the base prediction, (people, t); arguments as `compare_models`."""
    return np.array(
        [
            (
                fold_correlation(tuned, response, folds) - fold_correlation(base, response, folds)
            ).mean(axis=0)
            for response, base, tuned in people
        ]
    )


def sign_flip_blocks(
    difference: np.ndarray, block_length: float, folds: Folds, resamples: int, seed: int
) -> Comparison:
    """Test mean differences by flipping the signs of contiguous blocks.

    With block sums S_b the statistic is sum_b S_b / sqrt(sum_b S_b**2), whose denominator no flip
    changes, so that the maximum over targets is over comparable values.

    Parameters
    ----------
    difference : (n, t)
        Paired loss differences, mean over people; rows of unused samples are ignored.
    block_length
        In units of `folds.position`.
    folds
        Blocks stay inside test folds and stories.
    resamples
        All 2**blocks flips are used instead if they are no more.
    seed

    Raises
    ------
    LmbrainError
        If there are fewer than 5 blocks.
    """
    sums, sizes = block_sums(difference, contiguous_blocks(folds, block_length))
    if len(sums) < MINIMAL_BLOCKS:
        raise LmbrainError(
            f"Blocks of {block_length:g} leave only {len(sums)} blocks to flip; "
            "lower evaluation.block."
        )
    p, p_fwe, floor = flip_test(sums, resamples, seed)
    return Comparison(
        effect=sums.sum(axis=0) / sizes.sum(),
        p=p,
        p_fwe=p_fwe,
        interval=block_interval(sums, sizes, resamples, seed),
        units=len(sums),
        notes=_block_notes(difference, block_length, folds, len(sums), floor),
    )


def sign_flip_people(effects: np.ndarray, resamples: int, seed: int) -> Comparison:
    """Test mean effects across people by flipping the signs of people.

    Generalises to other people, where `sign_flip_blocks` generalises to other words. With P
    people no p is below 1 / 2**P.

    Parameters
    ----------
    effects : (people, t)
        One effect a person, from un-denoised responses (denoised people share data).
    resamples
        All 2**P flips are used instead if they are no more.
    seed

    Returns
    -------
    Comparison with Student t intervals; its notes give the floor.

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
    p, p_fwe, floor = flip_test(effects.astype(float), resamples, seed)
    effect = effects.mean(axis=0)
    half = stats.t.ppf(0.975, people - 1) * stats.sem(effects, axis=0)
    note = f"With {people} people no p can be below {floor:.2g}."
    return Comparison(effect, p, p_fwe, np.array([effect - half, effect + half]), people, [note])


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
        Samples in each block.
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


def _block_notes(
    difference: np.ndarray, block_length: float, folds: Folds, blocks: int, floor: float
) -> list[str]:
    notes = []
    decay = float(np.median(autocorrelation(difference, folds)[1]))
    samples = block_length / sample_interval(folds)
    if samples < BLOCK_PER_DECAY * decay:
        notes.append(
            f"Blocks of {samples:.0f} samples are shorter than {BLOCK_PER_DECAY} times the "
            f"autocorrelation of the loss differences (under .05 after {decay:.0f} samples at the "
            "median target): p-values are somewhat too small; raise evaluation.block."
        )
    if floor > 0.01:
        notes.append(f"{blocks} blocks can give no p below {floor:.2g}.")
    return notes


def flip_test(sums: np.ndarray, resamples: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Test column sums against all or random flips of the rows' signs.

    Parameters
    ----------
    sums : (units, t)
        One value for each exchangeable unit (block, person).
    resamples, seed

    Returns
    -------
    p, p_fwe : (t,)
        One-sided; alone and corrected by the maximum over targets of
        sum(S) / sqrt(sum(S**2)), whose denominator no flip changes.
    floor
        The smallest p possible.
    """
    signs, exact = sign_flips(len(sums), resamples, seed)
    length = np.sqrt((sums**2).sum(axis=0))
    # Two equal predictions differ nowhere: their statistic is 0 under every flip.
    scaled = sums / np.where(length > 0, length, 1.0)
    observed = scaled.sum(axis=0)
    p = np.empty(len(observed))
    maxima = np.full(len(signs), -np.inf)
    for start in range(0, len(observed), CHUNK):
        part = slice(start, start + CHUNK)
        null = signs @ scaled[:, part]
        p[part] = empirical_p(observed[part], null, exact)
        np.maximum(maxima, null.max(axis=1), out=maxima)
    floor = 1 / len(signs) if exact else 1 / (len(signs) + 1)
    return p, max_statistic(observed, maxima, exact), floor
