"""Cross-subject prediction: what other people's brains tell about one person's response.

At every bin, ridge regression predicts the target person's sensors from each other person's
sensors at the same word and bin; predictions are averaged over the other people (Ravishankar,
Toneva & Wehbe 2021). The held-out prediction is the "other people's prediction" of the divergence
measures and the ceiling; it also serves as a denoised response to fit encoding models to.

A denoised response holds other words' data through its fit. `denoised_targets` therefore makes one
set per outer fold: nothing that a model of outer fold k is trained on has seen block k.

Another person may lack some of the target's words. The fit from her sensors then takes the words
that both have, in the target's folds and beyond the target's gaps; a word's prediction is the mean
over those who have it, and NaN where nobody else does.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from lmbrain.encoding.folds import Folds, check_sizes
from lmbrain.encoding.ridge import NestedRidgeResult, nested_ridge
from lmbrain.errors import LmbrainError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DenoisedTargets:
    """Denoised responses of one person, one set per outer fold.

    Calling it with an outer fold gives that fold's (n, s, t) set.

    Attributes
    ----------
    by_fold : (k, n, s, t) float32
        Set k: in block k predictions of the fit on `train(k)`; in another block j those of the
        fit on `train(k, j)`; NaN for samples that outer fold k does not use, and where no other
        person has the word (`words_with_others` says where).
    within_folds : bool
        False: one set for all outer folds, whose training samples have seen test words.
    """

    by_fold: np.ndarray
    within_folds: bool

    def __call__(self, outer: int) -> np.ndarray:
        return self.by_fold[outer]


@dataclass(frozen=True)
class PairFolds(Folds):
    """The target's folds of the words that another person has, too.

    Attributes
    ----------
    target : Folds
        Of the target: her held-out words keep the gap, even those that the other person lacks.
    """

    target: Folds = None  # type: ignore[assignment]

    def of_target(self, *blocks: int) -> np.ndarray:
        """Numbers in the target's folds of blocks of these."""
        return np.searchsorted(self.target.study_block, self.study_block[np.array(blocks, int)])

    def train(self, *held_out: int) -> np.ndarray:
        """Mask (n,) of the words in the target's training set that both people have."""
        return self.usable & self.target.train(*self.of_target(*held_out))

    def score(self, inner: int, outer: int) -> np.ndarray:
        """Mask (n,) of the words of block `inner` that both have, beyond the target's gap."""
        return self.usable & self.target.score(*self.of_target(inner, outer))


def pair_folds(folds: Folds, usable: np.ndarray) -> PairFolds | None:
    """The target's folds of the words that another person has; None if these are too few.

    Parameters
    ----------
    folds : Folds
        The target person's.
    usable : (n,) bool
        The other person's words. Blocks of which she has less than half are left out.
    """
    try:
        own = folds.of_person(usable)
        values = {field.name: getattr(own, field.name) for field in fields(Folds)}
        pair = PairFolds(**values, target=folds)
        check_sizes(pair)
    except LmbrainError as error:
        log.warning("A pair of people shares too few words, and is left out: %s", error)
        return None
    return pair


def words_with_others(folds: Folds, usable: Sequence[np.ndarray]) -> np.ndarray:
    """Mask (n,) of the words of a person's folds that are predicted from another person.

    Parameters
    ----------
    folds : Folds
        The person's.
    usable : sequence of (n,) bool
        Of each other person.

    Raises
    ------
    LmbrainError
        If nobody shares enough words.
    """
    pairs = [pair_folds(folds, own) for own in usable]
    found = [pair.usable for pair in pairs if pair is not None]
    if not found:
        raise LmbrainError(
            "No other person has enough of this person's words; list the person under "
            "data.exclude in the config, or set encoding.ridge.denoised to false."
        )
    return np.logical_or.reduce(found)


def cross_subject_prediction(
    target: np.ndarray,
    others: Sequence[np.ndarray],
    folds: Folds,
    penalties: Sequence[float],
    within_folds: bool = True,
    usable: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """Predict every sample of one person from the other people, held out.

    Parameters
    ----------
    target : (n, s, t) float
        Un-denoised responses of the target person.
    others : sequence of (n, s_other, t) float
        Of each other person, the same words and bins; rows of words that she lacks are not read.
    folds : Folds
        The target person's. Block k is predicted by fits on `train(k)`, their penalties chosen per
        sensor and bin by cross-validation inside `train(k)`.
    penalties : sequence of float
        Ridge penalties tried.
    within_folds : bool
        False, as published: no gap between a block and the samples its fit is trained on.
    usable : sequence of (n,) bool, optional
        The words of each other person; default: all of the target's.

    Returns
    -------
    (n, s, t) float32 in the target's units, each word's the mean over those others who have it;
    NaN for samples in no fold and where nobody else has the word.

    Raises
    ------
    LmbrainError
        If there is no other person, shapes do not match, values are not finite, or nobody shares
        enough words.
    """
    folds = folds if within_folds else replace(folds, gap=0.0)
    partners = partners_of(target, others, folds, usable)
    mean = MeanOfAvailable([partner.folds.usable for partner in partners])
    prediction = np.zeros(target.shape, np.float32)
    for time in range(target.shape[2]):
        for number, partner in enumerate(partners):
            fit = partner.fit(target, penalties, time)
            mean.add(prediction[:, :, time], fit.prediction, number)
    return mean.finish(prediction)


def denoised_targets(
    target: np.ndarray,
    others: Sequence[np.ndarray],
    folds: Folds,
    penalties: Sequence[float],
    within_folds: bool = True,
    usable: Sequence[np.ndarray] | None = None,
) -> DenoisedTargets:
    """Denoise one person's responses for encoding models, separately for each outer fold.

    Parameters, units and errors as in `cross_subject_prediction`. The penalties of outer fold k
    are chosen inside `train(k)`, and its training samples are predicted block by block from fits
    that saw neither their own block nor block k. Where another person lacks block k, her fits for
    outer fold k are made anew from what she has beyond the gap of block k.

    With `within_folds` false the held-out prediction of all words serves every outer fold, as
    published: the training samples' fits have seen the test words.

    Raises
    ------
    LmbrainError
        Besides, if a training word is predicted in other outer folds only: those who have it lack
        block k, and it is in a block of which less than half lies beyond the gap of block k.
    """
    if not within_folds:
        once = cross_subject_prediction(target, others, folds, penalties, False, usable)
        return DenoisedTargets(np.broadcast_to(once, (folds.n_outer, *once.shape)), False)
    partners = partners_of(target, others, folds, usable)
    sets = [[partner.set_of(outer) for partner in partners] for outer in range(folds.n_outer)]
    _check_training_words(folds, partners, sets)
    means = [MeanOfAvailable([own.mask for own in one]) for one in sets]
    by_fold = np.zeros((folds.n_outer, *target.shape), np.float32)
    for time in range(target.shape[2]):
        for number, partner in enumerate(partners):
            fit = partner.fit(target, penalties, time, inner_predictions=True)
            for outer, mean in enumerate(means):
                values = sets[outer][number].values(fit, target, penalties, time)
                mean.add(by_fold[outer, :, :, time], values, number)
    for mean, values in zip(means, by_fold, strict=True):
        mean.finish(values)
    return DenoisedTargets(by_fold, True)


@dataclass(frozen=True)
class Partner:
    """Another person, from whose sensors the target is predicted.

    Attributes
    ----------
    responses : (n, s, t) float
    folds : PairFolds
    """

    responses: np.ndarray
    folds: PairFolds

    def fit(
        self,
        target: np.ndarray,
        penalties: Sequence[float],
        time: int,
        inner_predictions: bool = False,
    ) -> NestedRidgeResult:
        """Ridge of the target's sensors on this person's in one bin."""
        return nested_ridge(
            self.responses[:, :, time],
            target[:, :, time],
            self.folds,
            list(penalties),
            inner_predictions=inner_predictions,
        )

    def set_of(self, outer: int) -> SetOfPartner:
        """What this person says of the words of one of the target's outer folds."""
        pair = self.folds
        found = np.flatnonzero(pair.of_target(*range(pair.n_outer)) == outer)
        if len(found):
            own = int(found[0])
            test = pair.test(own)
            return SetOfPartner(test | pair.train(own), test, own, None)
        none = np.zeros_like(pair.usable)
        mask = pair.usable & pair.target.train(outer)
        if np.array_equal(mask, pair.usable):
            return SetOfPartner(mask, none, None, None)
        beyond = pair_folds(pair.target, mask)
        if beyond is None:
            return SetOfPartner(none, none, None, None)
        return SetOfPartner(beyond.usable, none, None, replace(self, folds=beyond))


@dataclass(frozen=True)
class SetOfPartner:
    """One person's predictions in one of the target's outer folds.

    Attributes
    ----------
    mask : (n,) bool
        Words that are predicted.
    test : (n,) bool
        Those of the outer fold's block.
    own : int or None
        The pair's outer fold; None where this person lacks the block.
    beyond : Partner or None
        Whose fits, made without the gap of a block that this person lacks, take the pair's place.
    """

    mask: np.ndarray
    test: np.ndarray
    own: int | None
    beyond: Partner | None

    def values(
        self, fit: NestedRidgeResult, target: np.ndarray, penalties: Sequence[float], time: int
    ) -> np.ndarray:
        """(n, s) predictions in one bin, cross-fitted; those outside the mask are not valid."""
        if self.beyond is not None:
            return self.beyond.fit(target, penalties, time).prediction
        if self.own is None or fit.inner_prediction is None:
            return fit.prediction
        return np.where(self.test[:, None], fit.prediction, fit.inner_prediction[self.own])


def _check_training_words(
    folds: Folds, partners: Sequence[Partner], sets: Sequence[Sequence[SetOfPartner]]
) -> None:
    known = np.logical_or.reduce([partner.folds.usable for partner in partners])
    for outer, one in enumerate(sets):
        lost = folds.train(outer) & known & ~np.logical_or.reduce([own.mask for own in one])
        if lost.any():
            first = int(np.flatnonzero(lost)[0])
            tested, own = folds.study_block[[outer, folds.block[first]]]
            raise LmbrainError(
                f"{lost.sum()} words (the first in run {folds.run[first]}, block {own}) that train "
                f"the model tested on block {tested} are predicted by nobody: the other people who "
                f"have them lack block {tested}, and too few words of block {own} lie beyond "
                f"folds.gap ({folds.gap:g}); lower that or folds.outer, or set "
                "encoding.ridge.denoised to false."
            )


class MeanOfAvailable:
    """Mean over those people who have a word.

    Parameters
    ----------
    masks : sequence of (n,) bool
        Of each person.
    """

    def __init__(self, masks: Sequence[np.ndarray]) -> None:
        self._masks = masks
        self._count = np.sum(masks, axis=0).astype(np.float32)[:, None]

    def add(self, total: np.ndarray, values: np.ndarray, number: int) -> None:
        """Add one person's share to (n, s) `total`."""
        share = np.divide(
            values, self._count, out=np.zeros_like(values), where=self._masks[number][:, None]
        )
        total += share

    def finish(self, total: np.ndarray) -> np.ndarray:
        """Set words that nobody has to NaN, in place."""
        total[self._count[:, 0] == 0] = np.nan
        return total


def partners_of(
    target: np.ndarray,
    others: Sequence[np.ndarray],
    folds: Folds,
    usable: Sequence[np.ndarray] | None,
) -> list[Partner]:
    """The other people who share enough words with the target.

    Parameters, units and errors as in `cross_subject_prediction`.
    """
    if not others:
        raise LmbrainError(
            "Cross-subject prediction needs at least two people; add a subject to data.subjects "
            "or set encoding.ridge.denoised to false."
        )
    for number, other in enumerate(others):
        if other.shape[0] != target.shape[0] or other.shape[2] != target.shape[2]:
            raise LmbrainError(
                f"Other person {number} has responses of shape {other.shape}, the target person "
                f"{target.shape}; words and bins must be the same for all people."
            )
    masks = [folds.usable] * len(others) if usable is None else usable
    words_with_others(folds, masks)
    pairs = zip(others, (pair_folds(folds, own) for own in masks), strict=True)
    return [Partner(other, pair) for other, pair in pairs if pair is not None]
