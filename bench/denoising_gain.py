"""What fitting encoding models to denoised responses gains, with the held-out design.

`python -m bench.denoising_gain`: simulated people whose sensors mix the same sources, each in their
own way, in noise that is autocorrelated over words and correlated over sensors. A share of each
source follows features. Models are fitted to raw and to denoised responses of the training words,
and held against three things at the held-out words: denoised responses (which share data with what
the models were fitted to), raw responses, and the planted signal.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.tables import markdown
from lmbrain.encoding.folds import Folds, make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.encoding.scores import fold_correlation
from lmbrain.meg.denoising import denoised_targets

WORDS, SENSORS, FEATURES, SOURCES, PEOPLE = 2000, 20, 30, 6, 5
FOLDS, GAP = 5, 10.0
PENALTIES = [float(penalty) for penalty in np.logspace(0, 6, 13)]
RELIABILITY = (0.02, 0.05, 0.1, 0.3)  # share of the signal in one person's variance
EXPLAINED = (0.2, 0.6)  # share of the features in the sources' variance
PERSISTENCE = 0.6  # autocorrelation of noise from word to word
COLUMNS = (
    "signal in variance",
    "explained by features",
    "raw: r with raw",
    "denoised: r with denoised",
    "denoised: r with raw",
    "gain with raw (SE)",
    "raw: r with signal",
    "denoised: r with signal",
    "recording: r with signal",
    "denoised recording: r with signal",
)


@dataclass(frozen=True)
class People:
    """A simulated cohort: features (n, p); signals and responses (n, s) of each person."""

    features: np.ndarray
    signals: list[np.ndarray]
    responses: list[np.ndarray]
    folds: Folds


def simulate(reliability: float, explained: float, seed: int) -> People:
    """People who share sources; `explained` of a source's variance follows the features."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((WORDS, FEATURES))
    seen = features @ rng.standard_normal((FEATURES, SOURCES)) / np.sqrt(FEATURES)
    unseen = rng.standard_normal((WORDS, SOURCES))
    sources = np.sqrt(explained) * seen + np.sqrt(1 - explained) * unseen
    common = rng.standard_normal((SOURCES, SENSORS))
    signals, responses = [], []
    for _ in range(PEOPLE):
        signal = sources @ (common + 0.7 * rng.standard_normal((SOURCES, SENSORS)))
        signals.append(signal / signal.std(axis=0))
        private = np.sqrt(1 - reliability) * _noise(rng)
        responses.append((np.sqrt(reliability) * signals[-1] + private).astype(np.float32))
    place = np.arange(WORDS, dtype=float)
    folds = make_folds(np.full(WORDS, "story"), place, np.ones(WORDS, bool), FOLDS, GAP)
    return People(features, signals, responses, folds)


def _noise(rng: np.random.Generator) -> np.ndarray:
    """(n, s) of unit variance."""
    noise = rng.standard_normal((WORDS, SENSORS))
    for i in range(1, WORDS):
        noise[i] = PERSISTENCE * noise[i - 1] + np.sqrt(1 - PERSISTENCE**2) * noise[i]
    noise = noise @ (np.eye(SENSORS) + 0.3 * rng.standard_normal((SENSORS, SENSORS)))
    return noise / noise.std(axis=0)


def scores(people: People) -> np.ndarray:
    """Mean over people and sensors of what COLUMNS name after the first two, but for the gain."""
    folds, found = people.folds, []
    for p, response in enumerate(people.responses):
        others = [other[:, :, None] for q, other in enumerate(people.responses) if q != p]
        denoised = denoised_targets(response[:, :, None], others, folds, PENALTIES).by_fold[..., 0]
        raw = nested_ridge(people.features, response, folds, PENALTIES)
        smooth = nested_ridge(people.features, denoised.__getitem__, folds, PENALTIES)
        held_out = np.zeros_like(response)
        for outer in range(folds.n_outer):
            held_out[folds.test(outer)] = denoised[outer, folds.test(outer)]
        signal = people.signals[p]
        found.append(
            [
                raw.r.mean(),
                smooth.r.mean(),
                fold_correlation(smooth.prediction, response, folds).mean(),
                fold_correlation(raw.prediction, signal, folds).mean(),
                fold_correlation(smooth.prediction, signal, folds).mean(),
                fold_correlation(response, signal, folds).mean(),
                fold_correlation(held_out, signal, folds).mean(),
            ]
        )
    return np.mean(found, axis=0)


def rows(cohorts: int) -> Iterator[dict[str, str]]:
    """A row of the table for each reliability and share explained."""
    for reliability in RELIABILITY:
        for explained in EXPLAINED:
            found = np.array([scores(simulate(reliability, explained, s)) for s in range(cohorts)])
            gain = found[:, 2] - found[:, 0]
            said = [f"{value:.3f}" for value in found.mean(axis=0)]
            error = gain.std(ddof=1) / np.sqrt(cohorts)
            said.insert(3, f"{gain.mean():+.3f} ({error:.3f})")
            row = dict(zip(COLUMNS, (f"{reliability:g}", f"{explained:g}", *said), strict=True))
            print(row, file=sys.stderr, flush=True)
            yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohorts", type=int, default=4, help="simulated cohorts a row, 2 or more")
    print(markdown(list(rows(parser.parse_args().cohorts))))


if __name__ == "__main__":
    main()
