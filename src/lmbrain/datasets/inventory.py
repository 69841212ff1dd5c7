"""Is everything that a study reads at hand? Asked first, before any long job."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from lmbrain.datasets.downloads import NO_URL, read_downloads, row_of
from lmbrain.errors import LmbrainError

SECONDS_TO_ANSWER = 5.0


def missing_files(
    wanted: Mapping[str, Iterable[Path]], table: str | Path, folder: Path | None = None
) -> list[str]:
    """A sentence for each file that is not there: what it is, its size, how to come by it.

    Parameters
    ----------
    wanted
        Files by their kind in the table.
    table
        As read by `lmbrain.datasets.downloads.read_downloads`.
    folder
        Of the data set; without it files are known by their names alone.
    """
    rows = read_downloads(table)
    sentences = []
    for kind, paths in wanted.items():
        for path in paths:
            if path.is_file():
                continue
            row = row_of(rows, kind, path, folder)
            mend = "put it at this path."
            if row["url"] != NO_URL:
                mend = "fetch it with `snakemake --cores 1 download` and this study's --configfile."
            sentences.append(
                f"{path}: {row['what']} (takes {row['size']}; {row['licence']}); published at "
                f"{row['published']}; {mend}"
            )
    return sentences


def missing_from_hub(repository: str, kind: str) -> list[str]:
    """A sentence if a hub repository is neither in the local cache nor within reach.

    Parameters
    ----------
    repository
        Hub id, or a local folder (at hand if it exists).
    kind
        "model" or "dataset".
    """
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    if Path(repository).is_dir():
        return []
    try:
        cached = {(r.repo_id, r.repo_type) for r in scan_cache_dir().repos}
    except CacheNotFound:
        cached = set()
    if (repository, kind) in cached or _answers(constants.ENDPOINT):
        return []
    return [
        f"{repository}: a {kind} of the Hugging Face hub; published at "
        f"{constants.ENDPOINT}/{'datasets/' if kind == 'dataset' else ''}{repository}; connect "
        f"to the network, or fetch it elsewhere into {constants.HF_HUB_CACHE}, or name a local "
        "folder in the config."
    ]


def missing_key(variable: str) -> list[str]:
    """A sentence if an environment variable with a secret is not set."""
    if os.environ.get(variable):
        return []
    return [f"{variable}: the key of the language-model server; set it in the environment."]


def require(sentences: list[str]) -> None:
    """Stop, listing everything that is missing, if anything is.

    Raises
    ------
    LmbrainError
    """
    if sentences:
        listing = "\n".join(f"  - {sentence}" for sentence in sentences)
        count = "one thing is" if len(sentences) == 1 else f"{len(sentences)} things are"
        raise LmbrainError(f"The study cannot start, {count} missing:\n{listing}")


def _answers(address: str) -> bool:
    """Whether the host of a web address accepts a connection within a few seconds."""
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        return False
    parts = urlsplit(address)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        with socket.create_connection((parts.hostname, port), timeout=SECONDS_TO_ANSWER):
            return True
    except OSError:
        return False
