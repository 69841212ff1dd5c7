"""What a divergence score follows besides divergence, and how well it repeats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from lmbrain.divergence.words import ENERGIES, MEASURES, WordScores, word_divergence
from lmbrain.encoding.folds import Folds


def adjusted(scores: pd.DataFrame, covariates: pd.DataFrame) -> pd.DataFrame:
    """Scores freed from what is linear in the energies and the covariates.

    One regression over all scored words, of every fold: it says what a score follows and predicts
    no response, so that nothing held out is spoilt. The shared energy holds what the model misses,
    too: adjusted scores are cautious, and a strong divergence loses a part of itself.

    Parameters
    ----------
    scores : a row an item
        Measures and energies, from `word_divergence` or `sentence_divergence`.
    covariates : a row an item
        Length, frequency, position ...

    Returns
    -------
    DataFrame, a column `<measure>_adjusted` a measure: residual of least squares on response,
    prediction and shared energy and the covariates, over the rows where all are finite; NaN
    elsewhere.
    """
    energies = scores[[c for c in ENERGIES if c in scores]]
    regressors = np.hstack([energies.to_numpy(float), covariates.to_numpy(float)])
    result = {}
    for measure in _measures(scores):
        values = scores[measure].to_numpy(float)
        rows = np.isfinite(values) & np.isfinite(regressors).all(axis=1)
        residual = np.full(len(values), np.nan)
        if rows.any():  # a measure of pairs has no value where no word has two people
            x = regressors[rows] - regressors[rows].mean(axis=0)
            sd = x.std(axis=0)
            design = np.column_stack([np.ones(rows.sum()), x / np.where(sd > 0, sd, 1.0)])
            weights = np.linalg.lstsq(design, values[rows], rcond=None)[0]
            residual[rows] = values[rows] - design @ weights
        result[f"{measure}_adjusted"] = residual
    return pd.DataFrame(result, index=scores.index)


def divergence_diagnostics(
    scores: pd.DataFrame,
    covariates: pd.DataFrame,
    split_half: Mapping[str, float],
    person: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """Spearman correlations of each measure with the energies and the covariates.

    Parameters
    ----------
    scores, covariates
        As in `adjusted`.
    split_half, person
        From `split_half_reliability` and `person_reliability`.

    Returns
    -------
    DataFrame, a row a measure (relative and adjusted ones, too, where `scores` has them): measure,
    a column an energy and a covariate, split_half, and person_mean, person_lowest and
    person_highest over people who have one; NaN where a reliability does not exist.
    """
    regressors = pd.concat([scores[[c for c in ENERGIES if c in scores]], covariates], axis=1)
    rows = []
    for measure in scores.columns:
        if not measure.startswith(MEASURES):
            continue
        row = {name: _spearman(scores[measure], regressors[name]) for name in regressors}
        row["split_half"] = split_half.get(measure, np.nan)
        each = np.asarray(person.get(measure, [np.nan]))
        each = each[np.isfinite(each)] if np.isfinite(each).any() else np.array([np.nan])
        row |= {
            "person_mean": each.mean(),
            "person_lowest": each.min(),
            "person_highest": each.max(),
        }
        rows.append({"measure": measure, **row})
    return pd.DataFrame(rows)


def split_half_reliability(
    responses: Sequence[np.ndarray],
    predictions: Sequence[np.ndarray],
    folds: Folds,
    *,
    others: Sequence[np.ndarray] | None = None,
    controls: Sequence[np.ndarray] | None = None,
    usable: Sequence[np.ndarray] | None = None,
    finish: Callable[[pd.DataFrame], pd.DataFrame] = lambda scores: scores,
    **settings: object,
) -> dict[str, float]:
    """Spearman correlation of each word score between odd and even people, for all of them.

    Stepped up to the whole group by Spearman-Brown, 2 r / (1 + r). The words that both halves have
    count. Halves of the sensors or of the bins would not do: noise is shared between them, so that
    private noise itself would repeat. Where `others` were predicted from all people, the halves
    share data: measures that use them (gap, added_by_others, relative and adjusted ones) come out
    biased. Scores of words differ in truth and in noise, so the step-up is an approximation.

    Parameters
    ----------
    responses, predictions, folds, others, controls, usable, settings
        As in `word_divergence`.
    finish
        What is done to the scores of each half before they are compared: carried over to words,
        joined by their adjusted versions.

    Returns
    -------
    Per column of the finished scores but the energies, in [-1, 1]; measures that need pairs of
    people are there from four people on; empty for one person.
    """
    if len(responses) < 2:
        return {}
    halves = []
    for half in (slice(0, None, 2), slice(1, None, 2)):
        scores = word_divergence(
            responses[half],
            predictions[half],
            folds,
            others=None if others is None else others[half],
            controls=None if controls is None else controls[half],
            usable=None if usable is None else usable[half],
            **settings,
        )
        halves.append(finish(scores))
    common = [c for c in halves[0] if c in halves[1] and c not in ENERGIES]
    r = {c: _spearman(halves[0][c], halves[1][c]) for c in common}
    # Below 0 the step-up would run away towards -infinity: such a score simply does not repeat.
    return {c: 2 * value / (1 + value) if value > 0 else value for c, value in r.items()}


def person_reliability(
    scores: WordScores, finish: Callable[[pd.DataFrame], pd.DataFrame] = lambda scores: scores
) -> dict[str, np.ndarray]:
    """Spearman correlation of the words' scores of each person with those of the other people.

    Not stepped up: one person's scores are noisier than those of the group. Residual products are
    compared with those over the pairs without the person, hence from three people on; although
    both hold the other people's responses, they are uncorrelated where nothing is shared. X of
    either side was predicted from responses of the other: measures that use it (gap,
    added_by_others, relative and adjusted ones) come out biased.

    Parameters
    ----------
    scores
        From `divergence_by_person`.
    finish
        As in `split_half_reliability`.

    Returns
    -------
    Per column of the finished scores but the energies, (people,) in [-1, 1]; empty for one person.
    """
    pairs = [(finish(p), finish(r)) for p, r in zip(scores.person, scores.rest, strict=True)]
    if not pairs:
        return {}
    common = [c for c in pairs[0][0] if c in pairs[0][1] and c not in ENERGIES]
    return {c: np.array([_spearman(own[c], rest[c]) for own, rest in pairs]) for c in common}


def _measures(scores: pd.DataFrame) -> list[str]:
    return [c for c in scores if c in MEASURES]


def _spearman(a: pd.Series, b: pd.Series) -> float:
    return float(a.corr(b, method="spearman"))
