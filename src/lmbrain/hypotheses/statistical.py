"""Proposer and verifier without a language model: regression on properties of sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lmbrain.errors import LmbrainError
from lmbrain.hypotheses.groups import RESEARCH
from lmbrain.hypotheses.hypothesis import Hypothesis
from lmbrain.hypotheses.joint import joint_effects
from lmbrain.hypotheses.properties import PROPERTIES, evaluate, values


class StatisticalProposer:
    """Proposes the properties that go with high divergence when all others are held constant.

    Properties compete for the top group, so that comparing group means one property at a time
    misses some: all enter one regression of the research half's divergence (`joint_effects`).
    Only positive effects are hypotheses.

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
        `property`, `coefficient`, `z` (see `joint_effects`) and `occurrences` (sentences with a
        value above 0), the largest z first. Properties that hardly occur, or that earlier ones
        predict almost wholly, are left out.

    Raises
    ------
    LmbrainError
        If there are too few sentences, or all diverge alike.
    """
    research = groups[groups["half"] == RESEARCH]
    names = list(PROPERTIES)
    if research["divergence"].nunique() == 1:
        raise LmbrainError("All research sentences have the same divergence; check its scores.")
    table = values(names, research["text"].tolist())
    coefficient, z = joint_effects(research["divergence"].to_numpy(float), table)
    if np.isnan(z).all():
        raise LmbrainError(
            f"The research half has {len(research)} sentences, too few for a joint regression on "
            "the properties that occur in them; use a longer story or the openai proposer."
        )
    effects = pd.DataFrame(
        {
            "property": names,
            "coefficient": coefficient,
            "z": z,
            "occurrences": (table > 0).sum(axis=0),
        }
    )
    effects = effects[~np.isnan(z)]
    return effects.sort_values("z", ascending=False, kind="stable", ignore_index=True)
