"""Proposer and verifier without a language model: regression on properties of sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from lmbrain.errors import LmbrainError
from lmbrain.hypotheses.groups import RESEARCH
from lmbrain.hypotheses.hypothesis import Hypothesis
from lmbrain.hypotheses.properties import PROPERTIES, evaluate, values

# a property seen in fewer sentences has no usable standard error
MINIMAL_OCCURRENCES = 5
# residual degrees of freedom that the regression needs
MINIMAL_FREEDOM = 20


class StatisticalProposer:
    """Proposes the properties that go with high divergence when all others are held constant.

    Properties compete for the top group, so that comparing group means one property at a time
    misses some: all enter one least-squares regression of the research half's divergence
    (normal scores of its ranks, so that no single sentence decides), with a linear drift over the
    story. z uses standard errors that allow for unequal variance (HC2, MacKinnon & White 1985;
    HC3 is too wide with this many properties). Only positive effects are hypotheses.

    Parameters
    ----------
    hypotheses
        At most this many, the largest z first.
    threshold
        Smallest z proposed.
    """

    def __init__(self, hypotheses: int, threshold: float) -> None:
        self.hypotheses = hypotheses
        self.threshold = threshold

    def propose(self, groups: pd.DataFrame, seed: int) -> list[Hypothesis]:
        """Hypotheses from the research half of a table of `choose_groups`; maybe none.

        `seed` plays no part: nothing is random here.

        Raises
        ------
        LmbrainError
            If the half has too few sentences for the regression.
        """
        table = property_effects(groups)
        chosen = table[table["z"] >= self.threshold].head(self.hypotheses)
        return [
            Hypothesis(
                name=f"h{number:02d}",
                text=PROPERTIES[row.property].statement,
                property=row.property,
                provenance={
                    "backend": "statistical",
                    "z": row.z,
                    "coefficient": row.coefficient,
                    "occurrences": row.occurrences,
                    "sentences": int((groups["half"] == RESEARCH).sum()),
                    "threshold": self.threshold,
                },
            )
            for number, row in enumerate(chosen.itertuples(), start=1)
        ]


class StatisticalVerifier:
    """Scores a hypothesis by the rule of the property it stands for."""

    def verify(self, hypotheses: list[Hypothesis], texts: list[str]) -> np.ndarray:
        """T' in [0, 1], shape (hypothesis, sentence).

        Raises
        ------
        LmbrainError
            If a hypothesis stands for no property.
        """
        for hypothesis in hypotheses:
            if hypothesis.property is None:
                raise LmbrainError(
                    f"Hypothesis {hypothesis.name} ({hypothesis.text!r}) names no property, so "
                    "no rule can test it; set hypotheses.verifier.backend to 'openai'."
                )
        scores = [[evaluate(h.property, text) for text in texts] for h in hypotheses]
        return np.array(scores, float).reshape(len(hypotheses), len(texts))


def property_effects(groups: pd.DataFrame) -> pd.DataFrame:
    """The joint regression of the research half's divergence on all properties that occur.

    Parameters
    ----------
    groups
        Table of `choose_groups`.

    Returns
    -------
    DataFrame
        `property`, `coefficient` (SD of divergence per unit of the property), `z` (HC2),
        `occurrences` (sentences with a value above 0), the largest z first.

    Raises
    ------
    LmbrainError
        If there are too few sentences, or all diverge alike.
    """
    from statsmodels.api import OLS

    research = groups[groups["half"] == RESEARCH]
    names = list(PROPERTIES)
    table = values(names, research["text"].tolist())
    occurrences = (table > 0).sum(axis=0)
    varied = (table != np.median(table, axis=0)).sum(axis=0) >= MINIMAL_OCCURRENCES
    kept = np.flatnonzero((occurrences >= MINIMAL_OCCURRENCES) & varied)
    needed = len(kept) + 2 + MINIMAL_FREEDOM
    if len(research) < needed:
        raise LmbrainError(
            f"The research half has {len(research)} sentences, but a regression on "
            f"{len(kept)} properties needs {needed}; use a longer story or the openai proposer."
        )
    if research["divergence"].nunique() == 1:
        raise LmbrainError("All research sentences have the same divergence; check its scores.")
    ranks = stats.rankdata(research["divergence"].to_numpy(float))
    scores = stats.norm.ppf((ranks - 0.5) / len(ranks))
    drift = np.linspace(-1, 1, len(research))
    design = np.column_stack([np.ones(len(research)), drift, table[:, kept]])
    fit = OLS(scores, design).fit(cov_type="HC2")
    effects = pd.DataFrame(
        {
            "property": [names[i] for i in kept],
            "coefficient": fit.params[2:],
            "z": fit.tvalues[2:],
            "occurrences": occurrences[kept],
        }
    )
    return effects.sort_values("z", ascending=False, kind="stable", ignore_index=True)
