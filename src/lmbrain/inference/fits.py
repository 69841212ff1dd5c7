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
    held_out = read_netcdf(prediction)["prediction"].to_numpy()
    per_fold, left_out = read_scores(scores)
    return Fit(held_out.reshape(len(held_out), -1), per_fold, left_out)


def read_scores(scores: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """`r_per_fold` and `left_out_r` of a `Fit`, where its predictions are not needed."""
    read = read_netcdf(scores)
    per_fold, left_out = (read[name].to_numpy() for name in ("r_per_fold", "validation_r"))
    return per_fold.reshape(len(per_fold), -1), left_out.reshape(len(per_fold), -1)
