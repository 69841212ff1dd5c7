"""Encoding models by this project, himalaya, scikit-learn and the published procedure.

Each function prepares one contender's work (see `bench.measure`). Its data are `features` (n, p)
and `responses` (n, t) in float32; `run_folds` says how many of the outer folds it runs, since the
peers' outer loop shares nothing between folds. The work returns `prediction` (n, t), NaN outside
the test folds that ran, and the chosen `penalty` (folds that ran, t).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.measure import Arrays, Work
from lmbrain.encoding.folds import Folds, make_folds


def contiguous_folds(n_samples: int, outer: int, gap: float) -> Folds:
    """Folds of one story whose samples are all used."""
    story, position = np.full(n_samples, "story"), np.arange(n_samples)
    return make_folds(story, position, np.ones(n_samples, bool), outer, gap)


def lmbrain(data: Arrays, outer: int, gap: float, penalties: list[float]) -> Work:
    """This project; always all outer folds."""
    from lmbrain.encoding.ridge import nested_ridge

    folds = contiguous_folds(len(data["features"]), outer, gap)

    def work() -> Arrays:
        result = nested_ridge(
            data["features"], data["responses"], folds, penalties, penalty_per="target"
        )
        return {"prediction": result.prediction, "penalty": result.penalty}

    return work


def himalaya(
    data: Arrays,
    outer: int,
    gap: float,
    penalties: list[float],
    run_folds: int,
    penalties_per_batch: int,
    backend: str = "numpy",
) -> Work:
    """himalaya's RidgeCV in a loop over outer folds, the inner folds given as splits.

    Features and responses are standardised on the outer training set. The inner score is the same
    as this project's: RidgeCV centres both sides on the inner training set before it scores.
    """
    from himalaya.backend import get_backend, set_backend
    from himalaya.ridge import RidgeCV
    from sklearn.preprocessing import StandardScaler

    set_backend(backend)
    features, responses = data["features"], data["responses"]
    folds = contiguous_folds(len(features), outer, gap)

    def inner_splits(fold: int) -> list[tuple[np.ndarray, np.ndarray]]:
        train = folds.train(fold)
        return [
            (
                np.flatnonzero(folds.train(fold, inner)[train]),
                np.flatnonzero(folds.score(inner, fold)[train]),
            )
            for inner in range(outer)
            if inner != fold
        ]

    def work() -> Arrays:
        to_numpy = get_backend().to_numpy
        prediction = np.full(responses.shape, np.nan, np.float32)
        penalty = np.empty((run_folds, responses.shape[1]))
        for fold in range(run_folds):
            train, test = folds.train(fold), folds.test(fold)
            scaler, target_scaler = StandardScaler(), StandardScaler()
            model = RidgeCV(
                alphas=penalties,
                fit_intercept=True,
                cv=inner_splits(fold),
                solver_params={
                    "score_func": _r2_against_training_mean,
                    "n_alphas_batch": penalties_per_batch,
                },
            )
            model.fit(
                scaler.fit_transform(features[train]),
                target_scaler.fit_transform(responses[train]),
            )
            standard = to_numpy(model.predict(scaler.transform(features[test])))
            prediction[test] = target_scaler.inverse_transform(standard)
            penalty[fold] = to_numpy(model.best_alphas_)
        return {"prediction": prediction, "penalty": penalty}

    return work


def _r2_against_training_mean(truth, prediction):
    """(penalties, t) R2 of predictions (penalties, m, t); `truth` (m, t) less its training mean."""
    return 1 - ((truth - prediction) ** 2).sum(1) / (truth**2).sum(0)


def scikit_learn(
    data: Arrays, outer: int, gap: float, penalties: list[float], run_folds: int
) -> Work:
    """scikit-learn's RidgeCV with a penalty per target in a loop over outer folds.

    Its penalties come from leaving out single samples, not from inner folds: with autocorrelated
    samples the left-out one has its neighbours in the training set.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, responses = data["features"], data["responses"]
    folds = contiguous_folds(len(features), outer, gap)

    def work() -> Arrays:
        prediction = np.full(responses.shape, np.nan, np.float32)
        penalty = np.empty((run_folds, responses.shape[1]))
        for fold in range(run_folds):
            train, test = folds.train(fold), folds.test(fold)
            model = make_pipeline(
                StandardScaler(), RidgeCV(alphas=penalties, alpha_per_target=True)
            )
            model.fit(features[train], responses[train])
            prediction[test] = model.predict(features[test])
            penalty[fold] = model[-1].alpha_
        return {"prediction": prediction, "penalty": penalty}

    return work


def published(
    data: Arrays, outer: int, penalties: list[float], sensors: int, run_folds: int
) -> Work:
    """The published procedure: one ridge a bin, one of few penalties for all its sensors.

    Features and responses are standardised over all samples before splitting, folds have no gap;
    targets are ordered bin by bin, `sensors` to a bin.
    """
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV, KFold

    features, responses = data["features"], data["responses"]
    folds = contiguous_folds(len(features), outer, gap=0)

    def work() -> Arrays:
        standard = (features - features.mean(0)) / features.std(0)
        mean, sd = responses.mean(0), responses.std(0)
        prediction = np.full(responses.shape, np.nan, np.float32)
        penalty = np.empty((run_folds, responses.shape[1]))
        for first in range(0, responses.shape[1], sensors):
            bin_ = slice(first, first + sensors)
            target = (responses[:, bin_] - mean[bin_]) / sd[bin_]
            for fold in range(run_folds):
                test = folds.test(fold)
                search = GridSearchCV(Ridge(), {"alpha": penalties}, cv=KFold(outer - 1))
                search.fit(standard[~test], target[~test])
                prediction[test, bin_] = search.predict(standard[test]) * sd[bin_] + mean[bin_]
                penalty[fold, bin_] = search.best_params_["alpha"]
        return {"prediction": prediction, "penalty": penalty}

    return work


def explicit_loops(
    data: Arrays, outer: int, gap: float, penalties: list[float], targets: list[int]
) -> Work:
    """scikit-learn's Ridge in float64 in explicit loops, standardised anew for every fit.

    A reference for chosen targets; `validation` (outer, penalties, targets) is the mean inner R2
    that chose the penalty.
    """
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    features = data["features"].astype(np.float64)
    responses = data["responses"][:, targets].astype(np.float64)
    folds = contiguous_folds(len(features), outer, gap)

    def predict(train: np.ndarray, new: np.ndarray) -> Iterator[np.ndarray]:
        """Predictions of `new` at one penalty after the other."""
        scaler, target_scaler = StandardScaler(), StandardScaler()
        standard = scaler.fit_transform(features[train])
        targets_standard = target_scaler.fit_transform(responses[train])
        new_standard = scaler.transform(features[new])
        for penalty in penalties:
            model = Ridge(alpha=penalty, solver="cholesky").fit(standard, targets_standard)
            yield target_scaler.inverse_transform(model.predict(new_standard))

    def work() -> Arrays:
        prediction = np.full(responses.shape, np.nan)
        validation = np.zeros((outer, len(penalties), len(targets)))
        for fold in range(outer):
            for inner in set(range(outer)) - {fold}:
                train, scored = folds.train(fold, inner), folds.score(inner, fold)
                truth, baseline = responses[scored], responses[train].mean(0)
                total = ((truth - baseline) ** 2).sum(0)
                for number, predicted in enumerate(predict(train, scored)):
                    error = ((truth - predicted) ** 2).sum(0)
                    validation[fold, number] += (1 - error / total) / (outer - 1)
            best, test = validation[fold].argmax(0), folds.test(fold)
            for number, predicted in enumerate(predict(folds.train(fold), test)):
                prediction[np.ix_(test, best == number)] = predicted[:, best == number]
        penalty = np.asarray(penalties)[validation.argmax(1)]
        return {"prediction": prediction, "penalty": penalty, "validation": validation}

    return work
