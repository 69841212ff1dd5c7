"""What inference needs of an encoding model: its held-out predictions and its scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmbrain.artefacts import read_netcdf

if TYPE_CHECKING:
    from lmbrain.encoding.folds import Folds
    from lmbrain.encoding.ridge import NestedRidgeResult


@dataclass(frozen=True)
class Fit:
    """Held-out predictions of one person's responses, flat over sensors and bins.

    Attributes
    ----------
    prediction : (n, t)
    r_per_fold : (n_outer, t)
        Pearson r inside each test fold.
    left_out_r : (n_outer, t)
        What the score would be without block k, neither trained on nor tested: the mean r over
        the inner folds of outer fold k.
    folds : Folds or None
        The person's own, where she was not recorded for all samples of the study
        (`lmbrain.encoding.folds.Folds.of_person`): n_outer is theirs. None: the study's.
    """

    prediction: np.ndarray
    r_per_fold: np.ndarray
    left_out_r: np.ndarray
    folds: Folds | None = None

    @classmethod
    def of(cls, result: NestedRidgeResult, folds: Folds | None = None) -> Fit:
        """From `lmbrain.encoding.ridge.nested_ridge` in these folds."""
        return cls(result.prediction, result.r_per_fold, result.validation_r, folds)


def read_fit(scores: str | Path, prediction: str | Path, folds: Folds | None = None) -> Fit:
    """Read the files that `lmbrain.encoding.model.encode` fills.

    Parameters
    ----------
    scores, prediction
        The scores are on the study's axis of folds.
    folds
        The person's own.
    """
    held_out, read = read_netcdf(prediction)["prediction"], read_netcdf(scores)
    if folds is not None:
        read = read.isel(fold=folds.study_block)
    parts = (held_out, read["r_per_fold"], read["validation_r"])
    return Fit(*(part.to_numpy().reshape(len(part), -1) for part in parts), folds)
