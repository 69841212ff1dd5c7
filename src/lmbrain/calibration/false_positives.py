"""How often each test rejects where its null holds, by noise and length of the story.

One story gives cohorts of five kinds: nothing is predicted (tests against chance); two models
predict equally well (comparisons, windows, word categories); the base model predicts, and the
other's features beside its own add nothing (nested comparisons); people whose effects are nothing
but chance (tests across people); the first two over people of whom half lack half of the story. The
published tests stand beside them, without being judged:
permuted words, the parametric p of r, and circular shifts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, stats

from lmbrain.calibration.cohorts import (
    DRIFT_CUTOFF,
    Plan,
    Story,
    cleared,
    cohort_noise,
    fit,
    generator,
    make_story,
    part,
    planted_signal,
    without_second_half,
)
from lmbrain.calibration.noise import noise
from lmbrain.inference.autocorrelation import autocorrelation
from lmbrain.inference.comparison import (
    compare_models,
    response_energy,
    sign_flip_people,
    window_gains,
    word_improvement,
)
from lmbrain.inference.fits import Fit
from lmbrain.inference.significance import chance_test
from lmbrain.inference.specificity import specificity

LEVELS = (0.05, 0.001)
MODEL_STRENGTH = 0.2  # SD of what a model predicts, in SD of the noise, where models are compared
GROUP = 4  # people whose mean is tested against chance
UNEQUAL = 8  # people, half of whom lack the second half of the story
PEOPLE = 12  # of tests across people: no p below 1 / 4096
CATEGORIES = 3
CATEGORY_SHARE = 0.06  # of the words, in the quarter of the story where a category's words are
MINIMAL_SHIFT = 20.0  # words, of circular shifts
TARGETS = 10  # of a cohort, neighbours in a row
PUBLISHED_STORIES = 10  # that the slow permutation of words sees
_PEOPLE_VALUES = (
    2_400_000  # simulated numbers a story for tests across people, or its cohorts' worth
)


@dataclass(frozen=True)
class Outcome:
    """P-values of one test in one story; `judged` false: known not to hold, shown beside."""

    test: str
    p: np.ndarray
    judged: bool = True


def false_positives(kind: str, plan: Plan, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts of rejections in one kind of noise, for `lmbrain.calibration.rates.summarise`.

    Parameters
    ----------
    kind
        Of noise (`lmbrain.calibration.noise.noise`).
    plan
        `lmbrain.calibration.rates.detectable_rate` says what so many tests (stories x cohorts,
        times TARGETS where each target is a test) would catch.
    seed

    Returns
    -------
    counts : DataFrame, a row a test, level and story
        test, noise, words, level, judged, story, tests, rejections. Levels below the smallest p
        that the resamples can give are left out.
    measured : DataFrame, one row
        noise, words, then the responses' autocorrelation, mean over targets: lag1 and decay
        (words) as simulated, lag1_cleared and decay_cleared without drift.
    """
    rows, measured = [], []
    for number in range(plan.stories):
        rng = generator(seed, "false positives", kind, plan.words, number)
        story = make_story(plan, rng)
        for outcome in _outcomes(kind, story, plan, rng, number, measured):
            rows += counts_of(outcome, number, plan.resamples)
    counts = pd.DataFrame(rows)
    counts.insert(1, "noise", kind)
    counts.insert(2, "words", plan.words)
    columns = ["lag1", "decay", "lag1_cleared", "decay_cleared"]
    values = dict(zip(columns, np.mean(measured, axis=0), strict=True))
    return counts, pd.DataFrame([{"noise": kind, "words": plan.words, **values}])


def chain(targets: int) -> sparse.csr_array:
    """(t, t) adjacency of targets in a row."""
    ones = np.ones(targets - 1, bool)
    return sparse.csr_array(sparse.diags_array([ones, ones], offsets=[-1, 1], dtype=bool))


def parametric_p(response: np.ndarray, whole: Fit, folds_used: np.ndarray) -> np.ndarray:
    """(t,) one-sided p of the mean r over folds, as if all words were independent."""
    r, words = whole.r_per_fold.mean(axis=0), int(folds_used.sum())
    return stats.t.sf(r * np.sqrt((words - 2) / (1 - r**2)), words - 2)


def _outcomes(
    kind: str,
    story: Story,
    plan: Plan,
    rng: np.random.Generator,
    number: int,
    measured: list[np.ndarray],
) -> Iterator[Outcome]:
    shape = (plan.words, plan.cohorts, TARGETS)
    nothing = cohort_noise(kind, *shape, rng)
    measured.append(_autocorrelations(nothing, story))
    yield from _chance(cleared(nothing, story.folds), story, plan, number)
    count = plan.cohorts * TARGETS
    own = MODEL_STRENGTH * planted_signal(story.base, count, rng)
    others = MODEL_STRENGTH * planted_signal(story.other, count, rng)
    equal = cleared(cohort_noise(kind, *shape, rng) + own + others, story.folds)
    yield from _comparison("equal models", equal, story, story.other, plan, number)
    nested = cleared(cohort_noise(kind, *shape, rng) + own, story.folds)
    yield from _comparison("useless features", nested, story, story.both, plan, number)
    yield from _people(kind, story, plan, rng, number)
    yield from _unequal(kind, story, plan, rng, number)


def _unequal(
    kind: str, story: Story, plan: Plan, rng: np.random.Generator, number: int
) -> Iterator[Outcome]:
    """Means over people of whom half lack half of the story."""
    settings = {"resamples": plan.resamples, "level": LEVELS[0], "seed": number}
    settings |= {"drift_cutoff": DRIFT_CUTOFF}
    groups = _unequal_people(kind, story, plan, rng, 0.0, [story.base])
    found = [chance_test(g, story.folds, method="flip_blocks", **settings) for g in groups]
    yield Outcome("chance, unequal people: target", np.concatenate([f.p for f in found]))
    groups = _unequal_people(kind, story, plan, rng, MODEL_STRENGTH, [story.base, story.other])
    compared = [compare_models(g, story.folds, **settings) for g in groups]
    name = "comparison, equal models, unequal people"
    yield Outcome(f"{name}: target", np.concatenate([f.p for f in compared]))


def _unequal_people(
    kind: str,
    story: Story,
    plan: Plan,
    rng: np.random.Generator,
    strength: float,
    spaces: list[np.ndarray],
) -> list[list[tuple]]:
    """Of each group its people's responses and fits; half of the noise is the whole group's."""
    groups = max(1, plan.cohorts // UNEQUAL)
    shared = cohort_noise(kind, plan.words, groups, TARGETS, rng)
    for model in (story.base, story.other):
        shared = shared + strength * planted_signal(model, groups * TARGETS, rng)
    found: list[list[tuple]] = [[] for _ in range(groups)]
    half = UNEQUAL // 2
    for own in (story.folds, without_second_half(story.folds)):
        noises = cohort_noise(kind, plan.words, half * groups, TARGETS, rng)
        responses = cleared(np.tile(shared, half) + noises, own)
        fits = [fit(space, responses, own) for space in spaces]
        for place, columns in enumerate(_cohorts(half * groups)):
            person = (responses[:, columns], *(part(whole, columns) for whole in fits))
            found[place % groups].append(person)
    return found


def _chance(responses: np.ndarray, story: Story, plan: Plan, number: int) -> Iterator[Outcome]:
    folds, whole = story.folds, fit(story.base, responses, story.folds)
    settings = {"resamples": plan.resamples, "level": LEVELS[0], "seed": number}
    cohorts = _cohorts(plan.cohorts)
    found = [
        chance_test(
            [(responses[:, columns], part(whole, columns))],
            folds,
            method="flip_blocks",
            drift_cutoff=DRIFT_CUTOFF,
            adjacency=chain(TARGETS),
            **settings,
        )
        for columns in cohorts
    ]
    yield from _corrected("chance", found)
    groups = [cohorts[i : i + GROUP] for i in range(0, len(cohorts) - GROUP + 1, GROUP)]
    found = [
        chance_test(
            [(responses[:, columns], part(whole, columns)) for columns in group],
            folds,
            method="flip_blocks",
            drift_cutoff=DRIFT_CUTOFF,
            **settings,
        )
        for group in groups
    ]
    if found:
        yield Outcome("chance, mean of people: target", np.concatenate([f.p for f in found]))
    shifted = chance_test(
        [(responses, whole)],
        folds,
        method="circular_shift",
        minimal_shift=MINIMAL_SHIFT,
        **settings,
    )
    yield Outcome("chance, circular shift: target", shifted.p, judged=False)
    yield Outcome("chance, parametric: target", parametric_p(responses, whole, folds.usable), False)
    if number < PUBLISHED_STORIES:
        permuted = chance_test([(responses, whole)], folds, method="permute_words", **settings)
        yield Outcome("chance, permuted words: target", permuted.p, judged=False)


def _comparison(
    name: str, responses: np.ndarray, story: Story, tuned: np.ndarray, plan: Plan, number: int
) -> Iterator[Outcome]:
    folds = story.folds
    base, better = (fit(features, responses, folds) for features in (story.base, tuned))
    settings = {"resamples": plan.resamples, "level": LEVELS[0], "seed": number}
    window = np.ones(TARGETS, bool)
    compared, windows, tables = [], [], []
    for cohort, columns in enumerate(_cohorts(plan.cohorts)):
        response, one, two = responses[:, columns], part(base, columns), part(better, columns)
        found = compare_models(
            [(response, one, two)],
            folds,
            drift_cutoff=DRIFT_CUTOFF,
            adjacency=chain(TARGETS),
            **settings,
        )
        compared.append(found)
        windows.append(window_gains(found, [window]).p[0])
        gains = word_improvement(response, one.prediction, two.prediction, folds, window)
        rng = generator(number, "categories", name, plan.words, cohort)
        energy = response_energy(response, folds, window)
        tables.append(_word_categories(gains, story, energy, plan, number, rng))
    yield from _corrected(f"comparison, {name}", compared)
    yield Outcome(f"comparison, {name}: window", np.array(windows))
    yield Outcome(f"word categories, {name}: category", pd.concat(tables)["p"].to_numpy())
    families = np.array([table["p_corrected"].min() for table in tables])
    yield Outcome(f"word categories, {name}: family", families)
    if number < PUBLISHED_STORIES:
        permuted = compare_models(
            [(responses, base, better)], folds, unit="words", drift_cutoff=DRIFT_CUTOFF, **settings
        )
        yield Outcome(f"comparison, {name}, permuted words: target", permuted.p, judged=False)


def _people(
    kind: str, story: Story, plan: Plan, rng: np.random.Generator, number: int
) -> Iterator[Outcome]:
    """Effects of people from fits of their own, exact flips of their signs."""
    tests = max(plan.cohorts, _PEOPLE_VALUES // (PEOPLE * plan.words))
    responses = cleared(noise(kind, plan.words, PEOPLE * tests, rng), story.folds)
    r, other_r = (
        fit(features, responses, story.folds).r_per_fold.mean(axis=0)
        for features in (story.base, story.other)
    )
    gains = sign_flip_people((other_r - r).reshape(PEOPLE, tests), 2**PEOPLE, number)
    yield Outcome("people, equal models: target", gains.p)
    # r itself is skewed to the left where nothing is predicted: its flips are not exact.
    chance = sign_flip_people(r.reshape(PEOPLE, tests), 2**PEOPLE, number)
    yield Outcome("people, r against chance: target", chance.p, judged=False)


def _corrected(name: str, found: list) -> Iterator[Outcome]:
    """Alone, and each cohort's smallest corrected p: under the global null any hit is false."""
    yield Outcome(f"{name}: target", np.concatenate([f.p for f in found]))
    yield Outcome(f"{name}: family", np.array([f.p_fwe.min() for f in found]))
    yield Outcome(f"{name}: clusters", np.array([f.p_cluster.min() for f in found]))
    yield Outcome(f"{name}: false discovery", np.array([f.q.min() for f in found]))


def _word_categories(
    gains: np.ndarray,
    story: Story,
    energy: np.ndarray,
    plan: Plan,
    number: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Categories whose words crowd in one part of the story, as a scene's do; called as a study.

    Covariates: the place in the story, one that is autocorrelated, and the responses' energy (n,).
    """
    place = np.arange(plan.words) / plan.words
    names = [f"category_{i}" for i in range(CATEGORIES)]
    share = {
        name: CATEGORY_SHARE * np.where(np.floor(4 * place) == i, 2.5, 0.5)
        for i, name in enumerate(names)
    }
    categories = pd.DataFrame({name: rng.random(plan.words) < p for name, p in share.items()})
    covariates = pd.DataFrame({"position": place, "response_energy": energy})
    covariates["frequency"] = noise("ar50", plan.words, 1, rng)[:, 0]
    return specificity(
        pd.DataFrame({"model": gains}),
        categories,
        covariates,
        story.folds,
        own={"model": names[0]},
        drift_cutoff=DRIFT_CUTOFF,
        resamples=plan.resamples,
        seed=number,
    )


def _cohorts(count: int) -> list[slice]:
    starts = range(0, count * TARGETS, TARGETS)
    return [slice(start, start + TARGETS) for start in starts]


def _autocorrelations(responses: np.ndarray, story: Story) -> np.ndarray:
    """(4,) lag-1 autocorrelation and decay in words, as simulated and without drift."""
    both = [autocorrelation(v, story.folds) for v in (responses, cleared(responses, story.folds))]
    return np.array([(lag1.mean(), decay.mean()) for lag1, decay in both]).ravel()


def counts_of(outcome: Outcome, number: int, resamples: int) -> Iterator[Mapping[str, object]]:
    """A row for each level that so many resamples can reach: how many of a story's tests reject."""
    for level in LEVELS:
        if level * (resamples + 1) < 1:
            continue
        yield {
            "test": outcome.test,
            "level": level,
            "judged": outcome.judged,
            "story": number,
            "tests": len(outcome.p),
            "rejections": int((outcome.p <= level).sum()),
        }
