"""Nested cross-validation folds with gaps, made once and read by every later stage.

Each outer fold k tests on block k and trains on the other blocks. Inside it, the inner folds are
those other blocks: fitted on `train(k, j)`, scored on `score(j, k)`. Features look back over a
context and responses are smeared in time, so training samples closer than `gap` to a held-out
sample of the same story are dropped (`needed_gap` in `delays.py` says how far that must be).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lmbrain.artefacts import read_table, write_table
from lmbrain.errors import LmbrainError
from lmbrain.samples import segment_names

UNUSED = -1
MINIMAL_OUTER = 3
# A correlation needs three samples: two always give +1 or -1.
MINIMAL_SAMPLES = 3
# A person's r is the mean over her blocks: one of few words would bring in most of the noise.
MINIMAL_SHARE = 0.5
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
        Place inside the story: number of the word (word-locked), or seconds with the story's
        runs laid end to end (continuous).
    story, run : (n,) str
    gap : float
        In units of `position`.
    study_block : (n_outer,) int
        Which block of the study each block is: 0 to n_outer - 1 in the study's own folds, some of
        its blocks in those of a person who was not recorded for all (`of_person`).
    n_study : int
        Number of blocks of the study.
    """

    block: np.ndarray
    position: np.ndarray
    story: np.ndarray
    run: np.ndarray
    gap: float
    study_block: np.ndarray = None  # type: ignore[assignment]
    n_study: int = 0

    def __post_init__(self) -> None:
        if self.study_block is None:
            object.__setattr__(self, "study_block", np.arange(self.n_outer))
            object.__setattr__(self, "n_study", self.n_outer)

    @property
    def n_outer(self) -> int:
        """Number of outer folds."""
        return int(self.block.max(initial=UNUSED)) + 1

    @property
    def usable(self) -> np.ndarray:
        """Mask (n,) of the samples that are ever used."""
        return self.block != UNUSED

    @property
    def segment(self) -> np.ndarray:
        """(n,) str, one name for each story in each run: time is one inside it."""
        return segment_names(self.story, self.run)

    @cached_property
    def interval(self) -> float:
        """Median distance of neighbouring samples of a story, in units of `position`."""
        steps = np.diff(self.position)
        return float(np.median(steps[(self.story[1:] == self.story[:-1]) & (steps > 0)]))

    def of_person(self, usable: np.ndarray, name: str = "This person") -> Folds:
        """Folds of one person, who may lack some of the study's samples.

        Her folds are the study's blocks, of the samples she has: whoever has the same samples has
        the same folds, and a sample is tested together with the same neighbours in everybody. Left
        out are stretches (of a block in a run), then blocks, of which she has less than half of
        the samples, as r is a mean over blocks; her other blocks are numbered anew.

        Parameters
        ----------
        usable : (n,) bool
            The samples she has.
        name
            Of the person, for messages.

        Raises
        ------
        LmbrainError
            If she has too few blocks, or these leave too few samples to train or score on.
        """
        lacking = self.usable & ~usable
        if not lacking.any():
            return self
        own = np.where(usable, self.block, UNUSED)
        stretch = np.char.add(np.char.add(self.segment, "\t"), self.block.astype(str))
        for unit, fewest in ((stretch, 0), (self.block, MINIMAL_SAMPLES)):
            number = np.unique(unit, return_inverse=True)[1]
            has, full = np.bincount(number, own != UNUSED), np.bincount(number, self.usable)
            own[(has < np.maximum(MINIMAL_SHARE * full, fewest))[number]] = UNUSED
        kept = np.unique(own[own != UNUSED])
        if len(kept) < MINIMAL_OUTER:
            raise LmbrainError(
                f"{name} has responses to {int((self.usable & usable).sum())} of the study's "
                f"{int(self.usable.sum())} samples, at least half of only {len(kept)} of its "
                f"{self.n_outer} blocks; nested cross-validation needs {MINIMAL_OUTER}: raise "
                "folds.outer, or list the subject under data.exclude."
            )
        number = np.full(self.n_outer + 1, UNUSED)  # the last one is where -1 looks
        number[kept] = np.arange(len(kept))
        folds = replace(self, block=number[own], study_block=self.study_block[kept])
        try:
            check_sizes(folds)
        except LmbrainError as error:
            raise LmbrainError(
                f"{name}, who has not all of the study's samples: {error} Or list the subject "
                "under data.exclude."
            ) from error
        return folds

    def onto_study(self, values: np.ndarray) -> np.ndarray:
        """Values a block (n_outer, ...), a row a block of the study: NaN where it is lacking."""
        if self.n_outer == self.n_study:
            return values
        study = np.full((self.n_study, *np.shape(values)[1:]), np.nan)
        study[self.study_block] = values
        return study

    def test(self, outer: int) -> np.ndarray:
        """Mask (n,) of the samples of block `outer`."""
        return self.block == outer

    def train(self, *held_out: int) -> np.ndarray:
        """Mask (n,) of usable samples in none of the blocks and beyond the gap of all of them."""
        return self.usable & ~np.isin(self.block, held_out) & ~self._near(*held_out)

    def score(self, inner: int, outer: int) -> np.ndarray:
        """Mask (n,) of the samples of block `inner` beyond the gap of block `outer`."""
        return self.test(inner) & ~self._near(outer)

    @cached_property
    def fewest(self) -> np.ndarray:
        """(k, k) int: the fewer of the samples to train and to score on, outer by inner fold."""
        sizes = np.zeros((self.n_outer, self.n_outer), int)
        for outer, inner in permutations(range(self.n_outer), 2):
            train, score = self.train(outer, inner), self.score(inner, outer)
            sizes[outer, inner] = min(train.sum(), score.sum())
        return sizes

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
    story: np.ndarray,
    position: np.ndarray,
    usable: np.ndarray,
    outer: int,
    gap: float,
    run: np.ndarray | None = None,
) -> Folds:
    """Cut the usable samples into blocks: whole stories or runs, or stretches if too few.

    With at least `outer` stories each block holds whole stories; else, with at least `outer` runs
    of stories, whole runs. They stay in order, neighbours together, such that the blocks' sizes
    are as equal as can be (least sum of squares). With fewer, the stories are laid end to end and
    cut into contiguous stretches of equal size, give or take one sample.

    Parameters
    ----------
    story : (n,) str
    position : (n,) float
        Number of the word, or seconds, inside the story.
    usable : (n,) bool
    outer : int
        Number of blocks, 3 or more.
    gap : float
        In units of `position`.
    run : (n,) str, optional
        Run of each sample; by default a story is one run.

    Raises
    ------
    LmbrainError
        If there are too few samples for the folds, or a story cut into stretches is no longer
        than the gap.
    """
    story, position = np.asarray(story, str), np.asarray(position, float)
    run = np.full(len(story), "01") if run is None else np.asarray(run, str)
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
    block = np.full(len(story), UNUSED)
    for unit in (story, segment_names(story, run)):
        names, sizes = _in_order(unit[usable])
        if len(names) >= outer:
            group = dict(zip(names, _equal_groups(sizes, outer), strict=True))
            block[usable] = [group[name] for name in unit[usable]]
            break
    else:
        rank = {name: number for number, name in enumerate(_in_order(story[usable])[0])}
        samples = np.flatnonzero(usable)
        order = np.lexsort((position[samples], [rank[name] for name in story[samples]]))
        for number, stretch in enumerate(np.array_split(samples[order], outer)):
            block[stretch] = number
    folds = Folds(block=block, position=position, story=story, run=run, gap=float(gap))
    check_sizes(folds)
    _check_stories(folds)
    return folds


def folds_of_people(folds: Folds, people: Mapping[str, np.ndarray]) -> dict[str, Folds]:
    """Everybody's own folds, refused where the study cannot be analysed in them.

    Parameters
    ----------
    folds
        Of the study.
    people : of (n,) bool by name
        The samples that each person has.

    Raises
    ------
    LmbrainError
        If a person's own samples are too few (`Folds.of_person`), or a block is in nobody's folds.
    """
    own = {name: folds.of_person(usable, name) for name, usable in people.items()}
    for block in range(folds.n_outer):
        if not any(block in person.study_block for person in own.values()):
            run = folds.run[folds.test(block)][0]
            raise LmbrainError(
                f"Nobody has half of the samples of block {block} of the folds (from run {run} "
                "on): change folds.outer, or take that part out of the words table."
            )
    return own


def write_folds(folds: Folds, path: str | Path, made: Mapping[str, Any]) -> None:
    """Write folds as a TSV, one row a sample: story, run, position, block (-1: unused), gap."""
    table = pd.DataFrame(
        {
            "story": folds.story,
            "run": folds.run,
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
    for column in ("story", "run"):
        if column not in table.columns:
            raise LmbrainError(
                f"{path} has no column {column!r}; run the rule that makes the folds."
            )
    if table[["position", "block", "gap"]].isna().any(axis=None) or table["gap"].nunique() != 1:
        raise LmbrainError(
            f"{path} lacks a position or block, or holds several gaps; "
            "run the rule that makes the folds."
        )
    folds = Folds(
        block=table["block"].to_numpy(int),
        position=table["position"].to_numpy(float),
        story=table["story"].to_numpy(str),
        run=table["run"].to_numpy(str),
        gap=float(table["gap"].iloc[0]),
    )
    check_sizes(folds)
    return folds


def gap_note(gap: float, needed: float, unit: str) -> str:
    """What a report must say of a gap at which words enter both sides of a fold; else empty.

    Parameters
    ----------
    gap, needed : float
        The folds' gap, and that of `needed_gap`.
    unit : "words" or "s"
        In words one less than `needed` is enough: words exactly `gap` away are left out, too.
    """
    least = needed - 1 if unit == "words" else needed
    if gap >= least - _ROUNDING:
        return ""
    return (
        f"The folds' gap is {gap:g} {unit}, but context windows (with delays and resampling, for "
        f"continuous responses) reach over {needed:g} {unit}: words near a fold's edge enter both "
        "training and held-out samples (folds.gap: null sets the gap that avoids this)."
    )


def _in_order(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Names and sizes of stories or runs, in the order of their first sample."""
    names, first, sizes = np.unique(unit, return_index=True, return_counts=True)
    order = np.argsort(first)
    return names[order], sizes[order]


def _equal_groups(sizes: np.ndarray, groups: int) -> np.ndarray:
    """Group of each unit: neighbours together, the least sum of squared group sizes.

    Dynamic programming over the number of groups: best[i] is the least sum for the first i units.
    """
    edges = np.concatenate([[0], np.cumsum(sizes)]).astype(float)
    first, last = np.indices((len(edges), len(edges)))
    square = np.where(first < last, np.square(edges - edges[:, None]), np.inf)
    best, begins = square[0], []
    for _ in range(groups - 1):
        total = best[:, None] + square
        begins.append(total.argmin(axis=0))
        best = total.min(axis=0)
    group = np.zeros(len(sizes), int)
    stop = len(sizes)
    for number in range(groups - 1, 0, -1):
        begin = begins[number - 1][stop]
        group[begin:stop] = number
        stop = begin
    return group


def check_sizes(folds: Folds) -> None:
    """Refuse folds without samples, or whose gaps leave too few to train or score on.

    Raises
    ------
    LmbrainError
        Naming the block, or the two that are held out.
    """
    if not len(folds.block) == len(folds.position) == len(folds.story) == len(folds.run):
        raise LmbrainError(
            f"The folds give a block to {len(folds.block)} samples and a position to "
            f"{len(folds.position)}; make both from the same samples."
        )
    if folds.block.min(initial=0) < UNUSED or folds.n_outer < MINIMAL_OUTER:
        raise LmbrainError(
            f"The folds' blocks are numbered {np.unique(folds.block).tolist()}; number at least "
            f"{MINIMAL_OUTER} from 0, and samples to leave out {UNUSED}."
        )
    for outer in range(folds.n_outer):
        if not folds.test(outer).any():
            raise LmbrainError(
                f"Block {outer} of the folds holds no sample; run the rule that makes the folds."
            )
    few = folds.fewest + np.diag(np.full(folds.n_outer, MINIMAL_SAMPLES)) < MINIMAL_SAMPLES
    if few.any():
        outer, inner = np.argwhere(few)[0]
        raise LmbrainError(
            f"{folds.usable.sum()} usable samples in {folds.n_outer} folds with a gap of "
            f"{folds.gap:g} leave {folds.fewest[outer, inner]} samples to train or score on when "
            f"blocks {outer} and {inner} are held out; lower folds.outer or folds.gap, or use "
            "a longer story."
        )


def _check_stories(folds: Folds) -> None:
    """Refuse a story that is cut between blocks although the gap covers all of it."""
    for name in np.unique(folds.story[folds.usable]):
        rows = folds.usable & (folds.story == name)
        span, blocks = np.ptp(folds.position[rows]), np.unique(folds.block[rows])
        if len(blocks) > 1 and span <= folds.gap:
            raise LmbrainError(
                f"Story {name} spans {span:g} in position, no more than the gap of {folds.gap:g}, "
                f"and is cut between blocks {blocks[0]} and {blocks[1]}, so that neither could "
                "train for the other; lower folds.outer to the number of stories or runs, or "
                "leave the story out."
            )
