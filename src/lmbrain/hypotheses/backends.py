"""Choose a proposer and a verifier by name and run them.

A new backend is a class with the one method of `Proposer` or `Verifier`, and a line here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from lmbrain.errors import LmbrainError
from lmbrain.hypotheses.groups import VALIDATION
from lmbrain.hypotheses.hypothesis import Hypothesis
from lmbrain.hypotheses.server import ChatServer, ServerProposer, ServerVerifier
from lmbrain.hypotheses.statistical import StatisticalProposer, StatisticalVerifier


class Proposer(Protocol):
    """Anything that finds how divergent sentences differ from convergent ones."""

    def propose(self, groups: pd.DataFrame, seed: int) -> list[Hypothesis]:
        """Hypotheses from the research half of a table of `choose_groups`."""


class Verifier(Protocol):
    """Anything that tells how far a statement holds for a sentence."""

    def verify(self, hypotheses: list[Hypothesis], texts: list[str]) -> np.ndarray:
        """T' in [0, 1], shape (hypothesis, sentence)."""


def propose(
    groups: pd.DataFrame,
    seed: int,
    *,
    backend: str,
    hypotheses: int,
    threshold: float,
    model: str,
    base_url: str,
    temperature: float,
    sentences_per_prompt: int,
    prompt: str,
    cache: str | Path,
) -> list[Hypothesis]:
    """Propose hypotheses from the research half.

    Parameters
    ----------
    groups
        Table of `lmbrain.hypotheses.groups.choose_groups`.
    seed
        Of the sentences drawn for prompts.
    backend
        `statistical` (reads `hypotheses` and `threshold`) or `openai` (reads all but `threshold`).
    hypotheses, threshold, model, base_url, temperature, sentences_per_prompt, prompt
        See the backends' classes.
    cache
        Folder of earlier answers of servers.

    Returns
    -------
    list of Hypothesis
        Empty where nothing stands out.

    Raises
    ------
    LmbrainError
        If the backend is unknown, or cannot do its work.
    """
    proposer: Proposer
    if backend == "statistical":
        proposer = StatisticalProposer(hypotheses, threshold)
    elif backend == "openai":
        server = ChatServer(base_url, model, temperature, cache)
        proposer = ServerProposer(server, prompt, hypotheses, sentences_per_prompt)
    else:
        raise LmbrainError(f"Unknown proposer backend {backend!r}; use statistical or openai.")
    return proposer.propose(groups, seed)


def verify(
    hypotheses: list[Hypothesis],
    groups: pd.DataFrame,
    *,
    backend: str,
    model: str,
    base_url: str,
    prompt: str,
    cache: str | Path,
) -> pd.DataFrame:
    """Score every hypothesis on every sentence of the validation half.

    Parameters
    ----------
    hypotheses
        Of `propose`; none needs no backend and gives an empty table.
    groups
        Table of `lmbrain.hypotheses.groups.choose_groups`.
    backend
        `statistical` or `openai` (which alone reads the parameters below).
    model, base_url, prompt, cache
        See `lmbrain.hypotheses.server`.

    Returns
    -------
    DataFrame
        `hypothesis` (name), `sentence` (number), `score` (T' in [0, 1]).

    Raises
    ------
    LmbrainError
        If the backend is unknown, or cannot do its work.
    """
    tested = groups[groups["half"] == VALIDATION]
    if not hypotheses:
        return pd.DataFrame({"hypothesis": [], "sentence": [], "score": []})
    verifier: Verifier
    if backend == "statistical":
        verifier = StatisticalVerifier()
    elif backend == "openai":
        verifier = ServerVerifier(ChatServer(base_url, model, 0.0, cache), prompt)
    else:
        raise LmbrainError(f"Unknown verifier backend {backend!r}; use statistical or openai.")
    scores = verifier.verify(hypotheses, tested["text"].tolist())
    return pd.DataFrame(
        {
            "hypothesis": np.repeat([h.name for h in hypotheses], len(tested)),
            "sentence": np.tile(tested["sentence"].to_numpy(), len(hypotheses)),
            "score": scores.ravel(),
        }
    )
