"""What inference needs of an encoding model: its held-out predictions and its scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmbrain.artefacts import read_netcdf

if TYPE_CHECKING:
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
    """

    prediction: np.ndarray
    r_per_fold: np.ndarray
    left_out_r: np.ndarray

    @classmethod
    def of(cls, result: NestedRidgeResult) -> Fit:
        """From `lmbrain.encoding.ridge.nested_ridge`."""
        return cls(result.prediction, result.r_per_fold, result.validation_r)


def read_fit(scores: str | Path, prediction: str | Path) -> Fit:
    """Read the files that `lmbrain.encoding.model.encode` fills."""
    held_out, read = read_netcdf(prediction)["prediction"], read_netcdf(scores)
    parts = (held_out, read["r_per_fold"], read["validation_r"])
    return Fit(*(part.to_numpy().reshape(len(part), -1) for part in parts))
