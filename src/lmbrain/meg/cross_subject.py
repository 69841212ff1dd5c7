"""How well other people's brains predict one person's response, and how well infinitely many would.

The cross-subject prediction (`lmbrain.meg.denoising`) learns how one person's sensors map to
another's, so that it also finds what people share in different patterns, at the price of a fit. It
is a ceiling on un-denoised responses: of what the brains of a group tell about one more. Pools of
fewer people, and the limit of infinitely many, are those of `lmbrain.meg.pools`, from the same
fits. The limit is one of pool size alone: with more words the fits would be better, too.

Intervals are over other words, by the jackknife that r of encoding models has
(`lmbrain.inference.jackknife`): without block k in training and test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from lmbrain.encoding.folds import MINIMAL_SAMPLES, Folds
from lmbrain.encoding.scores import pearson
from lmbrain.inference.jackknife import jackknife
from lmbrain.meg.denoising import MeanOfAvailable, Partner, partners_of, words_with_others
from lmbrain.meg.pools import (
    around,
    as_if_alike,
    at_infinitely_many,
    fold_mean,
    joint_covariance,
    mean_moments,
    over_pairs,
    per_variance,
    pool_curve,
    take_part,
)

PLACE = ("sensor", "time")
POOLS = ("pool", *PLACE)
OTHERS = ("other", *PLACE)


@dataclass(frozen=True)
class CrossSubject:
    """What other people's brains predict of one person's response, per sensor (s) and bin (t).

    Attributes
    ----------
    prediction : (n, s, t) float32
        As from `lmbrain.meg.denoising.cross_subject_prediction`; NaN where nobody else has the
        word.
    r : (s, t)
        Correlation of response and prediction inside each test fold, mean over folds.
    pools : (people - 1, s, t)
        r with the predictions of 1, 2, ... others averaged; mean over pools and folds.
    limit : (s, t)
        r with infinitely many others; NaN where there is one other or others' predictions agree
        in nothing.
    shared : (people - 1, s, t)
        a_q of `lmbrain.meg.pools`, in variances of the response; NaN instead of others who share
        too few words.
    agreement : (s, t)
        c, likewise. For means over sensors, whose limit is that of the means of both.
    r_interval, limit_interval : (2, s, t)
        Ends of the 95% intervals; NaN where the limit does not exist without some block.
    """

    prediction: np.ndarray
    r: np.ndarray
    pools: np.ndarray
    limit: np.ndarray
    shared: np.ndarray
    agreement: np.ndarray
    r_interval: np.ndarray
    limit_interval: np.ndarray


def predict_across(
    target: np.ndarray,
    others: Sequence[np.ndarray],
    folds: Folds,
    penalties: Sequence[float],
    within_folds: bool = True,
    usable: Sequence[np.ndarray] | None = None,
    seed: int = 0,
) -> CrossSubject:
    """Predict one person from the others, and score pools of others.

    Parameters
    ----------
    seed
        For the choice of pools, where there are too many to take all.

    Other parameters, units and errors as in `lmbrain.meg.denoising.cross_subject_prediction`.
    """
    folds = folds if within_folds else replace(folds, gap=0.0)
    if usable is not None:
        folds = folds.of_person(words_with_others(folds, usable))
    partners = partners_of(target, others, folds, usable)
    bins = [_Bin(target, partners, folds, penalties, time, seed) for time in range(target.shape[2])]
    found = {
        name: np.stack([getattr(one, name) for one in bins], axis=-1)
        for name in ("prediction", "r_per_fold", "left_out_r", "pools", "left_out_alike")
    }
    shared, agreement = (
        np.stack([getattr(one, name) for one in bins], axis=-1) for name in ("shared", "agreement")
    )
    limit, alike = at_infinitely_many(over_pairs(shared), agreement), as_if_alike(shared, agreement)
    of_alike = _interval(alike[None], found["left_out_alike"], folds)
    r = found["r_per_fold"]
    return CrossSubject(
        prediction=found["prediction"],
        r=r.mean(axis=0),
        pools=_padded(found["pools"], len(others)),
        limit=limit,
        shared=_padded(shared, len(others)),
        agreement=agreement,
        r_interval=_interval(r, found["left_out_r"], folds),
        limit_interval=around(limit, alike, of_alike),
    )


def with_interval(
    name: str, dims: Sequence[str], value: np.ndarray, interval: np.ndarray
) -> dict[str, tuple[Sequence[str], np.ndarray]]:
    """Variables of an estimate and the ends of its interval."""
    return {
        name: (dims, value),
        f"{name}_low": (dims, interval[0]),
        f"{name}_high": (dims, interval[1]),
    }


def cross_subject_file(found: CrossSubject, like: xr.DataArray) -> xr.Dataset:
    """One person's cross-subject prediction; `like`: the person's responses."""
    return xr.Dataset(
        {
            "prediction": (like.dims, found.prediction),
            **with_interval("cross_subject", PLACE, found.r, found.r_interval),
            **with_interval("cross_subject_limit", PLACE, found.limit, found.limit_interval),
            "cross_subject_pools": (POOLS, found.pools),
            "cross_subject_shared": (OTHERS, found.shared),
            "cross_subject_agreement": (PLACE, found.agreement),
        },
        coords={
            "sensor": like["sensor"],
            "time": like["time"],
            "pool": np.arange(1, len(found.pools) + 1),
        },
    )


def _padded(values: np.ndarray, others: int) -> np.ndarray:
    """Values a pool or other person, up to the number of others; NaN where too few share words."""
    missing = np.full((others - len(values), *values.shape[1:]), np.nan)
    return np.concatenate([values, missing])


def _interval(per_fold: np.ndarray, left_out: np.ndarray, folds: Folds) -> np.ndarray:
    shape = per_fold.shape[1:]
    flat = (values.reshape(len(values), -1) for values in (per_fold, left_out))
    return jackknife(*flat, folds).interval.reshape(2, *shape)


class _Bin:
    """One bin: fits from everybody, held-out and without a further block, and what they score.

    Attributes
    ----------
    prediction : (n, s)
    r_per_fold, left_out_r : (k, s)
        Of the mean prediction: in each test fold; and without block k, the mean over the others.
    pools, shared : (q, s)
    agreement : (s,)
    left_out_alike : (k, s)
        `as_if_alike` without block k.
    """

    def __init__(
        self,
        target: np.ndarray,
        partners: Sequence[Partner],
        folds: Folds,
        penalties: Sequence[float],
        time: int,
        seed: int,
    ) -> None:
        self._folds, self._response = folds, target[:, :, time]
        fits = [p.fit(target, penalties, time, inner_predictions=True) for p in partners]
        masks = np.stack([p.folds.usable for p in partners])
        outer = np.stack([fit.prediction for fit in fits])
        self.prediction = _mean(outer, masks)
        self._score_outer(outer, masks, seed)
        left_out = []
        for k in range(folds.n_outer):
            sets = [p.set_of(k) for p in partners]
            inner = np.stack(
                [
                    one.values(fit, target, penalties, time)
                    for one, fit in zip(sets, fits, strict=True)
                ]
            )
            left_out.append(self._score_inner(k, inner, np.stack([one.mask for one in sets])))
        self.left_out_r, self.left_out_alike = map(np.stack, zip(*left_out, strict=True))

    def _score_outer(self, values: np.ndarray, masks: np.ndarray, seed: int) -> None:
        tests = [self._folds.test(k) for k in range(self._folds.n_outer)]
        self.r_per_fold = np.stack([pearson(self.prediction[t], self._response[t]) for t in tests])
        curves = np.full((len(tests), *values.shape[::2]), np.nan)
        moments = []
        for curve, test in zip(curves, tests, strict=True):
            there = take_part(masks[:, test])
            found = self._moments(values, masks, test, there)
            moments.append(_of_everybody(found, there))
            if there.any():
                curve[: there.sum()] = pool_curve(found, np.random.default_rng(seed))
        self.pools = fold_mean(curves)
        self.shared, self.agreement = mean_moments(fold_mean(np.stack(moments)))

    def _score_inner(
        self, k: int, values: np.ndarray, masks: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """r and `as_if_alike` (s,) without block k."""
        mean, r, moments = _mean(values, masks), [], []
        known = masks.any(axis=0)
        for j in range(self._folds.n_outer):
            scored = self._folds.score(j, k) & known
            if j == k or scored.sum() < MINIMAL_SAMPLES:
                continue
            r.append(pearson(mean[scored], self._response[scored]))
            there = take_part(masks[:, scored])
            found = self._moments(values, masks, scored, there)
            moments.append(_of_everybody(found, there))
        return np.mean(r, axis=0), as_if_alike(*mean_moments(fold_mean(np.stack(moments))))

    def _moments(
        self, values: np.ndarray, masks: np.ndarray, rows: np.ndarray, there: np.ndarray
    ) -> np.ndarray:
        """Covariances (1 + q, 1 + q, s) of the response and the predictions of those `there`."""
        everything = np.concatenate([self._response[None, rows], values[there][:, rows]])
        has = np.concatenate([np.ones((1, int(rows.sum())), bool), masks[there][:, rows]])
        return joint_covariance(everything, has)[0]


def _mean(values: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(n, s) mean prediction over those who have a word; NaN where nobody has."""
    mean, total = MeanOfAvailable(list(masks)), np.zeros(values.shape[1:], np.float32)
    for number, one in enumerate(values):
        mean.add(total, one, number)
    return mean.finish(total)


def _of_everybody(moments: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Covariances per var(y), NaN for others who take no part, and where these are fewer than two.

    Parameters
    ----------
    moments : (1 + number there, 1 + number there, s)
    there : (q,) bool

    Returns
    -------
    (1 + q, 1 + q, s)
    """
    number = 1 + len(there)
    everybody = np.full((number, number, moments.shape[2]), np.nan)
    if there.sum() > 1:
        places = np.flatnonzero(np.concatenate([[True], there]))
        everybody[np.ix_(places, places)] = per_variance(moments)
    return everybody
