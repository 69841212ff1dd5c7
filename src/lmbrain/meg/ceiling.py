"""Noise ceilings: how well any model could predict one person's un-denoised responses.

People hear or read the same words, so what their responses share at the same sensor and bin is
driven by the story. The correlation of two people's responses estimates the share of variance
(reliability) of that part in one person's response, and a perfect model of it correlates with one
person's response at sqrt(reliability). Where people's sensors see different patterns this is an
underestimate; the cross-subject prediction, which learns the mapping, is given beside it
(`lmbrain.meg.cross_subject`), and so is what repeats of the same words share, where there are any
(`lmbrain.meg.split_half`).
Never compute these on denoised responses: those share data between people.

Intervals are over other words, for these people: a delete-one-fold jackknife with Student's t.
Nothing is fitted here, so that folds differ by their words alone, and folds are far longer than the
autocorrelation of noise, which a bootstrap of words would have to be told. Other people would
differ, too; the few of one study hardly say how much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from lmbrain.encoding.folds import MINIMAL_SAMPLES, Folds
from lmbrain.errors import LmbrainError
from lmbrain.meg.pools import (
    around,
    as_if_alike,
    at_infinitely_many,
    correlation_with_pools,
    fold_mean,
    joint_covariance,
    mean_moments,
    over_pairs,
    pool_curve,
    take_part,
)

ONE_PERSON = "One person alone has no other brains to compare with: no ceiling can be estimated."
TWO_PEOPLE = (
    "Two people are too few for a ceiling at infinitely many: that needs two others who agree with "
    "each other."
)
VALUES_AT_ONCE = 2**22  # of all people's responses in one fold, 32 MiB


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
    leave_one_out_limit : (person, s, t)
        The same with infinitely many others (`lmbrain.meg.pools`), which is each person's own
        ceiling: it also corrects for others who are noisier than this person. Needs three people;
        NaN where the others agree in nothing.
    shared : (person, other, s, t)
        a_q behind that limit, of the other people in their order; NaN for those who share no fold.
    agreement : (person, s, t)
        c behind it. For means over sensors, whose limit is that of the means of both
        (`lmbrain.meg.pools.over_pairs`, `at_infinitely_many`).
    pools : (people - 1, s, t)
        Correlation with the mean of 1, 2, ... others, averaged over pools, people and folds.
    interval : mapping of (2, ...)
        Ends of the 95% intervals of the first four, by name.
    mean_reliability : (3,)
        Of all sensors and bins together: mean, and the ends of its interval.
    note : str
        Why values are NaN; empty otherwise.
    """

    reliability: np.ndarray
    ceiling: np.ndarray
    leave_one_out: np.ndarray
    leave_one_out_limit: np.ndarray
    shared: np.ndarray
    agreement: np.ndarray
    pools: np.ndarray
    note: str
    interval: Mapping[str, np.ndarray]
    mean_reliability: np.ndarray


def spearman_brown(reliability: np.ndarray, number: float) -> np.ndarray:
    """Reliability of the mean of several responses: P rho / (1 + (P - 1) rho).

    Parameters
    ----------
    reliability : array of any shape
        rho of one response; below 0 counts as 0.
    number
        P; below 1 for fewer than rho was measured with (1 / 2: of one of two that were averaged).
    """
    shared = reliability.clip(0)
    return number * shared / (1 + (number - 1) * shared)


def ceiling_of_average(reliability: np.ndarray, people: float) -> np.ndarray:
    """Highest correlation that a model can reach with the average response of several people.

    sqrt(P rho / (1 + (P - 1) rho)), rho the reliability of one person's response (Spearman-Brown);
    0 where that is negative, NaN where it is.

    Parameters
    ----------
    reliability : array of any shape
    people
        P; 1 gives the ceiling of one person.
    """
    return spearman_brown(reliability, people) ** 0.5


def noise_ceiling(
    responses: Sequence[np.ndarray],
    folds: Folds,
    usable: Sequence[np.ndarray] | None = None,
    seed: int = 0,
) -> NoiseCeiling:
    """Estimate noise ceilings from people's un-denoised responses to the same words.

    All correlations are taken inside each test fold and averaged over folds, like the scores
    they bound. Each two people are compared at the words that both have; whoever has less than
    half of a fold's words (and three) takes no part in that fold.

    Parameters
    ----------
    responses : sequence of (n, s, t) float
        Of each person, the same words, sensors and bins.
    folds : Folds
        Of the study.
    usable : sequence of (n,) bool, optional
        Words that each person has; default: all.
    seed
        For the choice of pools, where there are too many to take all.

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
        return _one_person(shape)
    has = np.ones((people, len(folds.block)), bool) if usable is None else np.stack(usable)
    per_fold = _PerFold(folds.n_outer, people, int(np.prod(shape)))
    for fold in range(folds.n_outer):
        for columns, present, correlation in _correlations(responses, folds.test(fold), has):
            per_fold.fill(fold, columns, present, correlation, np.random.default_rng(seed))
    return per_fold.summary(shape)


def _one_person(shape: tuple[int, ...]) -> NoiseCeiling:
    missing = np.full(shape, np.nan)
    values = {
        "reliability": missing,
        "ceiling": missing,
        "leave_one_out": missing[None],
        "leave_one_out_limit": missing[None],
    }
    return NoiseCeiling(
        **values,
        shared=np.full((1, 0, *shape), np.nan),
        agreement=missing[None],
        pools=np.full((0, *shape), np.nan),
        note=ONE_PERSON,
        interval={name: np.stack([value, value]) for name, value in values.items()},
        mean_reliability=np.full(3, np.nan),
    )


def _correlations(
    responses: Sequence[np.ndarray], test: np.ndarray, has: np.ndarray
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Correlation (p, p, c) of the people who take part in a fold, some columns at a time."""
    present = np.flatnonzero(take_part(has[:, test]))
    if len(present) < 2 or test.sum() < MINIMAL_SAMPLES:
        return
    flat = [np.asarray(responses[p]).reshape(len(test), -1) for p in present]
    width = max(1, VALUES_AT_ONCE // (len(present) * int(test.sum())))
    for start in range(0, flat[0].shape[1], width):
        columns = slice(start, min(start + width, flat[0].shape[1]))
        values = np.stack([person[test, columns] for person in flat])
        yield columns, present, joint_covariance(values, has[present][:, test])[1]


class _PerFold:
    """Estimates of each fold, filled in one after the other."""

    def __init__(self, folds: int, people: int, columns: int) -> None:
        self.people = people
        self.reliability = np.full((folds, columns), np.nan)
        self.alone = np.full((folds, people, columns), np.nan)
        # Of folds in which two others at least take part.
        self.correlation = np.full((folds, people, people, columns), np.nan)
        self.pools = np.full((folds, people - 1, columns), np.nan)

    def fill(
        self,
        fold: int,
        columns: slice,
        present: np.ndarray,
        correlation: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        """What the correlations (p, p, c) of the people present in a fold say."""
        number = len(present)
        pairs = np.triu_indices(number, 1)
        self.reliability[fold, columns] = correlation[pairs].mean(axis=0)
        if number > 2:
            self.correlation[fold, present[:, None], present, columns] = correlation
        curves = []
        for place, person in enumerate(present):
            order = [place, *(q for q in range(number) if q != place)]
            moments = correlation[np.ix_(order, order)]
            everybody = np.ones((1, number - 1), bool)
            self.alone[fold, person, columns] = correlation_with_pools(moments, everybody)[0]
            curves.append(pool_curve(moments, rng))
        self.pools[fold, : number - 1, columns] = np.mean(curves, axis=0)

    def summary(self, shape: tuple[int, ...]) -> NoiseCeiling:
        """Means over folds, and their intervals."""
        reliability, of_reliability = delete_one_fold(fold_mean, self.reliability)
        mean, ends = delete_one_fold(fold_mean, self.reliability.mean(axis=1, keepdims=True))
        alone, of_alone = delete_one_fold(fold_mean, self.alone)
        shared, agreement = _moments(self.correlation)
        there = np.isfinite(self.correlation.diagonal(axis1=1, axis2=2)).swapaxes(1, 2)
        limit = at_infinitely_many(over_pairs(shared.swapaxes(0, 1)), agreement)
        alike, of_alike = delete_one_fold(_as_if_alike, self.correlation, there=there)
        interval = {
            "reliability": of_reliability,
            "ceiling": np.sqrt(np.maximum(of_reliability, 0)),
            "leave_one_out": of_alone,
            "leave_one_out_limit": around(limit, alike, of_alike),
        }
        values = {
            "reliability": reliability,
            "ceiling": np.sqrt(np.maximum(reliability, 0)),
            "leave_one_out": alone,
            "leave_one_out_limit": limit,
            "shared": shared,
            "agreement": agreement,
            "pools": fold_mean(self.pools),
        }
        return NoiseCeiling(
            **{name: value.reshape(*value.shape[:-1], *shape) for name, value in values.items()},
            note=TWO_PEOPLE if self.people == 2 else "",
            interval={
                name: value.reshape(*value.shape[:-1], *shape) for name, value in interval.items()
            },
            mean_reliability=np.concatenate([mean, ends[:, 0]]),
        )


def _as_if_alike(correlation: np.ndarray) -> np.ndarray:
    """`as_if_alike` (p, c) from people's correlations (k, p, p, c) in each fold."""
    shared, agreement = _moments(correlation)
    return as_if_alike(shared.swapaxes(0, 1), agreement)


def _moments(correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a_q (p, q, c) and c (p, c) of each person, means over the folds that two people share.

    Their ratios are taken of these means, as c of one fold may be near 0.
    """
    mean, found = fold_mean(correlation), []
    for person in range(len(mean)):
        order = [person, *(q for q in range(len(mean)) if q != person)]
        found.append(mean_moments(mean[np.ix_(order, order)]))
    shared, agreement = zip(*found, strict=True)
    return np.stack(shared), np.stack(agreement)


def delete_one_fold(
    estimate: Callable[[np.ndarray], np.ndarray],
    per_fold: np.ndarray,
    there: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """An estimate from values of each fold, and its 95% interval by leaving out a fold at a time.

    For estimates without any fit across folds; variance (K - 1) / K sum_k (e_k - mean e)^2, Student
    t with K - 1 degrees of freedom, K the folds that have a value.

    Parameters
    ----------
    estimate
        Takes an array like `per_fold`, gives (...).
    per_fold : (k, ...) float
        NaN in folds without a value.
    there : (k, ...) bool, optional
        Which folds have a value of the estimate; by default, where `per_fold` is finite.

    Returns
    -------
    estimate : (...)
    interval : (2, ...)
        NaN where fewer than three folds have a value, or the estimate lacks one without a fold.
    """
    effect = estimate(per_fold)
    there = np.isfinite(per_fold) if there is None else there
    left = np.stack([estimate(np.delete(per_fold, k, axis=0)) for k in range(len(per_fold))])
    folds = there.sum(axis=0)
    # A fold without a value changes nothing when it is left out, and does not count.
    mean = np.divide(
        np.where(there, left, 0).sum(axis=0),
        folds,
        out=np.full(effect.shape, np.nan),
        where=folds > 2,
    )
    apart = np.where(there, left - mean, 0) ** 2
    with np.errstate(invalid="ignore"):
        error = np.sqrt((folds - 1) / np.maximum(folds, 1) * apart.sum(axis=0))
        half = stats.t.ppf(0.975, np.maximum(folds - 1, 1)) * error
    half = np.where(folds > 2, half, np.nan)
    return effect, np.stack([effect - half, effect + half])
