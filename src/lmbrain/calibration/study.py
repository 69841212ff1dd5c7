"""Checks of a whole simulated study: was found what was planted, and nothing else?

Each check says what was found, what should be, and how. A null cohort, in which nothing was
planted, must pass them all with nothing found; each may err at its level, 0.05.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from lmbrain.calibration.recovery import auc, auc_interval

LEVEL = 0.05


@dataclass(frozen=True)
class Check:
    """One claim about a study.

    Attributes
    ----------
    claim
        As a sentence without a full stop.
    found, expected
        Does the study show it, and should it?
    detail
        The figures.
    """

    claim: str
    found: bool
    expected: bool
    detail: str


def encoding_checks(significance: xr.Dataset, planted: np.ndarray) -> list[Check]:
    """Is r above chance where something predictable was planted, and nowhere else?

    Parameters
    ----------
    significance
        `p_fwe` (sensor, time) of the space `lm`.
    planted : (sensor, time) bool
        Where any person's brain responds to anything.
    """
    above = significance["p_fwe"].to_numpy() < LEVEL
    return [
        Check(
            "the language model's space predicts better than chance somewhere",
            bool(above.any()),
            bool(planted.any()),
            f"{int(above.sum())} of {above.size} sensors and bins, max-corrected",
        ),
        Check(
            "it does so where nothing was planted",
            bool(above[~planted].any()),
            False,
            f"{int(above[~planted].sum())} of {int((~planted).sum())} sensors and bins",
        ),
    ]


def beyond_check(comparison: xr.Dataset, planted: bool) -> Check:
    """Does the language model add to the controls in a preset window?"""
    window = int(comparison["window_p_corrected"].to_numpy().argmin())
    p = float(comparison["window_p_corrected"][window])
    gain = float(comparison["window_gain"][window])
    detail = f"gain in r {gain:+.4f}, corrected p {p:.3f}"
    return Check("the language model adds to the controls", p < LEVEL, planted, detail)


def divergence_check(
    scores: np.ndarray, latents: pd.DataFrame, blocks: np.ndarray, seed: int
) -> Check:
    """Does the ranking measure find the planted words?

    Parameters
    ----------
    scores : (n,)
        Of the words; NaN where not scored.
    latents : n rows
        A column a planted domain; 0 where nothing was planted. Some word must have been.
    blocks : (n,) int
        Of neighbouring words.
    seed
    """
    positive = (latents != 0).any(axis=1).to_numpy()
    low, high = auc_interval(scores, positive, blocks, seed)
    detail = f"AUC {auc(scores, positive):.2f} [{low:.2f}, {high:.2f}]"
    return Check("divergence finds planted words", low > 0.5, True, detail)


def hypothesis_check(held: Sequence[str], planted: Sequence[str]) -> Check:
    """Does any hypothesis hold on sentences that did not propose it?"""
    detail = f"{len(held)} held" + (f": {held[0]}" if held else "")
    return Check("hypotheses hold on held-out sentences", bool(held), bool(planted), detail)


def tuning_checks(
    comparisons: Mapping[str, xr.Dataset], table: pd.DataFrame | None, planted: Sequence[str]
) -> list[Check]:
    """Does each tuned model gain on its own domain's words, where these were planted?

    Without categories of words, does it gain over all of them?

    Parameters
    ----------
    comparisons
        Of each domain, tuned against base.
    table
        From `lmbrain.inference.specificity.specificity`.
    planted
        Domains.
    """
    checks = []
    for domain, comparison in comparisons.items():
        claim = f"the model tuned on {domain.replace('_', ' ')} gains"
        if table is None:
            p = float(comparison["window_p_corrected"].min())
            detail = f"corrected p {p:.3f}"
            checks.append(Check(f"{claim} over all words", p < LEVEL, domain in planted, detail))
            continue
        row = table[(table["model"] == domain) & (table["category"] == domain)]
        if row.empty:
            continue
        p = float(row["p_corrected"].iloc[0])
        detail = f"{1e3 * float(row['gain'].iloc[0]):+.1f} thousandths, corrected p {p:.3f}"
        checks.append(Check(f"{claim} on its own words", p < LEVEL, domain in planted, detail))
    return checks
