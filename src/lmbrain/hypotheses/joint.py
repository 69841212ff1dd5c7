"""Joint regression of divergence on several scores of sentences, which compete for the top."""

from __future__ import annotations

import numpy as np
from scipy import stats

# a score that differs from its commonest value in fewer sentences has no usable standard error
MINIMAL_OCCURRENCES = 5
# a score that those before it predict better than this (R2) cannot be told from them
LARGEST_OVERLAP = 0.98
# residual degrees of freedom that the regression needs
MINIMAL_FREEDOM = 8
# with fewer sentences a score, only the scores that vary in most sentences enter
SENTENCES_PER_SCORE = 3


def joint_effects(divergence: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Effect of each score when the others are held constant.

    Least squares of the divergence (normal scores of its ranks, so that no single sentence
    decides) on all scores, an intercept and a linear drift over the story. z uses standard errors
    that allow for unequal variance (HC2, MacKinnon & White 1985; HC3 is too wide with as many
    columns as there are properties).

    Parameters
    ----------
    divergence
        Shape (sentence,), in the story's order.
    scores
        Shape (sentence, score), in [0, 1].

    Returns
    -------
    coefficient, z
        Shape (score,), in SD of divergence per unit of the score. NaN for a score that hardly
        varies, that varies less than others where sentences are few, or that earlier ones
        predict almost wholly; all NaN where fewer than
        MINIMAL_FREEDOM degrees of freedom would remain.
    """
    from statsmodels.api import OLS

    n = len(divergence)
    coefficient, z = np.full((2, scores.shape[1]), np.nan)
    design = np.column_stack([np.ones(n), np.linspace(-1, 1, n)])
    kept = []
    for i in _most_varying(scores, n // SENTENCES_PER_SCORE):
        if _overlap(scores[:, i], design) <= LARGEST_OVERLAP:
            kept.append(i)
            design = np.column_stack([design, scores[:, i]])
    if n - design.shape[1] < MINIMAL_FREEDOM:
        return coefficient, z
    ranks = stats.rankdata(divergence)
    fit = OLS(stats.norm.ppf((ranks - 0.5) / n), design).fit(cov_type="HC2")
    coefficient[kept], z[kept] = fit.params[2:], fit.tvalues[2:]
    return coefficient, z


def _most_varying(scores: np.ndarray, most: int) -> np.ndarray:
    """Columns, in order, that differ from their commonest value often enough, at most `most`."""
    commonest = [np.unique(column, return_counts=True)[1].max() for column in scores.T]
    varying = len(scores) - np.array(commonest, int)
    chosen = np.argsort(-varying, kind="stable")[:most]
    return np.sort(chosen[varying[chosen] >= MINIMAL_OCCURRENCES])


def _overlap(column: np.ndarray, others: np.ndarray) -> float:
    """R2 of the least-squares prediction of a column from others (an intercept among them)."""
    residual = column - others @ np.linalg.lstsq(others, column, rcond=None)[0]
    return float(1 - residual.var() / column.var())
