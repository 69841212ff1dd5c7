"""Leaks: data that know the test words' responses only where something was fitted to all words.

Each attack builds noise that would be predictable if one step (scaling, components, denoising,
choice of sensors, gap) saw the test words, and runs it twice: through the project's own step, which
must give r = 0 within its error, and through the leaky step, which must not, or the attack proves
nothing. An attack is aimed at one fold, since data that know one fold's responses are honest
training data for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from lmbrain.calibration.cohorts import PENALTIES, Plan, generator, make_story, planted_signal
from lmbrain.calibration.noise import autoregressive, noise
from lmbrain.calibration.rates import PART_LEVEL
from lmbrain.divergence import select_reliable_sensors, select_sensors
from lmbrain.encoding.delays import needed_gap
from lmbrain.encoding.design import WordDesign, leading_components
from lmbrain.encoding.folds import Folds, make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.encoding.scores import pearson
from lmbrain.meg.denoising import denoised_targets

WORDS, FOLDS, GAP = 600, 6, 5.0
ATTACKED = 2  # the fold whose responses the data know
COLUMNS = 120  # noise features
STORY = Plan(words=WORDS, stories=1, cohorts=1, features=12, folds=FOLDS, gap=GAP, resamples=1)
LOUD_WORDS = 5  # words of the attacked fold whose loud features steer what is fitted to all words
LOUDNESS = 50.0
COMPONENTS = 5
SENSORS = 60
DENOISED = 40  # responses whose denoising is attacked at once
SHARING, SHARED = 6, 2.0  # sensors with noise that people share in the test block, and its SD
CONTEXT = 20  # words

Attack = Callable[[np.random.Generator], tuple[float, float]]


def leak_tests(attempts: int, seed: int) -> pd.DataFrame:
    """Every attack, many times.

    Parameters
    ----------
    attempts : int
        Of each attack, each with new data; at least 2.
    seed

    Returns
    -------
    DataFrame, a row an attack: attack, attempts; r and error (its standard error) by the
    project's own way; p (two-sided, r = 0); bound (what p must not fall below); caught (the
    smallest absolute r at which p would fall below it, given the error); r_leaky and
    error_leaky by the leaky way; tight: p >= bound, and the leaky way
    is above 0 at the same level.
    """
    rows = []
    for name, attack in ATTACKS.items():
        r = np.array([attack(generator(seed, "leaks", name, i)) for i in range(attempts)])
        error = r.std(axis=0, ddof=1) / np.sqrt(attempts)
        p = 2 * stats.t.sf(np.abs(r.mean(axis=0)) / error, attempts - 1)
        bound = PART_LEVEL / len(ATTACKS)
        leaky = bool(p[1] < bound and r[:, 1].mean() > 0)
        rows.append(
            {
                "attack": name,
                "attempts": attempts,
                "r": r[:, 0].mean(),
                "error": error[0],
                "p": p[0],
                "bound": bound,
                "caught": stats.t.isf(bound / 2, attempts - 1) * error[0],
                "r_leaky": r[:, 1].mean(),
                "error_leaky": error[1],
                "tight": bool(p[0] >= bound) and leaky,
            }
        )
    return pd.DataFrame(rows)


def scaling(rng: np.random.Generator) -> tuple[float, float]:
    """Loud values at a few test words make useless columns small, if scales see the test words.

    A column is useless if its correlation with the response has not the same sign in training and
    in the other test words. Scaled on training words these columns are like all others.
    """
    folds, features, response = _noise_data(rng)
    train, loud, quiet = _rows(folds, rng)
    agreement = pearson(features[train], response[train]) * pearson(
        features[quiet], response[quiet]
    )
    values = LOUDNESS * rng.choice([-1.0, 1.0], (LOUD_WORDS, COLUMNS))
    features[np.ix_(loud, agreement < 0)] = values[:, agreement < 0]
    scaled = features / features.std(axis=0)
    return _r_at(quiet, features, response, folds), _unscaled_r(quiet, scaled, response, train)


def components(rng: np.random.Generator) -> tuple[float, float]:
    """Loud test words point along a direction fitted to the test words' responses.

    Components of all words find it; those of training words cannot.
    """
    folds, features, response = _noise_data(rng)
    train, loud, quiet = _rows(folds, rng)
    known = np.concatenate([train, quiet])
    direction = features[known].T @ response[known]
    direction /= np.linalg.norm(direction)
    features[loud] = LOUDNESS * rng.choice([-1.0, 1.0], (LOUD_WORDS, 1)) * direction
    # Equal scales keep the direction: the components standardise their columns.
    features /= features.std(axis=0)
    everywhere = np.ones(len(features), bool)
    of_all = leading_components([features], everywhere, COMPONENTS)
    own = WordDesign([features], COMPONENTS)
    return tuple(_r_at(quiet, design, response, folds) for design in (own, of_all))


def denoising(rng: np.random.Generator) -> tuple[float, float]:
    """A feature follows what the test words add to the weights of denoising.

    Training responses that were denoised with these weights teach the feature the test words. One
    feature's weight has either sign by chance: r is the mean over many independent responses.
    """
    folds, _, _ = _noise_data(rng)
    responses = rng.standard_normal((WORDS, DENOISED))
    other = rng.standard_normal((WORDS, SENSORS))
    test = folds.test(ATTACKED)
    features = other @ (other[test].T @ responses[test])
    features /= features.std(axis=0)
    features[test] = responses[test] + 2 * rng.standard_normal((int(test.sum()), DENOISED))
    return tuple(_denoised_r(folds, responses, other, features, within) for within in (True, False))


def sensor_choice(rng: np.random.Generator) -> tuple[float, float]:
    """Noise at many sensors: the best ones by the inner folds, and by the test fold itself."""
    folds, features, _ = _noise_data(rng)
    responses = rng.standard_normal((WORDS, SENSORS))
    found = nested_ridge(features[:, :10], responses, folds, PENALTIES)
    window, fraction = np.ones(1, bool), 0.1
    honest, leaky = (
        select_sensors(scores[:, :, None], window, fraction)
        for scores in (found.validation_r, found.r_per_fold)
    )
    return float(found.r_per_fold[honest].mean()), float(found.r_per_fold[leaky].mean())


def reliable_sensor_choice(rng: np.random.Generator) -> tuple[float, float]:
    """People share noise at a few sensors, in the test block alone.

    r is how much more people correlate there at the chosen sensors than at all. The choices of the
    other folds, whose training words hold the attacked block, are the leaky ones.
    """
    folds, _, _ = _noise_data(rng)
    test, people = folds.test(ATTACKED), rng.standard_normal((3, WORDS, SENSORS))
    places = rng.permutation(SENSORS)[:SHARING]
    people[np.ix_([0, 1, 2], test, places)] += SHARED * rng.standard_normal((test.sum(), SHARING))
    masks = select_reliable_sensors(
        [values[:, :, None] for values in people], folds, np.ones(1, bool), SHARING / SENSORS
    )
    pairs = [pearson(people[i][test], people[j][test]) for i, j in ((0, 1), (0, 2), (1, 2))]
    shared = np.mean(pairs, axis=0)
    shared -= shared.mean()
    leaky = masks[(ATTACKED + 1) % FOLDS]
    return float(shared[masks[ATTACKED]].mean()), float(shared[leaky].mean())


def window_straddling(rng: np.random.Generator) -> tuple[float, float]:
    """Windows of words beside a fold's edge hold words of both sides; the gap keeps them apart.

    The features are means of random word vectors over the context, the responses autocorrelated
    noise: words share both with their neighbours.
    """
    words, blocks = 600, 15
    vectors = rng.standard_normal((words + CONTEXT, COLUMNS))
    running = np.vstack([np.zeros(COLUMNS), np.cumsum(vectors, axis=0)])
    features = (running[CONTEXT:] - running[:-CONTEXT])[:words]
    responses = autoregressive(0.95, words, 40, rng)
    place = np.arange(words, dtype=float)
    story = np.full(words, "a")
    gap = needed_gap(place, story, CONTEXT, None, None)
    folds = make_folds(story, place, np.ones(words, bool), blocks, gap)
    return tuple(
        float(nested_ridge(features, responses, cut, PENALTIES).r.mean())
        for cut in (folds, replace(folds, gap=0.0))
    )


def shuffled_features(rng: np.random.Generator) -> tuple[float, float]:
    """Features in random order predict nothing; in their own order they do."""
    story = make_story(STORY, rng)
    responses = noise("ar80", WORDS, 20, rng) + planted_signal(story.base, 20, rng)
    shuffled = rng.permutation(story.base)
    return tuple(
        float(nested_ridge(features, responses, story.folds, PENALTIES).r.mean())
        for features in (shuffled, story.base)
    )


def random_model(rng: np.random.Generator) -> tuple[float, float]:
    """Features of a model that knows nothing of the story, beside those that responses follow."""
    story = make_story(STORY, rng)
    responses = noise("ar80", WORDS, 20, rng) + planted_signal(story.base, 20, rng)
    random = autoregressive(0.5, WORDS, COLUMNS, rng)
    return tuple(
        float(nested_ridge(features, responses, story.folds, PENALTIES).r.mean())
        for features in (random, story.base)
    )


ATTACKS: dict[str, Attack] = {
    "scaling": scaling,
    "components": components,
    "denoising": denoising,
    "sensor_choice": sensor_choice,
    "reliable_sensor_choice": reliable_sensor_choice,
    "window_straddling": window_straddling,
    "shuffled_features": shuffled_features,
    "random_model": random_model,
}


def _noise_data(rng: np.random.Generator) -> tuple[Folds, np.ndarray, np.ndarray]:
    """Folds, features (n, p) and one response (n,), all independent of each other."""
    place = np.arange(WORDS, dtype=float)
    folds = make_folds(np.full(WORDS, "a"), place, np.ones(WORDS, bool), FOLDS, GAP)
    return folds, rng.standard_normal((WORDS, COLUMNS)), rng.standard_normal(WORDS)


def _rows(folds: Folds, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training words of the attacked fold, its loud words and its other words."""
    test = rng.permutation(np.flatnonzero(folds.test(ATTACKED)))
    return np.flatnonzero(folds.train(ATTACKED)), test[:LOUD_WORDS], test[LOUD_WORDS:]


def _r_at(rows: np.ndarray, features: np.ndarray, response: np.ndarray, folds: Folds) -> float:
    """r of the held-out prediction at some words of one fold."""
    predicted = nested_ridge(features, response[:, None], folds, PENALTIES).prediction[:, 0]
    return float(pearson(predicted[rows], response[rows]))


def _unscaled_r(
    rows: np.ndarray, features: np.ndarray, response: np.ndarray, train: np.ndarray
) -> float:
    """r at some words of a plain ridge that takes the features' scales as they are."""
    centre = features[train].mean(axis=0)
    x, y = features[train] - centre, response[train] - response[train].mean()
    weights = np.linalg.solve(x.T @ x + len(train) * np.eye(x.shape[1]), x.T @ y)
    return float(pearson((features[rows] - centre) @ weights, response[rows]))


def _denoised_r(
    folds: Folds, responses: np.ndarray, other: np.ndarray, features: np.ndarray, within: bool
) -> float:
    """Mean r, in the attacked fold, of fits to the denoised response by each one's feature."""
    targets = denoised_targets(
        responses[:, :, None], [other[:, :, None]], folds, PENALTIES, within_folds=within
    )
    rows = folds.test(ATTACKED)
    r = []
    for i in range(responses.shape[1]):
        own = slice(i, i + 1)
        found = nested_ridge(
            features[:, own],
            lambda outer, own=own: targets(outer)[:, own, 0],
            folds,
            PENALTIES,
        )
        r.append(pearson(found.prediction[rows, 0], responses[rows, i]))
    return float(np.mean(r))
