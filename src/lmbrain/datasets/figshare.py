"""Files of an article on figshare (KiltHub is a part of it), found by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lmbrain.errors import LmbrainError

SECONDS_TO_ANSWER = 30
MOST_NAMED = 5


def is_listing(url: str) -> bool:
    """Whether an address is that of an article's list of files (figshare's API, version 2)."""
    return re.fullmatch(r"https?://[^/]+/v2/articles/\d+/files(\?.*)?", url) is not None


def located(row: Mapping[str, str]) -> dict[str, str]:
    """The row with the address of the file itself, and its published MD5 as `md5`.

    Parameters
    ----------
    row
        Of config/downloads.tsv; its url is the article's list of files, its name the file's.

    Raises
    ------
    LmbrainError
        If the list cannot be read or holds no such file; says where to look.
    requests.RequestException
        If the server does not answer.
    """
    import requests

    answer = requests.get(row["url"], timeout=SECONDS_TO_ANSWER)
    look = f"look for {row['name']} at {row['published']} and put it into its place by hand."
    try:
        answer.raise_for_status()
        files = {
            file["name"]: (file["download_url"], file["computed_md5"]) for file in answer.json()
        }
    except (requests.HTTPError, ValueError, TypeError, KeyError):
        raise LmbrainError(
            f"{row['url']} gives no list of files (status {answer.status_code}); {look}"
        ) from None
    if row["name"] not in files:
        some = ", ".join(sorted(files)[:MOST_NAMED]) + (", ..." if len(files) > MOST_NAMED else "")
        raise LmbrainError(
            f"{row['url']} lists no file {row['name']} (it lists {some or 'none'}); {look}"
        )
    url, md5 = files[row["name"]]
    return {**row, "url": url, "md5": md5}
