"""Tables of results in Markdown, readable in a terminal and pasted into the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """A table with a line a row and the keys as its head; nothing for no rows."""
    if not rows:
        return ""
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
