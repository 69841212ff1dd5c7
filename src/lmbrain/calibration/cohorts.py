"""Simulated stories and the responses to them: what every calibration is drawn from.

A story has features of two language models; a cohort is one set of responses to it. Many cohorts
share a story, since responses are cheap and features are not. Encoding follows the study's own way:
drift slower than DRIFT_CUTOFF words is removed inside each block from responses and design, then
nested ridge predicts every word.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from lmbrain.calibration.noise import autoregressive, neighbours, noise
from lmbrain.encoding.drift import without_drift
from lmbrain.encoding.folds import MINIMAL_OUTER, Folds, make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.inference.fits import Fit

DRIFT_CUTOFF = 40.0  # words
PENALTIES = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6)
SPREAD = 0.6  # correlation of the noise of neighbouring targets of a cohort
# Autocorrelation of a model's features: half of them fast, as word classes are, the rest slow, as
# topics and states of a context are.
FAST, SLOW = 0.3, 0.9


@dataclass(frozen=True)
class Plan:
    """Sizes of a simulation.

    Attributes
    ----------
    words, stories : int
        Words of each story, and how many of those.
    cohorts : int
        That share a story.
    features : int
        Of each model, at least 4.
    folds : int
        Contiguous blocks.
    gap : float
        Words left out beside a test block.
    resamples : int
        Of every test.
    """

    words: int
    stories: int
    cohorts: int
    features: int
    folds: int
    gap: float
    resamples: int


@dataclass(frozen=True)
class Story:
    """Features of two models at every word, and the folds.

    Attributes
    ----------
    folds : Folds
    base, other : (n, f) float
        The last column of both is the place in the story.
    """

    folds: Folds
    base: np.ndarray
    other: np.ndarray

    @property
    def both(self) -> np.ndarray:
        """(n, 2f) the other model's features beside the base model's."""
        return np.hstack([self.base, self.other])


def generator(seed: int, *labels: object) -> np.random.Generator:
    """A random generator of its own for each label, the same in every process and order of jobs."""
    return np.random.default_rng([seed, zlib.crc32(repr(labels).encode())])


def make_story(plan: Plan, rng: np.random.Generator) -> Story:
    """Draw a story: of each model's features half fast, a quarter slow, a quarter drifting."""
    place = np.arange(plan.words, dtype=float)
    name, usable = np.full(plan.words, "story"), np.ones(plan.words, bool)
    folds = make_folds(name, place, usable, plan.folds, plan.gap)
    base, other = (_features(plan.words, plan.features, rng) for _ in range(2))
    return Story(folds, base, other)


def fast_features(features: np.ndarray) -> np.ndarray:
    """(n, f / 2) the fast ones of a model's features, which responses follow."""
    return features[:, : features.shape[1] - features.shape[1] // 2]


def planted_signal(features: np.ndarray, targets: int, rng: np.random.Generator) -> np.ndarray:
    """(n, targets) random combinations of a model's fast features, variance 1 in expectation."""
    fast = fast_features(features)
    weights = rng.standard_normal((fast.shape[1], targets))
    return fast @ (weights / np.linalg.norm(weights, axis=0))


def cohort_noise(
    kind: str, words: int, cohorts: int, targets: int, rng: np.random.Generator
) -> np.ndarray:
    """(n, cohorts x targets) noise, correlated between neighbouring targets of a cohort."""
    values = noise(kind, words, cohorts * targets, rng).reshape(words, cohorts, targets)
    return (values @ neighbours(targets, SPREAD)).reshape(words, cohorts * targets)


def cleared(responses: np.ndarray, folds: Folds) -> np.ndarray:
    """(n, t) float32 responses without drift, as they are fitted and scored."""
    return without_drift(responses.astype(np.float32), folds, DRIFT_CUTOFF)


def fit(features: np.ndarray, responses: np.ndarray, folds: Folds) -> Fit:
    """Cross-validated fit of all columns of the responses.

    Parameters
    ----------
    features : (n, f)
    responses : (n, t)
        Cleared of drift.
    folds
        Of the people whose responses these are.
    """

    design = without_drift(features, folds, DRIFT_CUTOFF)
    return Fit.of(nested_ridge(design, responses, folds, PENALTIES), folds)


def part(whole: Fit, columns: slice | np.ndarray) -> Fit:
    """The fit of some of the targets."""
    per_fold = (values[:, columns] for values in (whole.r_per_fold, whole.left_out_r))
    return Fit(whole.prediction[:, columns], *per_fold, whole.folds)


def without_second_half(folds: Folds) -> Folds:
    """The folds of people who were recorded for the first half of the story (or three blocks)."""
    return folds.of_person(folds.block < max(MINIMAL_OUTER, folds.n_outer // 2))


def _features(words: int, count: int, rng: np.random.Generator) -> np.ndarray:
    slow, drifting = count // 4, count // 4
    fast = count - slow - drifting
    values = np.hstack(
        [
            autoregressive(FAST, words, fast, rng),
            autoregressive(SLOW, words, slow, rng),
            noise("drift", words, drifting, rng),
        ]
    )
    values[:, -1] = np.arange(words)
    return values
