"""The encoding model as a scikit-learn estimator, for use outside the workflow."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from lmbrain.encoding.folds import Folds, check_sizes, make_folds
from lmbrain.encoding.moments import mean_and_scale
from lmbrain.encoding.ridge import nested_ridge


class NestedRidge(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Ridge regression of many targets, scored and tuned by nested cross-validation.

    `fit` predicts every sample by a model that saw neither it nor its surroundings, which is what
    encoding studies report (`r_`, `r2_`, `prediction_`). For new data it then fits one model to
    all samples, each target at the median of the penalties that its outer folds chose.

    Parameters
    ----------
    penalties : sequence of float
        Grid, positive, in units of summed squares of standardised features.
    n_folds : int
        Contiguous outer folds, at least 3; inside each, the other blocks are the inner folds.
    gap : float
        Samples left out beside a held-out block.
    penalty_per : "target", "all" or (t,) array
        One penalty a target, one for all, or one for each group of targets.
    bands : (p,) int, optional
    band_weights : (w, b) float, optional
        Banded ridge, as in `lmbrain.encoding.ridge.nested_ridge`.
    dtype : "float64" or "float32"
        Of target-sized products; "float32" halves their time and memory.
    device : str, optional
        Torch device for target-sized products; default: numpy.
    threads : int, optional
        Threads of the linear algebra in cross-validation; default: all.

    Attributes
    ----------
    prediction_ : (n, t)
        Held out; NaN for samples in no fold.
    r_, r2_ : (t,)
        Mean over test folds of Pearson's r, and of R2 against the training mean.
    r_per_fold_, r2_per_fold_, penalty_, at_edge_, weighting_ : (k, t)
        See `lmbrain.encoding.ridge.NestedRidgeResult`.
    coef_ : (t, p), intercept_ : (t,)
        Of the model of all samples, in the features' and targets' units.
    folds_ : Folds

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> features = rng.standard_normal((300, 20))
    >>> responses = features[:, :3] + rng.standard_normal((300, 3))
    >>> model = NestedRidge(penalties=[1, 10, 100], n_folds=5, gap=2).fit(features, responses)
    >>> model.r_.round(1)
    array([0.7, 0.7, 0.7])
    """

    def __init__(
        self,
        penalties: Sequence[float] = (1, 10, 100, 1000, 10000, 100000),
        *,
        n_folds: int = 10,
        gap: float = 0,
        penalty_per: Literal["target", "all"] | np.ndarray = "target",
        bands: np.ndarray | None = None,
        band_weights: np.ndarray | None = None,
        dtype: str = "float64",
        device: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.penalties = penalties
        self.n_folds = n_folds
        self.gap = gap
        self.penalty_per = penalty_per
        self.bands = bands
        self.band_weights = band_weights
        self.dtype = dtype
        self.device = device
        self.threads = threads

    def fit(self, X: np.ndarray, y: np.ndarray, folds: Folds | np.ndarray | None = None):
        """Cross-validate, then fit to all samples.

        Parameters
        ----------
        X : (n, p) float
        y : (n, t) or (n,) float
        folds : Folds, or (n,) int, optional
            Block of each sample, -1 for samples to leave out; in the order of time. Default:
            `n_folds` contiguous blocks.

        Raises
        ------
        ValueError
            If X or y are no finite matrices of one length.
        LmbrainError
            If samples are too few for the folds, a block holds none, or a target is constant in
            a training set.

        Warns
        -----
        UserWarning
            If many targets chose a penalty at an end of the grid.
        """
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, dtype=np.float64)
        targets = y.reshape(len(y), -1).astype(np.float64)
        self.folds_ = self._folds(folds, len(X))
        result = nested_ridge(
            X,
            targets,
            self.folds_,
            self.penalties,
            self.penalty_per,
            bands=self.bands,
            band_weights=self.band_weights,
            dtype=np.dtype(self.dtype).type,
            device=self.device,
            threads=self.threads,
        )
        self.prediction_ = result.prediction.reshape(y.shape)
        for name in ("r", "r2", "r_per_fold", "r2_per_fold", "penalty", "at_edge", "weighting"):
            setattr(self, f"{name}_", getattr(result, name))
        if result.edge_note:
            warnings.warn(result.edge_note, UserWarning, stacklevel=2)
        coef, intercept = self._fit_all(X[self.folds_.usable], targets[self.folds_.usable])
        self.coef_ = coef if y.ndim == 2 else coef[0]
        self.intercept_ = intercept if y.ndim == 2 else intercept[0]
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """(m, t) or (m,) predictions of new samples (m, p) by the model of all samples."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return X @ self.coef_.T + self.intercept_

    def _folds(self, folds: Folds | np.ndarray | None, size: int) -> Folds:
        if isinstance(folds, Folds):
            return folds
        position, story = np.arange(size, dtype=float), np.full(size, "story")
        if folds is None:
            return make_folds(story, position, np.ones(size, bool), self.n_folds, self.gap)
        given = Folds(
            block=np.asarray(folds, int), position=position, story=story, run=story, gap=self.gap
        )
        check_sizes(given)
        return given

    def _fit_all(self, X: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (t, p) and intercepts (t,): the weighting that most outer folds chose, at
        the median of the penalties of the folds that chose it."""
        mean, scale = mean_and_scale(X, np.ones(len(X), bool))
        centre = targets.mean(axis=0)
        coef = np.empty((targets.shape[1], X.shape[1]))
        weighting = np.array([np.bincount(column).argmax() for column in self.weighting_.T])
        agreed = np.where(self.weighting_ == weighting, np.log(self.penalty_), np.nan)
        penalty = np.exp(np.nanmedian(agreed, axis=0))
        for number in np.unique(weighting):
            own = np.flatnonzero(weighting == number)
            root = scale * np.sqrt(self._column_weights(number, X.shape[1]))
            left, values, right = np.linalg.svd((X - mean) * root, full_matrices=False)
            along = left.T @ (targets[:, own] - centre[own])
            along *= values[:, None] / (values[:, None] ** 2 + penalty[own])
            coef[own] = (root[:, None] * (right.T @ along)).T
        return coef, centre - coef @ mean

    def _column_weights(self, weighting: int, size: int) -> np.ndarray:
        """(p,) weights of the columns in one weighting of the bands."""
        if self.band_weights is None:
            return np.ones(size)
        bands = np.zeros(size, int) if self.bands is None else np.asarray(self.bands)
        return np.atleast_2d(np.asarray(self.band_weights, float))[weighting][bands]
