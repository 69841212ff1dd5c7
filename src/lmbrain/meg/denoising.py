"""Cross-subject prediction: what other people's brains tell about one person's response.

At every bin, ridge regression predicts the target person's sensors from each other person's
sensors at the same word and bin; predictions are averaged over the other people (Ravishankar,
Toneva & Wehbe 2021). The held-out prediction is the "other people's prediction" of the divergence
measures and the ceiling; it also serves as a denoised response to fit encoding models to.

A denoised response holds other words' data through its fit. `denoised_targets` therefore makes one
set per outer fold: nothing that a model of outer fold k is trained on has seen block k.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lmbrain.encoding.folds import Folds
from lmbrain.encoding.ridge import NestedRidgeResult, nested_ridge
from lmbrain.errors import LmbrainError


@dataclass(frozen=True)
class DenoisedTargets:
    """Denoised responses of one person, one set per outer fold.

    Calling it with an outer fold gives that fold's (n, s, t) set.

    Attributes
    ----------
    by_fold : (k, n, s, t) float32
        Set k: in block k predictions of the fit on `train(k)`; in another block j those of the
        fit on `train(k, j)`; NaN for samples that outer fold k does not use.
    within_folds : bool
        False: one set for all outer folds, whose training samples have seen test words.
    """

    by_fold: np.ndarray
    within_folds: bool

    def __call__(self, outer: int) -> np.ndarray:
        return self.by_fold[outer]


def cross_subject_prediction(
    target: np.ndarray,
    others: Sequence[np.ndarray],
    folds: Folds,
    penalties: Sequence[float],
    within_folds: bool = True,
) -> np.ndarray:
    """Predict every sample of one person from the other people, held out.

    Parameters
    ----------
    target : (n, s, t) float
        Un-denoised responses of the target person.
    others : sequence of (n, s_other, t) float
        Of each other person, the same words and bins.
    folds : Folds
        Block k is predicted by fits on `train(k)`, their penalties chosen per sensor and bin by
        cross-validation inside `train(k)`.
    penalties : sequence of float
        Ridge penalties tried.
    within_folds : bool
        False, as published: no gap between a block and the samples its fit is trained on.

    Returns
    -------
    (n, s, t) float32 in the target's units; NaN for samples in no fold.

    Raises
    ------
    LmbrainError
        If there is no other person, shapes do not match, or values are not finite.
    """
    folds = folds if within_folds else replace(folds, gap=0.0)
    prediction = np.zeros(target.shape, np.float32)
    for time, fit in _fits(target, others, folds, penalties, inner_predictions=False):
        prediction[:, :, time] += fit.prediction / len(others)
    return prediction


def denoised_targets(
    target: np.ndarray,
    others: Sequence[np.ndarray],
    folds: Folds,
    penalties: Sequence[float],
    within_folds: bool = True,
) -> DenoisedTargets:
    """Denoise one person's responses for encoding models, separately for each outer fold.

    Parameters, units and errors as in `cross_subject_prediction`. The penalties of outer fold k
    are chosen inside `train(k)`, and its training samples are predicted block by block from fits
    that saw neither their own block nor block k.

    With `within_folds` false the held-out prediction of all words serves every outer fold, as
    published: the training samples' fits have seen the test words.
    """
    if not within_folds:
        once = cross_subject_prediction(target, others, folds, penalties, within_folds=False)
        return DenoisedTargets(np.broadcast_to(once, (folds.n_outer, *once.shape)), False)
    by_fold = np.zeros((folds.n_outer, *target.shape), np.float32)
    for time, fit in _fits(target, others, folds, penalties, inner_predictions=True):
        for outer, training in enumerate(fit.inner_prediction):
            values = np.where(folds.test(outer)[:, None], fit.prediction, training)
            by_fold[outer, :, :, time] += values / len(others)
    return DenoisedTargets(by_fold, True)


def _fits(
    target: np.ndarray,
    others: Sequence[np.ndarray],
    folds: Folds,
    penalties: Sequence[float],
    inner_predictions: bool,
) -> Iterator[tuple[int, NestedRidgeResult]]:
    """Each bin's ridge fit from each other person."""
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
        for time in range(target.shape[2]):
            yield (
                time,
                nested_ridge(
                    other[:, :, time],
                    target[:, :, time],
                    folds,
                    list(penalties),
                    inner_predictions=inner_predictions,
                ),
            )
