"""The report's table on how far annotators of word categories agree."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lmbrain.report.blocks import Cell, Table
from lmbrain.report.wording import count, number, percent, plain


def table(agreement: pd.DataFrame) -> Table:
    """Show the agreement on each category.

    Parameters
    ----------
    agreement
        From `lmbrain.datasets.annotators.agreement_table`.
    """
    rows: list[list[str | Cell]] = []
    for row in agreement.itertuples():
        shown = number(row.alpha, 2)
        if np.isfinite(row.alpha):
            shown += f" [{number(row.low, 2)}, {number(row.high, 2)}]"
        rows.append([plain(str(row.category)), shown, percent(float(row.share))])
    first = agreement.iloc[0]
    caption = (
        "Where the categories come from: the majority of "
        f"{count(int(first['annotators']), 'annotator')} on {count(int(first['words']), 'word')}. "
        "Their agreement as Krippendorff's alpha (1: full, 0: chance) with 95% interval (bootstrap "
        "of blocks of words), and the share of words in the category. By convention nothing should "
        "be concluded from a category below .667 (Krippendorff 2004)."
    )
    return Table(["category of words", "agreement (alpha)", "share of words"], rows, caption)
