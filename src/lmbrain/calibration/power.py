"""Power against effect size: a gain planted in one window and group of sensors.

Each test finds a cohort's effect where its smallest p in the planted group is at or below a
threshold. Tests that reject too often would look powerful, so power is also given at equal false
positive rates: each test's threshold is then the level-quantile of its smallest p, over all
targets, in cohorts in which nothing is planted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from lmbrain.calibration.cohorts import (
    DRIFT_CUTOFF,
    Plan,
    Story,
    cleared,
    fit,
    generator,
    make_story,
    part,
    planted_signal,
)
from lmbrain.calibration.false_positives import MODEL_STRENGTH, parametric_p
from lmbrain.calibration.noise import neighbours, noise
from lmbrain.calibration.rates import design_effect, rate_interval
from lmbrain.inference.comparison import compare_models, window_gains
from lmbrain.inference.correction import benjamini_hochberg
from lmbrain.inference.fits import Fit
from lmbrain.inference.significance import chance_test

SENSORS, BINS = 8, 10
GROUP, WINDOW = slice(2, 5), slice(3, 6)  # where the gain is planted
SENSOR_CORRELATION, BIN_CORRELATION = 0.6, 0.5  # of the noise of neighbours
LEVEL = 0.05


def planted_targets() -> np.ndarray:
    """(t,) bool, targets that carry the effect; bins fastest."""
    mask = np.zeros((SENSORS, BINS), bool)
    mask[GROUP, WINDOW] = True
    return mask.ravel()


def grid() -> sparse.csr_array:
    """(t, t) adjacency of sensors in a row and bins in time."""
    rows, bins = (np.eye(size, k=1) + np.eye(size, k=-1) for size in (SENSORS, BINS))
    adjacency = np.kron(rows, np.eye(BINS)) + np.kron(np.eye(SENSORS), bins)
    return sparse.csr_array(adjacency.astype(bool))


def power(kind: str, plan: Plan, strengths: Sequence[float], seed: int) -> pd.DataFrame:
    """The smallest p of each test in cohorts with an effect of each strength.

    Parameters
    ----------
    kind
        Of noise.
    plan
        `cohorts` of each strength share a story.
    strengths
        SD of the planted response in SD of the noise; 0 must be among them, for the thresholds.
    seed

    Returns
    -------
    DataFrame, a row a cohort and test: noise, words, question ('chance' or 'comparison'), test,
    strength, story, cohort, smallest (over all targets), smallest_planted.
    """
    rows = []
    for number in range(plan.stories):
        rng = generator(seed, "power", kind, plan.words, number)
        story = make_story(plan, rng)
        for question, simulate in (("chance", _chance), ("comparison", _comparison)):
            for place, found in simulate(kind, story, plan, strengths, rng, number):
                rows += [{"question": question, "story": number, **place, **row} for row in found]
    table = pd.DataFrame(rows)
    table.insert(0, "words", plan.words)
    table.insert(0, "noise", kind)
    return table


def power_curves(cohorts: pd.DataFrame) -> pd.DataFrame:
    """Power by strength, at the nominal level and at equal false positive rates.

    Parameters
    ----------
    cohorts
        From `power`.

    Returns
    -------
    DataFrame, a row a test and strength: noise, words, question, test, strength, cohorts, nominal
    (share found at LEVEL), threshold (p at which LEVEL of the null cohorts have a hit), equal
    (share found at it), ci_low, ci_high (95%, of `equal` at that threshold; counts divided by the
    design effect over stories).
    """
    rows = []
    keys = ["noise", "words", "question", "test"]
    for key, table in cohorts.groupby(keys, sort=False):
        null = np.sort(table.loc[table["strength"] == 0, "smallest"].to_numpy())
        # The largest p that no more than LEVEL of the null cohorts reach.
        allowed = int(LEVEL * len(null))
        threshold = float(np.nextafter(null[allowed], 0))
        for strength, group in table.groupby("strength", sort=True):
            p, count = group["smallest_planted"].to_numpy(), len(group)
            hits = int((p <= threshold).sum())
            by_story = (group["smallest_planted"] <= threshold).groupby(group["story"])
            effect = design_effect(by_story.sum().to_numpy(), by_story.size().to_numpy())
            low, high = rate_interval(hits / effect, count / effect)
            rows.append(
                {
                    **dict(zip(keys, key, strict=True)),
                    "strength": strength,
                    "cohorts": count,
                    "nominal": float((p <= LEVEL).mean()),
                    "threshold": threshold,
                    "equal": hits / count,
                    "ci_low": low,
                    "ci_high": high,
                }
            )
    return pd.DataFrame(rows)


Found = tuple[dict[str, object], list[dict[str, object]]]


def _chance(
    kind: str,
    story: Story,
    plan: Plan,
    strengths: Sequence[float],
    rng: np.random.Generator,
    number: int,
) -> Iterator[Found]:
    planted = planted_targets()
    responses = _responses(kind, story.base, plan, strengths, rng)
    responses = cleared(responses, story.folds)
    whole = fit(story.base, responses, story.folds)
    settings = {"resamples": plan.resamples, "level": LEVEL, "seed": number}

    def tests(columns: slice) -> Iterator[tuple[str, np.ndarray]]:
        response, own = responses[:, columns], part(whole, columns)
        found = chance_test(
            [(response, own)],
            story.folds,
            method="flip_blocks",
            drift_cutoff=DRIFT_CUTOFF,
            adjacency=grid(),
            **settings,
        )
        yield "block flips, maximum", found.p_fwe
        yield "block flips, clusters", found.p_cluster
        yield "block flips, false discovery", found.q
        p = parametric_p(response, own, story.folds.usable)
        yield "parametric r, false discovery (published)", benjamini_hochberg(p)

    yield from _each_cohort(plan, strengths, planted, tests)


def _comparison(
    kind: str,
    story: Story,
    plan: Plan,
    strengths: Sequence[float],
    rng: np.random.Generator,
    number: int,
) -> Iterator[Found]:
    planted = planted_targets()
    responses = _responses(kind, story.other, plan, strengths, rng)
    responses += MODEL_STRENGTH * planted_signal(story.base, responses.shape[1], rng)
    responses = cleared(responses, story.folds)
    base, tuned = (fit(x, responses, story.folds) for x in (story.base, story.both))
    settings = {"resamples": plan.resamples, "level": LEVEL, "seed": number}

    def tests(columns: slice) -> Iterator[tuple[str, np.ndarray]]:
        person: tuple[np.ndarray, Fit, Fit] = (
            responses[:, columns],
            part(base, columns),
            part(tuned, columns),
        )
        found = compare_models(
            [person], story.folds, drift_cutoff=DRIFT_CUTOFF, adjacency=grid(), **settings
        )
        yield "jackknife, maximum", found.p_fwe
        yield "jackknife, clusters", found.p_cluster
        yield "jackknife, false discovery", found.q
        yield "jackknife, window as planted", window_gains(found, [planted]).p
        permuted = compare_models(
            [person], story.folds, unit="words", drift_cutoff=DRIFT_CUTOFF, **settings
        )
        yield "permuted words, false discovery (published)", permuted.q

    yield from _each_cohort(plan, strengths, planted, tests)


def _responses(
    kind: str,
    features: np.ndarray,
    plan: Plan,
    strengths: Sequence[float],
    rng: np.random.Generator,
) -> np.ndarray:
    """(n, strengths x cohorts x t) noise with the planted response in the group and window."""
    count = len(strengths) * plan.cohorts
    mixing = np.kron(neighbours(SENSORS, SENSOR_CORRELATION), neighbours(BINS, BIN_CORRELATION))
    values = noise(kind, plan.words, count * SENSORS * BINS, rng)
    values = values.reshape(plan.words, count, -1) @ mixing
    scale = np.repeat(np.asarray(strengths, float), plan.cohorts)
    signal = planted_signal(features, count, rng) * scale
    values += signal[:, :, None] * planted_targets()
    return values.reshape(plan.words, -1)


def _each_cohort(
    plan: Plan,
    strengths: Sequence[float],
    planted: np.ndarray,
    tests: Callable[[slice], Iterator[tuple[str, np.ndarray]]],
) -> Iterator[Found]:
    size = SENSORS * BINS
    for number in range(len(strengths) * plan.cohorts):
        strength, cohort = strengths[number // plan.cohorts], number % plan.cohorts
        found = []
        for name, p in tests(slice(number * size, (number + 1) * size)):
            inside = p[planted] if len(p) == size else p
            found.append({"test": name, "smallest": p.min(), "smallest_planted": inside.min()})
        yield {"strength": strength, "cohort": cohort}, found
