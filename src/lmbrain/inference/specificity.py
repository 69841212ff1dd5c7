"""Does tuning on a domain help on that domain's words, beyond what their other traits explain?

The improvement of each word (loss of base minus loss of tuned) is regressed on all categories and
covariates together. Each coefficient, and each model's own category against its other categories,
is tested with block sign flips of its score contributions: with x the regressor freed from all
others and e the residual of the model without it, the coefficient is sum(x e) / sum(x x), and the
blocks of x e are flipped. One set of flips serves the whole table, so that the correction by the
maximum respects how its cells depend on each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError
from lmbrain.inference.autocorrelation import autocorrelation
from lmbrain.inference.flips import flip_scale, flip_test, normal_score
from lmbrain.inference.resampling import block_length, block_sums, blocks_to_flip
from lmbrain.inference.significance import counted_twice
from lmbrain.words import bare

OWN_MINUS_OTHERS = "own - others"


def word_covariates(words: pd.DataFrame, frequency: np.ndarray, energy: np.ndarray) -> pd.DataFrame:
    """Traits of words that could pass for a category.

    Parameters
    ----------
    words
        The words table.
    frequency : (n,)
        Log frequency (Zipf).
    energy : (n,)
        Energy of the responses, mean over people.

    Returns
    -------
    DataFrame (n rows): length (letters), frequency, position (0 to 1 inside the story),
    capitalised, name, punctuation (0 or 1), response_energy.
    """
    core = words["text"].map(bare)
    capitalised = core.str[:1].str.isupper().fillna(False)
    place = words.groupby("story", sort=False).cumcount()
    last = words.groupby("story", sort=False)["item"].transform("size") - 1
    return pd.DataFrame(
        {
            "length": core.str.len().astype(float),
            "frequency": np.asarray(frequency, float),
            "position": (place / last.clip(lower=1)).astype(float),
            "capitalised": capitalised.astype(float),
            "name": _names(core, capitalised, words["sentence"]).astype(float),
            "punctuation": (core != words["text"]).astype(float),
            "response_energy": np.asarray(energy, float),
        }
    )


def _names(core: pd.Series, capitalised: pd.Series, sentence: pd.Series) -> pd.Series:
    """Words that stand with a capital wherever they do not begin a sentence; not the pronoun I."""
    inside = (sentence == sentence.shift()) & (sentence >= 0)
    kind = core.str.lower()
    named = capitalised[inside].groupby(kind[inside]).all()
    pronoun = kind.str.fullmatch(r"i(['\u2019].*)?").fillna(False)
    return capitalised & kind.isin(named[named].index) & ~pronoun


def specificity(
    improvements: pd.DataFrame,
    categories: pd.DataFrame,
    covariates: pd.DataFrame,
    folds: Folds,
    *,
    own: Mapping[str, str],
    resamples: int,
    seed: int,
    nested: bool = True,
    block: float | None = None,
    drift_cutoff: float | None = None,
) -> pd.DataFrame:
    """Table of tuned models x categories of words, corrected as a whole.

    Parameters
    ----------
    improvements : n rows, a column a tuned model
        Loss of base minus loss of tuned, mean over people, sensors and bins of the window, in
        training variances; rows of unused samples are ignored.
    categories : n rows, a column a category
        True or False (or graded from 0 to 1): is the word in it. Categories may overlap.
    covariates : n rows
        From `word_covariates`, or any numbers.
    folds
    own
        The category each model was tuned on; models not named (controls) get no own row.
    nested
        Does the tuned model's space hold all features of the base model? If not, either can win on
        the category's words by what blocks of words share (`counted_twice`), and flips of losses
        alone would reject 9% at .05 between equally good models whose features differ on these.
    resamples, seed
    block, drift_cutoff
        As in `lmbrain.inference.significance.chance_test`; the autocorrelation is that of the
        improvements.

    Returns
    -------
    DataFrame, a row a model x category, then the row "own - others" of each model in `own`: model,
    category, gain (words of the category against words of none, in training variances), ci_low,
    ci_high (95%), p (one-sided, gain above 0), p_corrected (maximum over the whole table), n_words.

    Raises
    ------
    LmbrainError
        If a category has no word, all words, or follows from the other columns; if a column is
        not finite; or with too few blocks to flip.

    References
    ----------
    Hemerik, Goeman & Finos 2020, J R Stat Soc B 82, 841-864; Winkler et al. 2014, NeuroImage 92,
    381-397.
    """
    used = folds.usable
    decay = autocorrelation(improvements.to_numpy(float), folds)[1]
    block = block_length(block, decay, folds, drift_cutoff)
    blocks = blocks_to_flip(folds, block)[used]
    design = _Design.build(categories.loc[used], covariates.loc[used])
    rows, scores = [], []
    for model in improvements.columns:
        gains = improvements.loc[used, model].to_numpy(float)
        if not np.isfinite(gains).all():
            raise LmbrainError(f"The improvement of model {model!r} is missing for a usable word.")
        for category, contrast in _contrasts(list(categories.columns), own.get(model)):
            cell, score = design.test(gains, contrast, blocks)
            inside = categories.loc[used, category] > 0 if category in categories else None
            words = len(gains) if inside is None else int(inside.sum())
            rows.append({"model": model, "category": category, **cell, "n_words": words})
            scores.append(score)
    table = pd.DataFrame(rows)
    sums = np.column_stack(scores)
    observed = None
    if not nested:
        observed = flip_scale(normal_score(sums) / counted_twice(folds), len(sums))
    found = flip_test(sums, resamples, seed, observed=observed)
    table.insert(5, "p", found.p)
    table.insert(6, "p_corrected", found.p_fwe)
    return table


def _contrasts(categories: list[str], own: str | None) -> list[tuple[str, np.ndarray]]:
    """Each category's coefficient, then own minus the mean of the others."""
    contrasts = list(zip(categories, np.eye(len(categories)), strict=True))
    if own is None:
        return contrasts
    if own not in categories:
        raise LmbrainError(f"A model was tuned on {own!r}, which is no category of words.")
    if len(categories) > 1:
        inside = np.array([c == own for c in categories])
        against = np.where(inside, 1.0, -1.0 / (len(categories) - 1))
        contrasts.append((OWN_MINUS_OTHERS, against))
    return contrasts


@dataclass(frozen=True)
class _Design:
    """Categories (n, c) and an orthonormal basis (n, q) of intercept and covariates."""

    categories: np.ndarray
    names: list[str]
    nuisance: np.ndarray

    @classmethod
    def build(cls, categories: pd.DataFrame, covariates: pd.DataFrame) -> _Design:
        for column in (*categories, *covariates):
            values = categories[column] if column in categories else covariates[column]
            if not np.isfinite(values.to_numpy(float)).all():
                raise LmbrainError(f"Column {column!r} lacks a value for a usable word; fill it.")
        for column in categories:
            values = categories[column].to_numpy(float)
            if np.ptp(values) == 0:
                extent = "no" if values[0] == 0 else "every"
                raise LmbrainError(f"Category {column!r} holds {extent} usable word; leave it out.")
        ones = np.ones((len(covariates), 1))
        nuisance = _basis(np.hstack([ones, _standardised(covariates.to_numpy(float))]))
        return cls(categories.to_numpy(float), list(categories.columns), nuisance)

    def test(
        self, gains: np.ndarray, contrast: np.ndarray, blocks: np.ndarray
    ) -> tuple[dict[str, float], np.ndarray]:
        """Estimate contrast @ coefficients; its interval; each block's share in its score."""
        # Rewrite the categories so that the contrast is one regressor's own coefficient.
        regressor = self.categories @ contrast / (contrast @ contrast)
        rest = self.categories @ np.linalg.svd(contrast[None])[2][1:].T
        others = _basis(np.hstack([self.nuisance, rest]))
        free = regressor - others @ (others.T @ regressor)
        length = free @ free
        if length < 1e-8 * (regressor @ regressor):
            names = ", ".join(self.names)
            raise LmbrainError(
                f"The categories {names} and the covariates determine each other; leave one out."
            )
        reduced = gains - others @ (others.T @ gains)
        gain = free @ reduced / length
        score = block_sums((free * reduced)[:, None], blocks)[0][:, 0]
        full = reduced - free * gain
        spread = block_sums((free * full)[:, None], blocks)[0][:, 0]
        units = len(spread)
        error = np.sqrt(units / (units - 1) * (spread**2).sum()) / length
        half = stats.t.ppf(0.975, units - 1) * error
        return {"gain": gain, "ci_low": gain - half, "ci_high": gain + half}, score


def _standardised(values: np.ndarray) -> np.ndarray:
    sd = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(sd > 0, sd, 1.0)


def _basis(columns: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the columns' span; columns that add nothing drop out."""
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, values > 1e-10 * values[0]]
