"""The fits of nested cross-validation: each training set once, all penalties and targets at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

import numpy as np

from lmbrain.encoding.decomposition import Basis, Training
from lmbrain.encoding.folds import Folds
from lmbrain.encoding.moments import ROWS_AT_ONCE, BlockMoments, Rows
from lmbrain.encoding.products import Array, Products
from lmbrain.encoding.scores import pearson, r2_score
from lmbrain.encoding.targets import CrossMoments, Loaded, Targets, TargetsOfFold, pieces
from lmbrain.encoding.training_sets import Design, TrainingSets
from lmbrain.encoding.validation import TARGETS_AT_ONCE, Scored, score_penalties
from lmbrain.errors import LmbrainError
from lmbrain.progress import Progress

BYTES_AT_ONCE = 2**30  # of target-sized arrays
# Float32 is refused where its rounding could reach this share of a response's SD.
FLOAT32_TOLERANCE = 0.01


class NestedFits:
    """The fits behind `lmbrain.encoding.ridge.nested_ridge`, whose parameters these are.

    A candidate c is a pair of weighting and penalty: c = weighting * a + penalty.
    """

    def __init__(
        self,
        features: Rows | Design,
        responses: np.ndarray | TargetsOfFold,
        folds: Folds,
        penalties: Sequence[float],
        bands: np.ndarray | None,
        band_weights: np.ndarray | None,
        dtype: type,
        device: str | None,
    ) -> None:
        self.folds = folds
        self.penalties = _checked_penalties(penalties)
        self.products = Products(dtype, device)
        self.sets = TrainingSets(features, folds, bands)
        self.weightings = _column_weights(band_weights, self.sets.bands)
        self.targets = Targets(responses, folds, self.products)
        self._loaded: dict[tuple[int, int], tuple[Loaded, CrossMoments | None]] = {}

    def passes(self, targets_at_once: int | None) -> list[slice]:
        """The targets in pieces whose arrays fit in memory."""
        copies = 1 if self.targets.shared else self.folds.n_outer
        numbers = copies * len(self.folds.block) + self.sets.rows_a_target
        fitting = max(1, BYTES_AT_ONCE // (numbers * self.products.dtype.itemsize))
        return list(pieces(0, self.targets.count, targets_at_once or fitting))

    def validate(self, passes: list[slice], progress: bool) -> tuple[np.ndarray, np.ndarray]:
        """R2 and correlation (k, c, t) of each outer fold and candidate, mean over inner folds."""
        n_outer = self.folds.n_outer
        candidates = len(self.weightings) * len(self.penalties)
        r2, r = np.zeros((2, n_outer, candidates, self.targets.count))
        pairs = list(combinations(range(n_outer), 2))
        rounds = len(passes) * len(pairs)
        with Progress(rounds, "training set", "ridge", show=progress) as shown:
            for columns in passes:
                for pair in pairs:
                    for place, scores in self._score_pair(pair, columns):
                        r2[place] += scores.r2 / (n_outer - 1)
                        r[place] += scores.r / (n_outer - 1)
                    shown.update(1)
        return r2, r

    def _score_pair(self, pair: tuple[int, int], columns: slice) -> Iterator[tuple]:
        """Scores of the training set without two blocks, on each of them inside the other's fold.

        Yields the place in (k, c, t) and the scores there.
        """
        training, moments = self.sets(*pair)
        inner_of = dict(zip(pair, pair[::-1], strict=True))
        loaded = {outer: self._fold(outer, columns, moments) for outer in pair}
        sources = self._by_fold(pair, lambda outer: training.source(*loaded[outer]))
        truth = {outer: self._truth(loaded[outer][0], outer, inner_of[outer]) for outer in pair}
        for number, weights in enumerate(self.weightings):
            basis = training.basis(weights)
            self._check_precision(basis)
            scored = {
                outer: Scored(basis, self.folds, inner, outer, *loaded[outer], self.products)
                for outer, inner in inner_of.items()
            }
            first = number * len(self.penalties)
            candidates = slice(first, first + len(self.penalties))
            for part in pieces(0, columns.stop - columns.start, TARGETS_AT_ONCE):
                coefficients = self._by_fold(
                    pair,
                    lambda outer, basis=basis, part=part: basis.coefficients(
                        self.products, sources[outer], part
                    ),
                )
                place = slice(columns.start + part.start, columns.start + part.stop)
                for outer in pair:
                    scores = score_penalties(
                        scored[outer],
                        basis,
                        coefficients[outer],
                        part,
                        self.penalties,
                        self.products,
                        *truth[outer][:, part],
                    )
                    yield (outer, candidates, place), scores

    def _truth(self, loaded: Loaded, outer: int, inner: int) -> np.ndarray:
        """Mean, less the training mean, and variance (2, t) of the targets that are scored."""
        trained, _ = self.targets.training_moments(loaded, (outer, inner))
        mean, variance = self.targets.scored_moments(loaded, inner, outer)
        return np.stack([mean - trained, variance])

    def _by_fold(self, outers: tuple[int, int], make: Callable[[int], Array]) -> dict[int, Array]:
        """What `make` gives for each outer fold; made once where folds share their targets."""
        if self.targets.shared:
            return dict.fromkeys(outers, make(outers[0]))
        return {outer: make(outer) for outer in outers}

    def refit(self, passes: list[slice], chosen: np.ndarray) -> dict[str, np.ndarray]:
        """Held-out predictions at the chosen candidates (k, t), and their scores."""
        n_outer, count = self.folds.n_outer, self.targets.count
        prediction = np.full((len(self.folds.block), count), np.nan, self.products.dtype)
        mean, sd, r, r2 = np.empty((4, n_outer, count))
        for columns in passes:
            for outer in range(n_outer):
                training, moments = self.sets(outer)
                loaded, cross = self._fold(outer, columns, moments)
                test = self.folds.test(outer)
                trained, variance = self.targets.training_moments(loaded, (outer,))
                source = training.source(loaded, cross)
                predicted = self._predict({}, training, source, test, chosen[outer, columns])
                predicted += trained
                truth = self.products.get(self.products.rows(loaded.values, np.flatnonzero(test)))
                r[outer, columns] = pearson(predicted, truth)
                r2[outer, columns] = r2_score(predicted, truth, trained)
                prediction[test, columns] = predicted * loaded.scale + loaded.centre
                mean[outer, columns] = trained * loaded.scale + loaded.centre
                sd[outer, columns] = np.sqrt(variance) * loaded.scale
        return {
            "prediction": prediction,
            "r_per_fold": r,
            "r2_per_fold": r2,
            "response_mean": mean,
            "response_sd": sd,
        }

    def inner_predictions(self, passes: list[slice], chosen: np.ndarray) -> np.ndarray:
        """(k, n, t) predictions of each outer fold's training samples, block by block left out."""
        shape = (self.folds.n_outer, len(self.folds.block), self.targets.count)
        predictions = np.full(shape, np.nan, self.products.dtype)
        for columns in passes:
            for pair in combinations(range(self.folds.n_outer), 2):
                training, moments = self.sets(*pair)
                bases: dict[int, Basis] = {}
                for outer, inner in (pair, pair[::-1]):
                    loaded, cross = self._fold(outer, columns, moments)
                    scored = self.folds.score(inner, outer)
                    trained, _ = self.targets.training_moments(loaded, pair)
                    source = training.source(loaded, cross)
                    mine = chosen[outer, columns]
                    values = self._predict(bases, training, source, scored, mine)
                    values = (values + trained) * loaded.scale + loaded.centre
                    predictions[outer, scored, columns] = values
        return predictions

    def _predict(
        self,
        bases: dict[int, Basis],
        training: Training,
        source: Array,
        mask: np.ndarray,
        chosen: np.ndarray,
    ) -> np.ndarray:
        """(m, t) predictions, less the training mean, at each target's own candidate (t,).

        `bases` keeps the training set's bases, by weighting.
        """
        index = np.flatnonzero(mask)
        predicted = np.zeros((len(index), len(chosen)), self.products.dtype)
        weighting, penalty = np.divmod(chosen, len(self.penalties))
        for number in np.unique(weighting):
            if number not in bases:
                bases[number] = training.basis(self.weightings[number])
            basis = bases[number]
            parts = list(pieces(0, len(chosen), TARGETS_AT_ONCE))
            shrunk = []
            for part in parts:
                shrink = 1 / (basis.eigenvalues[:, None] + self.penalties[penalty[part]])
                weights = basis.coefficients(self.products, source, part)
                weights *= self.products.put(shrink)
                shrunk.append(weights)
            for rows in pieces(0, len(index), ROWS_AT_ONCE):
                coordinates = self.products.put(basis.coordinates(index[rows]))
                for part, weights in zip(parts, shrunk, strict=True):
                    own = np.flatnonzero(weighting[part] == number)
                    values = self.products.get(coordinates @ weights)
                    predicted[rows, part.start + own] = values[:, own]
        return predicted

    def _fold(
        self, outer: int, columns: slice, moments: BlockMoments | None
    ) -> tuple[Loaded, CrossMoments | None]:
        """Targets of an outer fold and their products with the features, kept for one pass."""
        key = (0 if self.targets.shared else outer, columns.start)
        if key not in self._loaded:
            self._loaded = {k: v for k, v in self._loaded.items() if k[1] == columns.start}
            loaded, cross = self.targets.load(outer, columns), None
            if self.targets.shared and self.sets.shared is not None:
                cross = CrossMoments(self.sets.shared, loaded, self.targets, kept=True)
            self._loaded[key] = loaded, cross
        loaded, cross = self._loaded[key]
        if cross is None and moments is not None:
            cross = CrossMoments(moments, loaded, self.targets, kept=False)
        return loaded, cross

    def _check_precision(self, basis: Basis) -> None:
        if self.products.dtype == np.float64 or len(basis.eigenvalues) == 0:
            return
        largest = len(basis.eigenvalues) * basis.eigenvalues.max()
        smallest = 9e-16 * largest / FLOAT32_TOLERANCE**2
        if self.penalties.min() < smallest:
            # Other training sets ask for a little more or less: the advice has a margin.
            raise LmbrainError(
                f"The penalty {self.penalties.min():g} is too small for float32 with these "
                f"features; raise the smallest penalty to {2 * smallest:.2g} or more (in Python, "
                "dtype float64 takes any)."
            )


def _column_weights(band_weights: np.ndarray | None, bands: np.ndarray) -> np.ndarray:
    """(w, p) weight of each column in each weighting."""
    count = int(bands.max(initial=-1)) + 1
    if band_weights is None:
        return np.ones((1, len(bands)))
    weights = np.atleast_2d(np.asarray(band_weights, np.float64))
    if weights.shape[1] != count:
        raise LmbrainError(
            f"band_weights have {weights.shape[1]} columns for {count} bands; give a weight a band."
        )
    wrong = ~np.isfinite(weights) | (weights < 0)
    if wrong.any():
        raise LmbrainError(
            f"The band weight {weights[wrong][0]} is no positive number or 0; correct it."
        )
    return weights[:, bands]


def _checked_penalties(penalties: Sequence[float]) -> np.ndarray:
    values = np.asarray(penalties, np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise LmbrainError("No ridge penalty was given; give a grid of positive numbers.")
    wrong = ~np.isfinite(values) | (values <= 0)
    if wrong.any():
        raise LmbrainError(f"The ridge penalty {values[wrong][0]} is not positive; correct it.")
    return values
