"""Do 95% intervals of effect sizes hold the truth in 93 to 97% of simulated studies?

The truth of an effect is its mean over all cohorts of a cell: what the procedure, cross-validation
and shrinkage included, gives on average over stories and noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

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
from lmbrain.calibration.false_positives import GROUP, PEOPLE
from lmbrain.calibration.noise import noise
from lmbrain.calibration.rates import PART_LEVEL, design_effect, rate_interval, story_p
from lmbrain.errors import LmbrainError
from lmbrain.inference.comparison import compare_models, sign_flip_people, window_gains
from lmbrain.inference.significance import chance_test

# Its interval keeps the fits as they are: shown beside, not judged.
FIXED_FITS = "gain in squared error, fits kept"
BAND = (0.93, 0.97)
_RESAMPLES = 99  # p-values are not read here


def interval_samples(kind: str, plan: Plan, strengths: Sequence[float], seed: int) -> pd.DataFrame:
    """Effects and their intervals in many studies of known truth.

    Parameters
    ----------
    kind
        Of noise.
    plan
        `cohorts`: targets of each strength that share a story.
    strengths
        SD of the planted response in SD of the noise.
    seed

    Returns
    -------
    DataFrame, a row an interval: noise, words, effect, strength, story, estimate, low, high.
    """
    tables = []
    for number in range(plan.stories):
        rng = generator(seed, "coverage", kind, plan.words, number)
        story = make_story(plan, rng)
        for effect, strength, estimate, interval in _effects(kind, story, plan, strengths, rng):
            columns = {"effect": effect, "strength": strength, "story": number}
            columns |= {"estimate": estimate, "low": interval[0], "high": interval[1]}
            tables.append(pd.DataFrame(columns))
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "words", plan.words)
    table.insert(0, "noise", kind)
    return table


def coverage(samples: pd.DataFrame) -> pd.DataFrame:
    """How many intervals hold the truth.

    Parameters
    ----------
    samples
        From `interval_samples`, of any cells.

    Returns
    -------
    DataFrame, a row an effect: noise, words, effect, strength, intervals, truth, width (mean),
    coverage, ci_low, ci_high (95%, counts divided by the design effect over stories), judged
    (false: the interval keeps the fits as they are and claims less), inside (coverage lies in
    BAND), holds (a coverage of BAND's lower end or more is not refuted: the one-sided probability
    there stays above PART_LEVEL / rows). The jackknife's intervals are known to be too wide where
    little is predicted, which is no failure.

    Raises
    ------
    LmbrainError
        If there are no samples.
    """
    if samples.empty:
        raise LmbrainError("There is no interval to judge; simulate at least one story.")
    keys = ["noise", "words", "effect", "strength"]
    groups = list(samples.groupby(keys, sort=False))
    bound = PART_LEVEL / len(groups)
    rows = []
    for key, table in groups:
        truth = table["estimate"].mean()
        missed = (table["low"] > truth) | (table["high"] < truth)
        by_story = missed.groupby(table["story"])
        counts = by_story.sum().to_numpy(), by_story.size().to_numpy()
        effect = design_effect(*counts)
        tests, misses = len(table) / effect, missed.sum() / effect
        low, high = rate_interval(misses, tests)
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "intervals": len(table),
                "truth": truth,
                "width": (table["high"] - table["low"]).mean(),
                "coverage": 1 - missed.mean(),
                "ci_low": 1 - high,
                "ci_high": 1 - low,
                "inside": bool(BAND[0] <= 1 - missed.mean() <= BAND[1]),
                "judged": key[2] != FIXED_FITS,
                "holds": bool(story_p(*counts, 1 - BAND[0]) >= bound),
            }
        )
    return pd.DataFrame(rows)


def _effects(
    kind: str, story: Story, plan: Plan, strengths: Sequence[float], rng: np.random.Generator
) -> Iterator[tuple[str, float, np.ndarray, np.ndarray]]:
    """Name, strength, estimates (m,) and intervals (2, m) of everything with an interval."""
    folds, settings = story.folds, {"resamples": _RESAMPLES, "level": 0.05, "seed": 0}
    count = plan.cohorts
    scale = np.repeat(np.asarray(strengths, float), count)
    own = scale * planted_signal(story.base, len(scale), rng)
    better = scale * planted_signal(story.other, len(scale), rng)
    responses = noise(kind, plan.words, len(scale), rng) + own + better
    responses = cleared(responses, folds)
    base, both = (fit(features, responses, folds) for features in (story.base, story.both))
    for number, strength in enumerate(strengths):
        columns = slice(number * count, (number + 1) * count)
        one = responses[:, columns], part(base, columns)
        tested = {"method": "flip_blocks", "drift_cutoff": DRIFT_CUTOFF, **settings}
        found = chance_test([one], folds, **tested)
        yield "r", strength, found.r, found.interval
        # Columns are people to a story of their own: GROUP of them share a target.
        people = [
            (responses[:, columns][:, i::GROUP], part(part(base, columns), slice(i, None, GROUP)))
            for i in range(GROUP)
        ]
        found = chance_test(people, folds, **tested)
        yield f"r, mean of {GROUP} people", strength, found.r, found.interval
        compared = compare_models(
            [(*one, part(both, columns))], folds, drift_cutoff=DRIFT_CUTOFF, **settings
        )
        yield "gain in r", strength, compared.r_gain, compared.interval
        windows = np.arange(count).reshape(-1, GROUP)
        within = window_gains(compared, [np.isin(np.arange(count), w) for w in windows])
        yield f"gain in r, window of {GROUP} targets", strength, within.effect, within.interval
        yield FIXED_FITS, strength, compared.error_gain, compared.error_interval
        tests = count // PEOPLE
        if tests:
            gains = (both.r_per_fold - base.r_per_fold).mean(axis=0)[columns]
            effects = gains[: tests * PEOPLE].reshape(PEOPLE, tests)
            found = sign_flip_people(effects, _RESAMPLES, 0)
            yield f"gain in r, {PEOPLE} people", strength, found.effect, found.interval
