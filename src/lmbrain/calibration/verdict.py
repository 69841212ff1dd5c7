"""The calibration's one answer: does everything that is judged hold?"""

from __future__ import annotations

import pandas as pd

from lmbrain.errors import LmbrainError


def failures(rates: pd.DataFrame, coverage: pd.DataFrame, leaks: pd.DataFrame) -> list[str]:
    """A sentence for each cell that fails.

    Parameters
    ----------
    rates
        From `lmbrain.calibration.rates.summarise`.
    coverage
        From `lmbrain.calibration.coverage.coverage`.
    leaks
        From `lmbrain.calibration.leaks.leak_tests`.
    """
    sentences = [
        f"{row.test} rejects {row.rate:.4f} at {row.level:g} in {row.noise} noise, "
        f"{row.words:.0f} words (95% interval {row.ci_low:.4f} to {row.ci_high:.4f})."
        for row in rates[rates["judged"] & ~rates["holds"]].itertuples()
    ]
    sentences += [
        f"95% intervals of the {row.effect} hold the truth in {100 * row.coverage:.1f}% of studies "
        f"in {row.noise} noise, {row.words:.0f} words, strength {row.strength:g}."
        for row in coverage[coverage["judged"] & ~coverage["holds"]].itertuples()
    ]
    sentences += [
        f"The attack on {row.attack} gives r = {row.r:.4f} with an error of {row.error:.4f}, or "
        "its leaky way does not leak."
        for row in leaks[~leaks["tight"]].itertuples()
    ]
    return sentences


def judge(
    rates: pd.DataFrame, coverage: pd.DataFrame, leaks: pd.DataFrame, page: str
) -> dict[str, int]:
    """How many cells were judged, all of which hold.

    Parameters
    ----------
    rates, coverage, leaks
        As in `failures`.
    page
        Where the figures can be read, for the error message.

    Raises
    ------
    LmbrainError
        If any fails; names the first ones.
    """
    failed = failures(rates, coverage, leaks)
    if failed:
        more = f" ({len(failed) - 3} more)" if len(failed) > 3 else ""
        raise LmbrainError(
            f"The calibration fails in {len(failed)} cells: {' '.join(failed[:3])}{more} "
            f"See {page}."
        )
    return {
        "rates": int(rates["judged"].sum()),
        "intervals": int(coverage["judged"].sum()),
        "attacks": len(leaks),
    }
