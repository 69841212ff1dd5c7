"""Do measures of divergence find planted words, and are they fooled by decoys?

People hear one story. Their responses follow the language model's features and the controls, plus
what is planted: some words carry a response that people share and neither holds. Decoys are words
that should not score: strong responses that the model explains, strong ones that the controls
explain, and strong ones that a single person has alone. Noise is autocorrelated, correlated over
sensors and bins, and stronger at some words than at others, in part at the same words in everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmbrain.calibration.cohorts import PENALTIES, generator
from lmbrain.calibration.noise import autoregressive
from lmbrain.calibration.recovery import auc
from lmbrain.divergence import (
    MEASURES,
    adjusted,
    select_reliable_sensors,
    select_sensors,
    sentence_divergence,
    word_divergence,
)
from lmbrain.encoding.folds import Folds, make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.meg.denoising import cross_subject_prediction

PEOPLE, SENSORS, BINS, FOLDS = 4, 24, 5, 5
FEATURES, CONTROLS = 12, 3
GAP = 20.0  # words
SENTENCE = 8  # words
PLANTED_SENTENCES = 0.25  # of the sentences; each holds PLANTED_WORDS planted words
PLANTED_WORDS = 2
DECOY = 0.05  # of the words, each kind
DECOY_STRENGTH = 2.0  # times that of planted words
NOISE_AUTOCORRELATION = 0.75
NOISE_SOURCES = 12  # patterns that hold nine tenths of the noise
SHARED_GAIN = 0.5  # of the log gain's variance is the same in everybody
LM_STRENGTH = 0.15  # each feature's peak, in single-trial noise SD
PENALTIES_ACROSS = (1e3, 1e4, 1e5)  # of the prediction from other people
COMPONENTS = 8
SENSOR_FRACTION = 0.5
DECOYS = ("explained_by_lm", "explained_by_controls", "private")


@dataclass(frozen=True)
class Cohort:
    """People who hear one story.

    Attributes
    ----------
    responses : of each person, (n, s, t) float32
        In single-trial noise SD.
    features : (n, f)
        Of the language model and the controls, these last.
    folds : Folds
    planted : (n,) bool
        Words that carry a response which the features lack.
    decoys : mapping of (n,) bool
    words : DataFrame
        The words table.
    """

    responses: Sequence[np.ndarray]
    features: np.ndarray
    folds: Folds
    planted: np.ndarray
    decoys: Mapping[str, np.ndarray]
    words: pd.DataFrame

    @property
    def controls(self) -> np.ndarray:
        """(n, c)"""
        return self.features[:, -CONTROLS:]


def make_cohort(words: int, strength: float, gain: float, rng: np.random.Generator) -> Cohort:
    """Draw a story and the people's responses to it.

    Parameters
    ----------
    words : int
    strength : float
        Peak of the planted response in single-trial noise SD; 0 plants nothing.
    gain : float
        Standard deviation of the log gain of noise from word to word.
    rng
    """
    sentence = np.arange(words) // SENTENCE
    planted = _planted(words, rng)
    free = np.flatnonzero(~planted)
    picked = rng.permutation(free)[: 3 * round(DECOY * words)].reshape(3, -1)
    decoys = {
        name: np.isin(np.arange(words), rows) for name, rows in zip(DECOYS, picked, strict=True)
    }
    # Words of one kind differ in strength, as feelings and figures do.
    graded = {
        name: mask * rng.uniform(0.7, 1.3, words)
        for name, mask in {"planted": planted, **decoys}.items()
    }
    model = autoregressive(0.3, words, FEATURES, rng)
    model[:, 0] = graded["explained_by_lm"]
    controls = autoregressive(0.1, words, CONTROLS, rng)
    controls[:, 0] = graded["explained_by_controls"]
    features = np.hstack([model, controls])
    strengths = np.full(FEATURES + CONTROLS, LM_STRENGTH)
    strengths[[0, FEATURES]] = DECOY_STRENGTH * max(strength, 0.5)
    shared = np.tensordot(features * strengths, _patterns(FEATURES + CONTROLS, rng), 1)
    shared += strength * np.multiply.outer(graded["planted"], _patterns(1, rng)[0])
    owner = rng.integers(PEOPLE, size=words)
    common = rng.standard_normal(words)
    noise_map = _noise_map(rng)
    responses = []
    for person in range(PEOPLE):
        alone = rng.standard_normal(words)
        log_gain = gain * (np.sqrt(SHARED_GAIN) * common + np.sqrt(1 - SHARED_GAIN) * alone)
        own = (graded["private"] * (owner == person))[:, None, None] * _patterns(1, rng)[0]
        # Mean square 1, so that strengths are in the noise's SD whatever the gain.
        loudness = np.exp(log_gain - gain**2)
        noise = _noise(words, noise_map, rng) * loudness[:, None, None]
        response = shared + DECOY_STRENGTH * max(strength, 0.5) * own + noise
        responses.append(response.astype(np.float32))
    place = np.arange(words, dtype=float)
    folds = make_folds(np.full(words, "story"), place, np.ones(words, bool), FOLDS, GAP)
    table = pd.DataFrame(
        {"story": "story", "item": np.arange(words), "text": "word", "sentence": sentence}
    )
    return Cohort(responses, features, folds, planted, decoys, table)


def detect(words: int, strength: float, gain: float, seed: int, number: int) -> pd.DataFrame:
    """How well each measure finds what was planted in one cohort.

    Parameters
    ----------
    words, strength, gain
        As in `make_cohort`.
    seed, number
        Of the study and the cohort.

    Returns
    -------
    DataFrame, a row a measure: words, strength, gain, cohort; people ('group': all measures over
    people; 'average': the mean of their responses taken for one person; 'single': the first
    person); measure; auc_words, auc_sentences (those that hold planted words); auc_<decoy>
    (planted words against the decoys alone; 0.5: the decoy scores as high); energy (Spearman
    correlation with the response's energy).
    """
    rng = generator(seed, "detection", words, strength, gain, number)
    cohort = make_cohort(words, strength, gain, rng)
    tables = []
    for people, scores in _scores(cohort).items():
        table = recovery(scores, cohort)
        table.insert(0, "people", people)
        tables.append(table)
    found = pd.concat(tables, ignore_index=True)
    for name, value in (
        ("cohort", number),
        ("gain", gain),
        ("strength", strength),
        ("words", words),
    ):
        found.insert(0, name, value)
    return found


def summarise_detection(found: pd.DataFrame) -> pd.DataFrame:
    """Mean over cohorts of what `detect` gives, and its standard error.

    Returns
    -------
    DataFrame, a row a measure and cell: words, strength, gain, people, measure, cohorts, then each
    number of `detect` and, ending in _error, its standard error (NaN for a single cohort).
    """
    keys = ["words", "strength", "gain", "people", "measure"]
    numbers = [c for c in found if c.startswith("auc_") or c == "energy"]
    grouped = found.groupby(keys, sort=False)[numbers]
    errors = grouped.sem().add_suffix("_error")
    table = pd.concat([grouped.size().rename("cohorts"), grouped.mean(), errors], axis=1)
    return table.reset_index()


def recovery(scores: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    """AUC of every measure in a table of word scores; columns as in `detect`."""
    columns = [c for c in scores if c.startswith(MEASURES) or c == "skill"]
    sentences = sentence_divergence(scores[columns], cohort.words, 1)
    holds = cohort.words["sentence"][cohort.planted].unique()
    holding = sentences["sentence"].isin(holds).to_numpy()
    energy = scores["response_energy"]
    rows = []
    for measure in columns:
        # Skill is high where the model does well.
        sign = -1.0 if measure == "skill" else 1.0
        values = sign * scores[measure].to_numpy(float)
        row = {
            "measure": measure,
            "auc_words": auc(values, cohort.planted),
            "auc_sentences": auc(sign * sentences[measure].to_numpy(float), holding),
        }
        for name, decoy in cohort.decoys.items():
            either = cohort.planted | decoy
            row[f"auc_{name}"] = auc(values[either], cohort.planted[either])
        row["energy"] = float(scores[measure].corr(energy, method="spearman")) * sign
        rows.append(row)
    return pd.DataFrame(rows)


def _scores(cohort: Cohort) -> dict[str, pd.DataFrame]:
    """Word scores of the group, of its average taken for one person, and of the first person."""
    responses, folds = cohort.responses, cohort.folds
    window = np.ones(BINS, bool)
    fits = [_fit(cohort.features, y, folds) for y in responses]
    predictions = [values for values, _ in fits]
    controls = [_fit(cohort.controls, y, folds)[0] for y in responses]
    others = [
        cross_subject_prediction(y, [z for z in responses if z is not y], folds, PENALTIES_ACROSS)
        for y in responses
    ]
    settings = {
        "window": window,
        "sensors": select_reliable_sensors(responses, folds, window, SENSOR_FRACTION),
        "components": COMPONENTS,
        "features": cohort.features,
    }
    group = word_divergence(
        responses, predictions, folds, others=others, controls=controls, **settings
    )
    covariates = pd.DataFrame(cohort.controls[:, 1:], columns=["length", "frequency"])
    group = pd.concat([group, adjusted(group, covariates)], axis=1)
    mean = [np.mean(values, axis=0) for values in (responses, predictions, controls)]
    # One person alone, or an average taken for one: the study's choice of sensors for that case.
    of_average = _fit(cohort.features, mean[0], folds)
    alone = {
        "average": (mean[0], of_average, mean[2]),
        "single": (responses[0], fits[0], controls[0]),
    }
    found = {}
    for name, (response, (prediction, validation_r), control) in alone.items():
        settings["sensors"] = select_sensors(validation_r, window, SENSOR_FRACTION)
        found[name] = word_divergence(
            [response], [prediction], folds, controls=[control], **settings
        )
    return {"group": group, **found}


def _fit(features: np.ndarray, response: np.ndarray, folds: Folds) -> tuple[np.ndarray, np.ndarray]:
    """Held-out prediction (n, s, t) and r of the inner folds (n_outer, s, t)."""
    found = nested_ridge(features, response.reshape(len(response), -1), folds, PENALTIES)
    shape = response.shape
    return found.prediction.reshape(shape), found.validation_r.reshape(-1, *shape[1:])


def _planted(words: int, rng: np.random.Generator) -> np.ndarray:
    """Mask (n,) of a few words of some of the sentences."""
    sentences = words // SENTENCE
    chosen = rng.permutation(sentences)[: round(PLANTED_SENTENCES * sentences)]
    mask = np.zeros(words, bool)
    for sentence in chosen:
        mask[SENTENCE * sentence + rng.permutation(SENTENCE)[:PLANTED_WORDS]] = True
    return mask


def _patterns(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, s, t) smooth bumps over a third of sensors and the bins, peak 1, either sign."""
    centre = rng.uniform(0, SENSORS, count)[:, None]
    away = np.abs(np.arange(SENSORS) - centre)
    away = np.minimum(away, SENSORS - away)
    over_sensors = np.exp(-0.5 * (away / (SENSORS / 8)) ** 2)
    peak = rng.uniform(0, BINS - 1, count)[:, None]
    over_bins = np.exp(-0.5 * ((np.arange(BINS) - peak) / 2) ** 2)
    sign = rng.choice([-1.0, 1.0], count)[:, None, None]
    return sign * over_sensors[:, :, None] * over_bins[:, None]


def _noise_map(rng: np.random.Generator) -> np.ndarray:
    """(sources, s x t) patterns of the correlated part of the noise, variance 0.9 everywhere."""
    patterns = _patterns(NOISE_SOURCES, rng).reshape(NOISE_SOURCES, -1)
    patterns += 0.2 * rng.standard_normal(patterns.shape)
    return np.sqrt(0.9) * patterns / np.linalg.norm(patterns, axis=0)


def _noise(words: int, noise_map: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, s, t) noise of one person, variance 1."""
    sources = autoregressive(NOISE_AUTOCORRELATION, words, len(noise_map), rng)
    private = autoregressive(NOISE_AUTOCORRELATION, words, noise_map.shape[1], rng)
    return (sources @ noise_map + np.sqrt(0.1) * private).reshape(words, SENSORS, BINS)
