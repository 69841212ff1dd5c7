"""False positives on real noise: measured responses against features of words nobody heard.

The responses are those of people listening to Alice in Wonderland (fMRI of six regions). Their
noise is what it is; nothing can be predicted, since the features at each word heard are those of
words of another story, each time from another place in it, or of the same story read backwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.calibration.cohorts import PENALTIES, part
from lmbrain.calibration.false_positives import LEVELS, Outcome, counts_of, parametric_p
from lmbrain.encoding.delays import needed_gap
from lmbrain.encoding.design import prepare
from lmbrain.encoding.folds import Folds, make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.features.controls import control_features
from lmbrain.inference.comparison import FEW_FOLDS, compare_models
from lmbrain.inference.fits import Fit
from lmbrain.inference.significance import chance_test
from lmbrain.samples import common_samples
from lmbrain.simulation import material
from lmbrain.simulation.stimulus import stimulus_words

NAME = "fMRI"  # in the column `noise`
TRAITS = ["length", "log_frequency", "position_in_sentence", "sentence_start"]


def real_noise(
    heard: pd.DataFrame,
    people: Sequence[xr.DataArray],
    sources: Sequence[str],
    *,
    outer: int,
    delays: Mapping[str, float],
    repetition_time: float,
    drift_cutoff: float,
    places: int,
    resamples: int,
) -> pd.DataFrame:
    """Counts of rejections, for `lmbrain.calibration.rates.summarise`.

    Parameters
    ----------
    heard
        The words table of what people heard.
    people : sequence of DataArray (volume, region, 1)
        Each is a cohort, its regions the targets.
    sources
        Where each person's responses come from, for error messages.
    outer, delays, repetition_time, drift_cutoff
        Of the study (`folds.outer`, `encoding.delays` ...), in seconds.
    places : int
        Places in the other story that features are taken from; each counts as a story.
    resamples

    Returns
    -------
    DataFrame with the columns of `lmbrain.calibration.false_positives.false_positives`; `words` is
    the number of volumes.
    """
    samples = common_samples(list(people), heard, list(sources))
    spoken = heard["is_word"].to_numpy(bool)
    story = heard["story"].to_numpy(str)[spoken]
    gap = needed_gap(samples.item_position[spoken], story, 1, delays, repetition_time)
    folds = make_folds(samples.story, samples.position, samples.usable, outer, gap, run=samples.run)
    settings = {"resamples": resamples, "drift_cutoff": drift_cutoff}
    rows = []
    joined = xr.concat(people, dim="sensor")
    for number, (one, two) in enumerate(_unheard(heard, places)):
        fits = []
        for traits in (one, two):
            design, cleared = prepare(
                [traits],
                joined,
                heard,
                folds,
                components=None,
                rate=False,
                delays=delays,
                repetition_time=repetition_time,
                drift_cutoff=drift_cutoff,
            )
            flat = cleared.to_numpy().reshape(len(cleared), -1)
            fits.append(Fit.of(nested_ridge(design, flat, folds, PENALTIES)))
        for outcome in _outcomes(flat, *fits, len(people), folds, number, **settings):
            rows += [_known(row, folds) for row in counts_of(outcome, number, resamples)]
    counts = pd.DataFrame(rows)
    counts.insert(1, "noise", NAME)
    counts.insert(2, "words", int(folds.usable.sum()))
    return counts


def _known(row: Mapping[str, Any], folds: Folds) -> dict[str, Any]:
    """A row of counts, not judged where a comparison of few folds is known to fail far out."""
    far = row["test"].startswith("comparison") and row["level"] < LEVELS[0]
    return {**row, "judged": row["judged"] and not (far and folds.n_outer < FEW_FOLDS)}


def _unheard(heard: pd.DataFrame, places: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of features (words, traits): of another story from one place on, read both ways."""
    told = stimulus_words(material.story(), None, ["01"], 0.4, "other")
    traits = control_features(told)[TRAITS].dropna().to_numpy(float)
    # Words come when the heard ones came: with a mean, the traits would tell the rate of words,
    # which people do respond to.
    traits -= traits.mean(axis=0)
    for place in np.linspace(0, len(traits), places, endpoint=False).astype(int):
        around = np.take(traits, place + np.arange(len(heard)), axis=0, mode="wrap")
        yield around, around[::-1].copy()


def _outcomes(
    responses: np.ndarray,
    one: Fit,
    two: Fit,
    people: int,
    folds: Folds,
    number: int,
    **settings: object,
) -> Iterator[Outcome]:
    size = responses.shape[1] // people
    settings |= {"level": LEVELS[0], "seed": number}
    chance, compared = [], []
    for start in range(0, responses.shape[1], size):
        columns = slice(start, start + size)
        response, first, second = responses[:, columns], part(one, columns), part(two, columns)
        found = chance_test([(response, first)], folds, method="flip_blocks", **settings)
        chance.append(found)
        compared.append(compare_models([(response, first, second)], folds, **settings))
    for name, found in (("chance", chance), ("comparison, useless models", compared)):
        yield Outcome(f"{name}: target", np.concatenate([f.p for f in found]))
        yield Outcome(f"{name}: family", np.array([f.p_fwe.min() for f in found]))
    yield Outcome("chance, parametric: target", parametric_p(responses, one, folds.usable), False)
    permuted = chance_test([(responses, one)], folds, method="permute_words", **settings)
    yield Outcome("chance, permuted words: target", permuted.p, judged=False)
