"""Where a data set's files are expected."""

from __future__ import annotations

import os
from pathlib import Path

from lmbrain.errors import LmbrainError


def bids_folder(root: str | None, study: str) -> str | None:
    """The folder named in the config, or one named like the study below $LMBRAIN_DATA.

    None if neither says where the data are (`bids.missing_recordings` then says what to set).
    """
    if root is not None:
        return str(Path(root).expanduser())
    folder = os.environ.get("LMBRAIN_DATA")
    return str(Path(folder).expanduser() / study) if folder else None


def data_folder(root: str | None, name: str) -> Path:
    """The folder named in the config, or `name` below the folder in $LMBRAIN_DATA.

    Raises
    ------
    LmbrainError
        If neither says where the data are.
    """
    if root is not None:
        return Path(root).expanduser()
    if not os.environ.get("LMBRAIN_DATA"):
        raise LmbrainError(
            f"Where is the data set '{name}'? Set the environment variable LMBRAIN_DATA to the "
            f"folder that holds {name}/, or data.{name}.root in the config."
        )
    return Path(os.environ["LMBRAIN_DATA"]).expanduser() / name
