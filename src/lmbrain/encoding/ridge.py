"""Ridge regression of many targets with penalties chosen by nested cross-validation, exactly.

The training set without blocks k and j is the same for inner fold j of outer fold k as for inner
fold k of outer fold j, so it is decomposed once (10 + 45 decompositions, not 100, for ten folds).

Precision: feature-sized algebra is float64. With float32 target-sized products, predictions at
penalty a are off by at most some 3e-8 sqrt(q e / a) of the response's SD, e the largest of q
eigenvalues of the standardised Gram matrix; where that exceeds 1% float32 is refused.

The penalty is the one with the highest R2 over the inner folds, not the highest correlation: the
correlation hardly changes once shrinkage is strong, so it often picks a penalty that shrinks the
prediction to nothing, or none at all; on simulated responses R2 chose better for both scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_limits

from lmbrain.encoding.folds import Folds
from lmbrain.encoding.moments import Rows
from lmbrain.encoding.nested import NestedFits
from lmbrain.encoding.penalties import edge_note
from lmbrain.encoding.targets import TargetsOfFold
from lmbrain.encoding.training_sets import Design
from lmbrain.errors import LmbrainError

PenaltyPer = Literal["target", "all"] | np.ndarray


@dataclass(frozen=True)
class NestedRidgeResult:
    """Held-out predictions and what was chosen, per outer fold (k) and target (t).

    Attributes
    ----------
    prediction : (n, t)
        Held-out prediction in the responses' units; NaN for samples in no test fold.
    r_per_fold, r2_per_fold : (k, t)
        Pearson correlation, and R2 against the training mean, inside each test fold.
    penalty : (k, t)
        Chosen penalty.
    weighting : (k, t) int
        Chosen row of `band_weights`; 0 where there are no bands.
    validation_r, validation_r2 : (k, t)
        Mean correlation and R2 over the inner folds at the choice.
    response_mean, response_sd : (k, t)
        Of the training responses of each outer fold.
    penalties : (a,)
        The grid.
    inner_prediction : (k, n, t) or None
        On request: prediction of each training sample of outer fold k by the fit that left out
        its block as well as block k; NaN elsewhere.
    """

    prediction: np.ndarray
    r_per_fold: np.ndarray
    r2_per_fold: np.ndarray
    penalty: np.ndarray
    weighting: np.ndarray
    validation_r: np.ndarray
    validation_r2: np.ndarray
    response_mean: np.ndarray
    response_sd: np.ndarray
    penalties: np.ndarray
    inner_prediction: np.ndarray | None = None

    @property
    def r(self) -> np.ndarray:
        """(t,) mean over test folds of the correlation."""
        return self.r_per_fold.mean(axis=0)

    @property
    def r2(self) -> np.ndarray:
        """(t,) mean over test folds of R2."""
        return self.r2_per_fold.mean(axis=0)

    @property
    def at_edge(self) -> np.ndarray:
        """(k, t) int8: -1 where the smallest penalty was chosen, +1 the largest, else 0."""
        low, high = self.penalty == self.penalties.min(), self.penalty == self.penalties.max()
        return high.astype(np.int8) - low.astype(np.int8)

    @property
    def edge_note(self) -> str:
        """A sentence where many predictable targets asked for the end of the grid, else empty."""
        return edge_note(self.penalty, self.penalties, self.validation_r2)


def nested_ridge(
    features: Rows | Design,
    responses: np.ndarray | TargetsOfFold,
    folds: Folds,
    penalties: Sequence[float],
    penalty_per: PenaltyPer = "target",
    *,
    bands: np.ndarray | None = None,
    band_weights: np.ndarray | None = None,
    dtype: type = np.float32,
    device: str | None = None,
    threads: int | None = None,
    targets_at_once: int | None = None,
    inner_predictions: bool = False,
    progress: bool = False,
) -> NestedRidgeResult:
    """Predict every sample by a ridge fit that saw neither it nor its surroundings.

    For outer fold k the penalty with the highest R2, averaged over the inner folds (fitted on
    `folds.train(k, j)`, scored on `folds.score(j, k)`), is refitted on `folds.train(k)`.
    Features and responses are standardised on the training samples of every fit.

    Parameters
    ----------
    features : (n, p) array-like of float, or callable
        Any scale; p may be 0 (predicts the training mean). Columns constant in a training set
        get no weight there. Anything that gives rows by slices (a memory map, an HDF5 set) is
        read in pieces where p is at most the number of training samples. A callable gets the
        mask (n,) of a training set and returns the (n, q) design fitted on it.
    responses : (n, t) array-like of float, or callable
        A callable gives the (n, t) responses of outer fold k (cross-fitted denoised ones); only
        its rows in `train(k)` and `test(k)` are read.
    folds : Folds
    penalties : sequence of float
        Grid, positive; the unit is that of summed squares of standardised features.
    penalty_per : "target", "all" or (t,) array
        One penalty a target, one for all, or one for the targets with the same value in the array
        (highest mean R2 over them).
    bands : (p,) int, optional
        Band of each feature, from 0.
    band_weights : (w, b) float, optional
        Weightings of the bands tried along with the penalties (banded ridge, Nunez-Elizalde et
        al. 2019): band b has penalty / weight. A weight of 0 leaves the band out. Default: all 1.
    dtype : float32 or float64
        Of the target-sized products and the results; all feature-sized algebra is float64.
    device : str, optional
        Torch device for the target-sized products; default: numpy.
    threads : int, optional
        Threads of the linear algebra; default: all. Fewer where other processes need the cores: a
        decomposition whose threads wait for a core slows down manifold.
    targets_at_once : int, optional
        Default: as many as fit in a GiB. Each pass decomposes anew; the results are the same.
    inner_predictions : bool
        Also return the cross-fitted predictions of the training samples.
    progress : bool
        Show the progress (see `lmbrain.progress`).

    Raises
    ------
    LmbrainError
        If features or responses that are used hold a non-finite number, lengths differ, a
        response is constant in a training fold, a penalty or weight is unusable, or the smallest
        penalty asks for more digits than float32 has.
    """
    with threadpool_limits(threads) if threads else nullcontext():
        solver = NestedFits(
            features, responses, folds, penalties, bands, band_weights, dtype, device
        )
        passes = solver.passes(targets_at_once)
        r2, r = solver.validate(passes, progress)
        chosen = _choose(r2, penalty_per)
        fitted = solver.refit(passes, chosen)
        inner = solver.inner_predictions(passes, chosen) if inner_predictions else None
    at_choice = chosen[:, None]
    return NestedRidgeResult(
        **fitted,
        penalty=solver.penalties[chosen % len(solver.penalties)],
        weighting=chosen // len(solver.penalties),
        validation_r=np.take_along_axis(r, at_choice, axis=1)[:, 0],
        validation_r2=np.take_along_axis(r2, at_choice, axis=1)[:, 0],
        penalties=solver.penalties,
        inner_prediction=inner,
    )


def _choose(validation: np.ndarray, penalty_per: PenaltyPer) -> np.ndarray:
    """(k, t) index of the best candidate from validation scores (k, c, t)."""
    if isinstance(penalty_per, str):
        if penalty_per == "target":
            return validation.argmax(axis=1)
        if penalty_per != "all":
            raise LmbrainError(
                f"penalty_per is {penalty_per!r}; use 'target', 'all' or a group for each target."
            )
        penalty_per = np.zeros(validation.shape[2], int)
    groups = np.asarray(penalty_per)
    if groups.shape != validation.shape[2:]:
        raise LmbrainError(
            f"penalty_per has shape {groups.shape} for {validation.shape[2]} targets; give the "
            "group of each target."
        )
    chosen = np.empty((len(validation), validation.shape[2]), int)
    for group in np.unique(groups):
        inside = groups == group
        chosen[:, inside] = validation[:, :, inside].mean(axis=2).argmax(axis=1)[:, None]
    return chosen
