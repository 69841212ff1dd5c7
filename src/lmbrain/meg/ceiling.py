"""Noise ceilings: how well any model could predict one person's un-denoised responses.

People hear or read the same words, so what their responses share at the same sensor and bin is
driven by the story. The correlation of two people's responses estimates the share of variance
(reliability) of that part in one person's response, and a perfect model of it correlates with one
person's response at sqrt(reliability). Where people's sensors see different patterns this is an
underestimate; the cross-subject prediction, which learns the mapping, is given beside it.
Never compute these on denoised responses: those share data between people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmbrain.encoding.folds import Folds
from lmbrain.encoding.scores import fold_correlation, unit_columns
from lmbrain.errors import LmbrainError

ONE_PERSON = "One person alone has no other brains to compare with: no ceiling can be estimated."


@dataclass(frozen=True)
class NoiseCeiling:
    """Noise ceilings of a group, per sensor (s) and bin (t); NaN throughout for one person.

    Attributes
    ----------
    reliability : (s, t)
        Mean correlation over pairs of people; below 0 by chance where nothing is shared.
    ceiling : (s, t)
        Highest correlation a model can reach with one person: sqrt(max(reliability, 0)).
    leave_one_out : (person, s, t)
        Correlation of each person with the mean of the others, who are given equal weight.
    note : str
        Why the values are NaN; empty otherwise.
    """

    reliability: np.ndarray
    ceiling: np.ndarray
    leave_one_out: np.ndarray
    note: str


def ceiling_of_average(reliability: np.ndarray, people: int) -> np.ndarray:
    """Highest correlation that a model can reach with the average response of several people.

    sqrt(P rho / (1 + (P - 1) rho)), rho the reliability of one person's response (Spearman-Brown);
    0 where that is negative, NaN where it is.

    Parameters
    ----------
    reliability : array of any shape
    people
        P; 1 gives the ceiling of one person.
    """
    shared = reliability.clip(0)
    return (people * shared / (1 + (people - 1) * shared)) ** 0.5


def noise_ceiling(responses: Sequence[np.ndarray], folds: Folds) -> NoiseCeiling:
    """Estimate noise ceilings from people's un-denoised responses to the same words.

    All correlations are taken inside each test fold and averaged over folds, like the scores
    they bound.

    Parameters
    ----------
    responses : sequence of (n, s, t) float
        Of each person, the same words, sensors and bins.
    folds : Folds

    Raises
    ------
    LmbrainError
        If there is no person, or shapes differ.
    """
    if not responses:
        raise LmbrainError("No person's responses were given; list a subject in data.subjects.")
    shapes = {np.shape(person) for person in responses}
    if len(shapes) > 1:
        raise LmbrainError(
            f"People's responses have the shapes {sorted(shapes)}; words, sensors and bins must "
            "be the same for all people."
        )
    people, shape = len(responses), np.shape(responses[0])[1:]
    if people == 1:
        missing = np.full(shape, np.nan)
        return NoiseCeiling(missing, missing, missing[None], ONE_PERSON)
    reliability, leave_one_out = np.zeros(shape), np.zeros((people, *shape))
    for outer in range(folds.n_outer):
        test = folds.test(outer)
        units = np.stack([unit_columns(person[test]) for person in responses])
        total = units.sum(axis=0, dtype=np.float64)
        overlap = np.einsum("pi...,i...->p...", units, total)
        # Each person's own share of the total is 1, or 0 for a response constant in this fold.
        own = np.einsum("pi...,pi...->p...", units, units, dtype=np.float64)
        with_others = overlap - own
        size = np.square(total).sum(axis=0)
        others_norm = np.sqrt(np.maximum(size - 2 * overlap + own, 0))
        reliability += with_others.mean(axis=0) / (people - 1)
        leave_one_out += np.divide(
            with_others, others_norm, out=np.zeros_like(with_others), where=others_norm > 1e-6
        )
    reliability /= folds.n_outer
    return NoiseCeiling(
        reliability=reliability,
        ceiling=np.sqrt(np.maximum(reliability, 0)),
        leave_one_out=leave_one_out / folds.n_outer,
        note="",
    )


def cross_subject_correlation(
    responses: Sequence[np.ndarray], predictions: Sequence[np.ndarray], folds: Folds
) -> np.ndarray:
    """Correlation of each person's responses with the other people's held-out prediction of them.

    Parameters
    ----------
    responses, predictions : sequences of (n, s, t) float
        Of each person: un-denoised responses, and what `cross_subject_prediction` gives.
    folds : Folds

    Returns
    -------
    (person, s, t) float64, mean over the test folds.
    """
    return np.stack(
        [
            fold_correlation(prediction, person, folds).mean(axis=0)
            for person, prediction in zip(responses, predictions, strict=True)
        ]
    )
