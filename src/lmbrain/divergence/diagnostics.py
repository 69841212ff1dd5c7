"""What a divergence score follows besides divergence, and how well it repeats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lmbrain.divergence.words import ENERGIES, MEASURES, word_divergence
from lmbrain.encoding.folds import Folds


def adjusted(scores: pd.DataFrame, covariates: pd.DataFrame) -> pd.DataFrame:
    """Scores freed from what is linear in the energies and the covariates.

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
        x = regressors[rows] - regressors[rows].mean(axis=0)
        sd = x.std(axis=0)
        design = np.column_stack([np.ones(rows.sum()), x / np.where(sd > 0, sd, 1.0)])
        weights = np.linalg.lstsq(design, values[rows], rcond=None)[0]
        residual = np.full(len(values), np.nan)
        residual[rows] = values[rows] - design @ weights
        result[f"{measure}_adjusted"] = residual
    return pd.DataFrame(result, index=scores.index)


def divergence_diagnostics(
    scores: pd.DataFrame, covariates: pd.DataFrame, reliability: dict[str, float]
) -> pd.DataFrame:
    """Spearman correlations of each measure with the energies and the covariates.

    Parameters
    ----------
    scores, covariates
        As in `adjusted`.
    reliability
        From `split_half_reliability`.

    Returns
    -------
    DataFrame, a row a measure (relative and adjusted ones, too, where `scores` has them): measure,
    a column an energy and a covariate, split_half (NaN where it does not exist).
    """
    regressors = pd.concat([scores[[c for c in ENERGIES if c in scores]], covariates], axis=1)
    rows = []
    for measure in scores.columns:
        if not measure.startswith(MEASURES):
            continue
        row = {name: _spearman(scores[measure], regressors[name]) for name in regressors}
        split_half = reliability.get(measure, np.nan)
        rows.append({"measure": measure, **row, "split_half": split_half})
    return pd.DataFrame(rows)


def split_half_reliability(
    responses: Sequence[np.ndarray],
    predictions: Sequence[np.ndarray],
    folds: Folds,
    *,
    others: Sequence[np.ndarray] | None = None,
    controls: Sequence[np.ndarray] | None = None,
    **settings: object,
) -> dict[str, float]:
    """Spearman correlation of each word score between odd and even people, for all of them.

    Stepped up to the whole group by Spearman-Brown, 2 r / (1 + r). Where `others` were predicted
    from all people, the halves share data and measures that use them (gap, relative ones) come
    out too high.

    Parameters
    ----------
    responses, predictions, folds, others, controls, settings
        As in `word_divergence`.

    Returns
    -------
    Per column of `word_divergence`, in [-1, 1]; measures that need pairs of people are there from
    four people on; empty for one person.
    """
    if len(responses) < 2:
        return {}
    halves = []
    for half in (slice(0, None, 2), slice(1, None, 2)):
        halves.append(
            word_divergence(
                responses[half],
                predictions[half],
                folds,
                others=None if others is None else others[half],
                controls=None if controls is None else controls[half],
                **settings,
            )
        )
    common = [c for c in halves[0] if c in halves[1] and c not in ENERGIES]
    r = {c: _spearman(halves[0][c], halves[1][c]) for c in common}
    # Below 0 the step-up would run away towards -infinity: such a score simply does not repeat.
    return {c: 2 * value / (1 + value) if value > 0 else value for c, value in r.items()}


def _measures(scores: pd.DataFrame) -> list[str]:
    return [c for c in scores if c in MEASURES]


def _spearman(a: pd.Series, b: pd.Series) -> float:
    return float(a.corr(b, method="spearman"))
