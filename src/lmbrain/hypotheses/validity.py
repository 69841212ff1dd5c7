"""Does a hypothesis hold more for divergent sentences, on sentences it was not proposed from?

Validity V' = mean T'(A) - mean T'(B) over the validation half's divergent (A) and convergent (B)
sentences (Zhong et al. 2023; Zhou et al. 2023), where T' in [0, 1] is the verifier's score.
Where several kinds of sentences diverge, each crowds the others out of group A and lowers their
validity; the partial effect, over all validation sentences at once, does not suffer from that.
"""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from scipy import stats

from lmbrain.errors import LmbrainError
from lmbrain.hypotheses.groups import CONVERGENT, DIVERGENT, VALIDATION, members
from lmbrain.hypotheses.hypothesis import Hypothesis
from lmbrain.hypotheses.joint import joint_effects
from lmbrain.inference.correction import holm

COLUMNS = (
    "rank",
    "hypothesis",
    "text",
    "property",
    "validity",
    "se",
    "t",
    "p_published",
    "p",
    "p_corrected",
    "z_partial",
    "p_partial",
    "p_partial_corrected",
    "n_a",
    "n_b",
    "mean_a",
    "mean_b",
    "examples_for",
    "examples_against",
)
EXAMPLES = 3
_CHUNK = 500


def rank(
    hypotheses: list[Hypothesis],
    verdicts: pd.DataFrame,
    groups: pd.DataFrame,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Test every proposed hypothesis on the validation half and rank by validity.

    Parameters
    ----------
    hypotheses
        All that were proposed; the correction counts each.
    verdicts
        `hypothesis`, `sentence`, `score` (T'), of `lmbrain.hypotheses.backends.verify`.
    groups
        Table of `lmbrain.hypotheses.groups.choose_groups`.
    resamples
        Random exchanges of the group labels; all exchanges where there are no more than that.
    seed
        Of the random exchanges.

    Returns
    -------
    DataFrame
        COLUMNS, one row a hypothesis (none for none). `se` and `p_published` are the study's own:
        variances with ddof 0, one-sided Student t of equal variances (NaN where all scores are
        equal). `p` is one-sided, from exchanging group labels between sentences, and
        `p_corrected` is `p` after Holm over all hypotheses. `z_partial` is from the regression of
        all validation sentences' divergence on all hypotheses' scores (`joint_effects`),
        `p_partial` one-sided, `p_partial_corrected` after Holm; NaN, and counted as 1 by Holm, for
        a hypothesis that cannot be told from those before it. `examples_for` and
        `examples_against` are numbers of the divergent and of the convergent sentences for which
        the hypothesis holds best, between commas.

    Raises
    ------
    LmbrainError
        If a score is missing, doubled or outside [0, 1].
    """
    if not hypotheses:
        return pd.DataFrame(columns=list(COLUMNS))
    first = members(groups, VALIDATION, DIVERGENT)["sentence"].to_numpy()
    second = members(groups, VALIDATION, CONVERGENT)["sentence"].to_numpy()
    names = [h.name for h in hypotheses]
    a = _scores(verdicts, names, first)
    b = _scores(verdicts, names, second)
    table = pd.DataFrame(
        {
            "hypothesis": names,
            "text": [h.text for h in hypotheses],
            "property": [h.property or "" for h in hypotheses],
            "validity": a.mean(axis=1) - b.mean(axis=1),
            "se": np.sqrt(a.var(axis=1) / len(first) + b.var(axis=1) / len(second)),
            "p": exchange_p_values(a, b, resamples, seed),
            "n_a": len(first),
            "n_b": len(second),
            "mean_a": a.mean(axis=1),
            "mean_b": b.mean(axis=1),
            "examples_for": [_best(scores, first) for scores in a],
            "examples_against": [_best(scores, second) for scores in b],
        }
    )
    table["t"], table["p_published"] = student_t(a, b)
    table["p_corrected"] = holm(table["p"].to_numpy())
    validation = groups[groups["half"] == VALIDATION]
    every = _scores(verdicts, names, validation["sentence"].to_numpy())
    _, table["z_partial"] = joint_effects(validation["divergence"].to_numpy(float), every.T)
    table["p_partial"] = stats.norm.sf(table["z_partial"])
    corrected = holm(table["p_partial"].fillna(1.0).to_numpy())
    table["p_partial_corrected"] = np.where(table["p_partial"].isna(), np.nan, corrected)
    table = table.sort_values("validity", ascending=False, kind="stable", ignore_index=True)
    table["rank"] = np.arange(1, len(table) + 1)
    return table[list(COLUMNS)]


def exchange_p_values(a: np.ndarray, b: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """One-sided p of mean(a) > mean(b) when labels are exchanged between sentences.

    Parameters
    ----------
    a, b
        Scores (hypothesis, sentence of the group). The same exchanges serve all hypotheses.
    resamples, seed
        As for `rank`.

    Returns
    -------
    ndarray, shape (hypothesis,)
        Exact where all exchanges are counted, else (1 + hits) / (1 + resamples)
        (Phipson & Smyth 2010).
    """
    n_a, n = a.shape[1], a.shape[1] + b.shape[1]
    scores = np.concatenate([a, b], axis=1)
    # the group mean rises and falls with the group sum, which is cheaper
    observed = a.sum(axis=1) - 1e-9
    if comb(n, n_a) <= resamples:
        chosen = np.array(list(combinations(range(n), n_a)))
        return (scores[:, chosen].sum(axis=2) >= observed[:, None]).mean(axis=1)
    rng = np.random.default_rng(seed)
    hits = np.zeros(len(scores))
    for start in range(0, resamples, _CHUNK):
        rows = min(_CHUNK, resamples - start)
        chosen = np.argsort(rng.random((rows, n)), axis=1)[:, :n_a]
        labels = np.zeros((rows, n))
        np.put_along_axis(labels, chosen, 1.0, axis=1)
        hits += (labels @ scores.T >= observed).sum(axis=0)
    return (1 + hits) / (1 + resamples)


def student_t(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Student's t of equal variances and one-sided p for mean(a) > mean(b), row by row.

    NaN where neither row varies and the means are equal.
    """
    n_a, n_b = a.shape[1], b.shape[1]
    freedom = n_a + n_b - 2
    pooled = (n_a * a.var(axis=1) + n_b * b.var(axis=1)) / freedom
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (a.mean(axis=1) - b.mean(axis=1)) / np.sqrt(pooled * (1 / n_a + 1 / n_b))
    return t, stats.t.sf(t, freedom)


def _scores(verdicts: pd.DataFrame, names: list[str], sentences: np.ndarray) -> np.ndarray:
    if verdicts.duplicated(["hypothesis", "sentence"]).any():
        row = verdicts[verdicts.duplicated(["hypothesis", "sentence"])].iloc[0]
        raise LmbrainError(
            f"The verdicts hold {row.hypothesis} on sentence {row.sentence} twice; verify anew."
        )
    table = verdicts.pivot(index="hypothesis", columns="sentence", values="score")
    scores = table.reindex(index=names, columns=sentences).to_numpy(float)
    if np.isnan(scores).any():
        i, j = np.argwhere(np.isnan(scores))[0]
        raise LmbrainError(
            f"The verdicts lack {names[i]} on sentence {sentences[j]}; verify anew with the "
            "current hypotheses and groups."
        )
    if (scores < 0).any() or (scores > 1).any():
        i, j = np.argwhere((scores < 0) | (scores > 1))[0]
        raise LmbrainError(
            f"The verdict for {names[i]} on sentence {sentences[j]} is {scores[i, j]}; scores "
            "must lie from 0 to 1, verify anew."
        )
    return scores


def _best(scores: np.ndarray, sentences: np.ndarray) -> str:
    order = np.argsort(-scores, kind="stable")
    return ",".join(str(sentences[i]) for i in order[:EXAMPLES] if scores[i] > 0)
