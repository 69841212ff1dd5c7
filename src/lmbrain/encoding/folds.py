"""Nested cross-validation folds with gaps, made once and read by every later stage.

Each outer fold k tests on block k and trains on the other blocks. Inside it, the inner folds are
those other blocks: fitted on `train(k, j)`, scored on `score(j, k)`. Features look back over a
context and responses are smeared in time, so training samples closer than `gap` to a held-out
sample of the same story are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lmbrain.artefacts import read_table, write_table
from lmbrain.errors import LmbrainError

UNUSED = -1
MINIMAL_OUTER = 3
# A correlation needs three samples: two always give +1 or -1.
MINIMAL_SAMPLES = 3
# Positions in seconds carry rounding errors; a sample exactly `gap` away stays dropped.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Folds:
    """Which block each sample belongs to, and how far apart training and test must be.

    Attributes
    ----------
    block : (n,) int
        Block of each sample, 0 to n_outer - 1; -1 for samples that are never used.
    position : (n,) float
        Place inside the story: item number (word-locked) or seconds (continuous).
    story : (n,) str
    gap : float
        In units of `position`.
    """

    block: np.ndarray
    position: np.ndarray
    story: np.ndarray
    gap: float

    @property
    def n_outer(self) -> int:
        """Number of outer folds."""
        return int(self.block.max()) + 1

    @property
    def usable(self) -> np.ndarray:
        """Mask (n,) of the samples that are ever used."""
        return self.block != UNUSED

    def test(self, outer: int) -> np.ndarray:
        """Mask (n,) of the samples of block `outer`."""
        return self.block == outer

    def train(self, *held_out: int) -> np.ndarray:
        """Mask (n,) of usable samples in none of the blocks and beyond the gap of all of them."""
        return self.usable & ~np.isin(self.block, held_out) & ~self._near(*held_out)

    def score(self, inner: int, outer: int) -> np.ndarray:
        """Mask (n,) of the samples of block `inner` beyond the gap of block `outer`."""
        return self.test(inner) & ~self._near(outer)

    def _near(self, *blocks: int) -> np.ndarray:
        """Mask (n,) of samples within the gap of a sample of `blocks` in the same story."""
        held = np.isin(self.block, blocks)
        near = np.zeros(len(self.block), bool)
        for name in np.unique(self.story[held]):
            inside = np.flatnonzero(self.story == name)
            edges = np.sort(self.position[held & (self.story == name)])
            after = np.searchsorted(edges, self.position[inside])
            next_edge = edges[np.minimum(after, len(edges) - 1)]
            last_edge = edges[np.maximum(after - 1, 0)]
            here = self.position[inside]
            distance = np.minimum(np.abs(next_edge - here), np.abs(here - last_edge))
            near[inside] = distance <= self.gap + _ROUNDING
        return near


def make_folds(
    story: np.ndarray, position: np.ndarray, usable: np.ndarray, outer: int, gap: float
) -> Folds:
    """Cut the usable samples into blocks: whole stories if there are enough, else stretches.

    With at least `outer` stories each block is a group of whole stories (largest first, each to
    the block with the fewest samples so far). With fewer, the stories are laid end to end and cut
    into contiguous stretches of equal size, give or take one sample.

    Parameters
    ----------
    story : (n,) str
    position : (n,) float
        Item number or seconds inside the story.
    usable : (n,) bool
    outer : int
        Number of blocks, 3 or more.
    gap : float
        In units of `position`.

    Raises
    ------
    LmbrainError
        If there are too few samples for the folds.
    """
    story, position = np.asarray(story, str), np.asarray(position, float)
    usable = np.asarray(usable)
    if usable.dtype != bool:
        raise LmbrainError(f"usable holds {usable.dtype} values; give True or False a sample.")
    if outer < MINIMAL_OUTER:
        raise LmbrainError(
            f"folds.outer is {outer}; nested cross-validation needs at least {MINIMAL_OUTER}."
        )
    if usable.sum() < outer * MINIMAL_SAMPLES:
        raise LmbrainError(
            f"{usable.sum()} usable samples are too few for {outer} folds of at least "
            f"{MINIMAL_SAMPLES} samples; lower folds.outer or use a longer story."
        )
    names, first, sizes = np.unique(story[usable], return_index=True, return_counts=True)
    block = np.full(len(story), UNUSED)
    if len(names) >= outer:
        group = dict(zip(names, _group_stories(first, sizes, outer), strict=True))
        block[usable] = [group[name] for name in story[usable]]
    else:
        rank = dict(zip(names[np.argsort(first)], range(len(names)), strict=True))
        samples = np.flatnonzero(usable)
        order = np.lexsort((position[samples], [rank[name] for name in story[samples]]))
        for number, stretch in enumerate(np.array_split(samples[order], outer)):
            block[stretch] = number
    folds = Folds(block=block, position=position, story=story, gap=float(gap))
    _check_sizes(folds)
    return folds


def write_folds(folds: Folds, path: str | Path, made: Mapping[str, Any]) -> None:
    """Write folds as a TSV, one row a sample: story, position, block (-1: unused), gap."""
    table = pd.DataFrame(
        {
            "story": folds.story,
            "position": folds.position,
            "block": folds.block,
            "gap": folds.gap,
        }
    )
    write_table(table, path, made)


def read_folds(path: str | Path) -> Folds:
    """Read folds written by `write_folds`.

    Raises
    ------
    LmbrainError
        If the file is missing, a column is missing or unreadable, or a block has no sample.
    """
    table = read_table(path, numeric=("position", "block", "gap"))
    if "story" not in table.columns:
        raise LmbrainError(f"{path} has no column 'story'; run the rule that makes the folds.")
    if table[["position", "block", "gap"]].isna().any(axis=None) or table["gap"].nunique() != 1:
        raise LmbrainError(
            f"{path} lacks a position or block, or holds several gaps; "
            "run the rule that makes the folds."
        )
    folds = Folds(
        block=table["block"].to_numpy(int),
        position=table["position"].to_numpy(float),
        story=table["story"].to_numpy(str),
        gap=float(table["gap"].iloc[0]),
    )
    _check_sizes(folds)
    return folds


def _group_stories(first: np.ndarray, sizes: np.ndarray, outer: int) -> np.ndarray:
    """Block of each story; blocks numbered by their earliest story."""
    group = np.zeros(len(sizes), int)
    filled = np.zeros(outer, int)
    for story in np.lexsort((first, -sizes)):
        group[story] = filled.argmin()
        filled[group[story]] += sizes[story]
    earliest = [first[group == number].min() for number in range(outer)]
    return np.argsort(np.argsort(earliest))[group]


def _check_sizes(folds: Folds) -> None:
    """Refuse folds whose gaps leave a training or test set without enough samples."""
    for outer in range(folds.n_outer):
        for inner in range(folds.n_outer):
            if inner == outer:
                continue
            left = min(folds.train(outer, inner).sum(), folds.score(inner, outer).sum())
            if left < MINIMAL_SAMPLES:
                raise LmbrainError(
                    f"{folds.usable.sum()} usable samples in {folds.n_outer} folds with a gap of "
                    f"{folds.gap:g} leave {left} samples to train or score on when blocks "
                    f"{outer} and {inner} are held out; lower folds.outer or folds.gap, or use "
                    "a longer story."
                )
