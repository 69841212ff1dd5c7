"""Random shifts, blocks of neighbouring samples and their sign flips: the ways to resample."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lmbrain.encoding.folds import UNUSED, Folds
from lmbrain.errors import LmbrainError

BLOCK_PER_DECAY = 3
FEWEST_BLOCKS = 3


def draw_shifts(
    folds: Folds,
    resamples: int,
    minimal_shift: float,
    seed: int,
    own: Folds | None = None,
) -> np.ndarray:
    """Draw one circular shift for each test fold and resample.

    Parameters
    ----------
    folds
        Shifts run inside each test fold, over its usable samples in order.
    resamples
        Number of draws.
    minimal_shift
        In units of `folds.position` (words or seconds). No shift comes closer than this to no
        shift at all, from either side.
    seed
        Of the numpy Generator.
    own
        Folds of a person who lacks some samples: she gets the study's shifts as far as she has the
        same samples; in a fold of which she has fewer, the same share of the way from the least
        shift to the largest.

    Returns
    -------
    (n_outer, resamples) int, in samples, uniform in [minimum, n - minimum]; of `own`, if given.

    Raises
    ------
    LmbrainError
        If a fold is too short for the minimal shift.
    """
    generator = np.random.default_rng(seed)
    minimum = max(1, int(np.ceil(minimal_shift / folds.interval - 1e-9)))
    shifts = np.empty((folds.n_outer, resamples), int)
    for fold, samples in enumerate(_sizes(folds, minimum)):
        shifts[fold] = generator.integers(minimum, samples - minimum + 1, resamples)
    if own is None:
        return shifts
    hers, all_of = (np.array(_sizes(f, minimum)) + 1 - 2 * minimum for f in (own, folds))
    way = (shifts[own.study_block] - minimum) * hers[:, None]
    return minimum + way // all_of[own.study_block, None]


def _sizes(folds: Folds, minimum: int) -> list[int]:
    """Number of samples of each test fold, refused where a shift of `minimum` does not fit in."""
    sizes = [int(folds.test(fold).sum()) for fold in range(folds.n_outer)]
    for fold, samples in enumerate(sizes):
        if samples < 2 * minimum:
            raise LmbrainError(
                f"Test fold {fold} has {samples} usable samples, too few for a minimal shift of "
                f"{minimum} samples from both sides; lower significance.minimal_shift or "
                "folds.outer."
            )
    return sizes


def block_length(
    block: float | None, decay: np.ndarray, folds: Folds, drift_cutoff: float | None
) -> float:
    """Length of the blocks of samples that are flipped or drawn together.

    None: the period of the slowest waves left in the responses, or three times the lag at which
    the autocorrelation of 95% of the targets is gone, whichever is longer. In shorter blocks
    (20 words, waves up to 40) 7% of the tests rejected at .05 on AR(.95) noise.

    Parameters
    ----------
    block
        Taken as it is unless None, in units of `folds.position`.
    decay : (t,)
        In samples, from `lmbrain.inference.autocorrelation`.
    folds
    drift_cutoff
        In units of `folds.position`; None if drift was not removed.
    """
    if block is not None:
        return block
    gone = BLOCK_PER_DECAY * float(np.quantile(decay, 0.95)) * folds.interval
    return max(gone, drift_cutoff or 0.0, folds.interval)


def blocks_to_flip(folds: Folds, block: float) -> np.ndarray:
    """`contiguous_blocks`, refused if there are too few to flip.

    Raises
    ------
    LmbrainError
        If there are fewer than `FEWEST_BLOCKS`.
    """
    blocks = contiguous_blocks(folds, block)
    if blocks.max() + 1 < FEWEST_BLOCKS:
        raise LmbrainError(
            f"Blocks of {block:g} leave only {blocks.max() + 1} to flip; lower their length "
            "(significance.block, evaluation.block, or encoding.drift_cutoff, which they follow), "
            "or use a longer story."
        )
    return blocks


def contiguous_blocks(folds: Folds, block_length: float) -> np.ndarray:
    """Cut every test fold into near-equal stretches at least `block_length` long where it can be.

    A block stays inside one test fold and one story. A stretch shorter than `block_length` is
    one block.

    Parameters
    ----------
    folds
    block_length
        In units of `folds.position` (words or seconds).

    Returns
    -------
    (n,) int: number of the block, from 0; -1 for samples that are never used.
    """
    blocks = np.full(len(folds.block), UNUSED)
    following = 0
    for fold in range(folds.n_outer):
        for story in np.unique(folds.story[folds.test(fold)]):
            inside = np.flatnonzero(folds.test(fold) & (folds.story == story))
            place = folds.position[inside] - folds.position[inside].min()
            span = place.max() + folds.interval
            pieces = max(1, int(span / block_length + 1e-9))
            # Stretches of unusable samples may leave a piece empty: number those that are not.
            _, piece = np.unique((place * pieces / span).astype(int), return_inverse=True)
            blocks[inside] = following + piece
            following += piece.max() + 1
    return blocks


def in_use(people: Iterable[Folds]) -> np.ndarray:
    """Mask (n,) of the samples in at least one person's own folds."""
    return np.logical_or.reduce([own.usable for own in people])


def block_sums(values: np.ndarray, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum over the samples of each block.

    Parameters
    ----------
    values : (n, t)
    blocks : (n,) int
        From `contiguous_blocks`.

    Returns
    -------
    (b, t) sums and (b,) numbers of samples.
    """
    used = np.flatnonzero(blocks != UNUSED)
    order = used[np.argsort(blocks[used], kind="stable")]
    starts = np.flatnonzero(np.diff(blocks[order], prepend=-1))
    sizes = np.diff(np.append(starts, len(order)))
    return np.add.reduceat(values[order].astype(float), starts, axis=0), sizes


def sign_flips(units: int, resamples: int, seed: int) -> tuple[np.ndarray, bool]:
    """Signs to flip `units` independent values by.

    Returns
    -------
    (r, units) of +1 and -1, and whether they are all 2**units patterns (taken when these are no
    more than `resamples`; the pattern without a flip is then among them) or a random draw.
    """
    if units < 63 and 2**units <= resamples:
        patterns = np.arange(2**units)[:, None] >> np.arange(units) & 1
        return 1.0 - 2.0 * patterns, True
    draws = np.random.default_rng(seed).integers(0, 2, (resamples, units), dtype=np.int8)
    return 1.0 - 2.0 * draws, False
