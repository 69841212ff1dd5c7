"""Data sets that start from responses: a module each, which holds the functions below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from lmbrain.errors import LmbrainError

if TYPE_CHECKING:
    import mne
    import pandas as pd
    import xarray as xr

Settings = Mapping[str, Any]
Lacking = Mapping[str, Sequence[str]]


class Source(Protocol):
    """What a module of a data set offers.

    In all of them `folder` holds the data set's files, `settings` is its section of the config and
    `lacking` names the runs that a person was not recorded in, by subject.
    """

    def files(
        self, folder: Path, subjects: Sequence[str], settings: Settings, lacking: Lacking
    ) -> dict[str, list[Path]]:
        """The files it consists of, by their kind in config/downloads.tsv."""
        ...

    def words_table(
        self,
        folder: Path,
        subjects: Sequence[str],
        story: str,
        settings: Settings,
        lacking: Lacking,
    ) -> pd.DataFrame:
        """The words table, checked to be the same for all people."""
        ...

    def responses(
        self,
        folder: Path,
        subject: str,
        words: pd.DataFrame,
        settings: Settings,
        lacking: Lacking,
        binning: Settings,
    ) -> mne.BaseEpochs | xr.DataArray:
        """One person's responses: an epoch an item, or continuous ones (`responses.continuous`).

        `binning` is the config's section responses (window, bin_width, picks).
        """
        ...


def source(kind: str) -> Source:
    """The module of a data set, by the config's `data.kind`."""
    return cast(Source, import_module(f"lmbrain.datasets.{kind}"))


def check_lacking(words: pd.DataFrame, subjects: Sequence[str], lacking: Lacking) -> None:
    """Refuse runs that the words table does not hold, and people who lack all of them.

    For data sets whose runs are known from their files alone.

    Raises
    ------
    LmbrainError
        Naming the person and the run.
    """
    runs = words["run"].unique().tolist()
    for subject in subjects:
        missing = lacking.get(subject, ())
        odd = [run for run in missing if run not in runs]
        if odd:
            raise LmbrainError(
                f"data.missing names the run {odd[0]!r} of subject {subject!r}; the runs are "
                f"{', '.join(runs)}."
            )
        if set(missing) == set(runs):
            raise LmbrainError(
                f"data.missing leaves subject {subject!r} no run; list the subject under "
                "data.exclude."
            )
