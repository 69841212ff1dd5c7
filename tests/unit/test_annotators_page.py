import numpy as np
import pandas as pd

from lmbrain.report import annotators

AGREEMENT = pd.DataFrame(
    {
        "category": ["social_emotional", "figurative"],
        "alpha": [0.512, np.nan],
        "low": [0.401, np.nan],
        "high": [0.6, np.nan],
        "annotators": [3, 3],
        "words": [4975, 4975],
        "share": [0.114, 0.0],
    }
)


def test_agreement_is_shown_with_its_interval_and_nothing_where_it_cannot_be_told():
    table = annotators.table(AGREEMENT)
    assert table.rows == [
        ["social emotional", "0.51 [0.40, 0.60]", "11%"],
        ["figurative", "n/a", "0%"],
    ]
    assert "3 annotators on 4,975 words" in table.caption
