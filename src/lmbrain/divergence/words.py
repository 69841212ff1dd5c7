"""Where the language model's prediction and the brains part ways: scores of words and sentences.

Notation (all in units of the training fold's standard deviation, held out, over the selected
sensors and the bins of the window, divided by their number d): response y_p of person p, the
language model's prediction L_p, the prediction X_p from other people's responses to the same word.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lmbrain.divergence.components import (
    generalised_components,
    shared_components,
    training_residuals,
)
from lmbrain.divergence.sensors import window_mask
from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError

MEASURES = (
    "squared_error",
    "gap",
    "residual_product",
    "residual_product_components",
    "residual_product_generalised",
)
ENERGIES = ("response_energy", "prediction_energy", "shared_energy")


def word_divergence(
    responses: Sequence[np.ndarray],
    predictions: Sequence[np.ndarray],
    folds: Folds,
    *,
    window: np.ndarray,
    sensors: np.ndarray,
    components: int,
    others: Sequence[np.ndarray] | None = None,
    controls: Sequence[np.ndarray] | None = None,
    features: np.ndarray | None = None,
) -> pd.DataFrame:
    """Every measure of divergence, a row a sample (word or volume).

    Measures, mean over people p (or pairs p != q):
    squared_error |y-L|^2; gap |y-L|^2 - |y-X|^2; residual_product <y_p - L_p, y_q - L_q>;
    residual_product_components, the same on the leading components of the shared residual;
    residual_product_generalised, the same on those that stand out most from the noise, in units
    of its variance and divided by the number of components instead of d;
    skill |y-C|^2 - |y-L|^2 with the controls' prediction C (the training mean without controls),
    high where the language model does well. Energies: response_energy |y|^2, prediction_energy
    |L|^2, shared_energy |X|^2 (<y_p, y_q> without `others`). A column ending in _relative holds
    the measure / (shared_energy + the typical <y_p, y_q> of the training samples), since words
    with a strong shared response score high in all measures.

    Parameters
    ----------
    responses : of each person, (n, s, t)
        Not denoised.
    predictions, others, controls : of each person, (n, s, t)
        Held-out predictions from the language model's features, from other people, from controls.
    folds
    window : (t,) bool
    sensors : (n_outer, s) bool
        From `select_reliable_sensors` or `select_sensors`.
    components
        Number of components of the shared residual.
    features : (n, f)
        Taken out of the training responses before their components are found.

    Returns
    -------
    DataFrame of n rows, NaN for samples never used. `attrs['note']` names what one person alone,
    or a study without `others`, cannot give.

    Raises
    ------
    LmbrainError
        If shapes disagree, or a prediction is missing for a used sample.
    """
    people = {
        "response": responses,
        "prediction": predictions,
        "other": others,
        "control": controls,
    }
    shape = _check(people, folds)
    window = window_mask(window, shape[2])
    if sensors.dtype != bool or sensors.shape != (folds.n_outer, shape[1]):
        raise LmbrainError(f"sensors must be True or False for {folds.n_outer} folds x {shape[1]}.")
    parts = []
    for fold in range(folds.n_outer):
        chosen = np.ix_(np.flatnonzero(sensors[fold]), np.flatnonzero(window))
        scaled = _in_training_units(people, folds.train(fold), chosen)
        scores = _measures(scaled, folds, fold, components, features)
        parts.append(scores.loc[folds.test(fold)])
    scores = pd.concat(parts).reindex(range(shape[0]))
    scores.attrs["note"] = _note(len(responses), others is not None)
    return scores


def ranking_measure(scores: pd.DataFrame, measure: str) -> str:
    """The column that ranks words: `measure`, or squared error for one person alone.

    `scores.attrs['note']` says that and why.

    Raises
    ------
    LmbrainError
        If several people's scores lack the measure.
    """
    if measure in scores.columns:
        return measure
    if "residual_product" not in scores.columns:
        return "squared_error"
    raise LmbrainError(
        f"divergence.measure is {measure!r}, which needs predictions from other people; "
        "choose one of the residual products."
    )


def _measures(
    scaled: dict[str, list[np.ndarray]],
    folds: Folds,
    fold: int,
    components: int,
    features: np.ndarray | None,
) -> pd.DataFrame:
    """All columns of one fold, for all samples (those outside its test block are discarded)."""
    y, predicted = scaled["response"], scaled["prediction"]
    size = y[0].shape[1]
    residual = [a - b for a, b in zip(y, predicted, strict=True)]
    table = pd.DataFrame({"squared_error": _mean_energy(residual)})
    baseline = _mean_energy(y)
    if "control" in scaled:
        baseline = _mean_energy([a - b for a, b in zip(y, scaled["control"], strict=True)])
    if "other" in scaled:
        apart = [a - b for a, b in zip(y, scaled["other"], strict=True)]
        table["gap"] = table["squared_error"] - _mean_energy(apart)
    if len(y) > 1:
        table["residual_product"] = cross_product(residual)
        learnt = training_residuals(y, folds, fold, features)
        shared = shared_components(learnt, components)
        product = cross_product([r @ shared for r in residual])
        table["residual_product_components"] = product * (components / size)
        generalised = generalised_components(learnt, components)
        table["residual_product_generalised"] = cross_product([r @ generalised for r in residual])
    table["skill"] = baseline - table["squared_error"]
    table["response_energy"] = _mean_energy(y)
    table["prediction_energy"] = _mean_energy(predicted)
    if "other" in scaled or len(y) > 1:
        shared = _mean_energy(scaled["other"]) if "other" in scaled else cross_product(y)
        table["shared_energy"] = shared
        # From the responses alone: X of training samples comes from fits that saw the test block.
        typical = np.mean(np.maximum(cross_product(y)[folds.train(fold)], 0))
        for measure in MEASURES:
            if measure in table:
                relative = table[measure] / (np.maximum(shared, 0) + typical)
                table[f"{measure}_relative"] = relative
    return table


def cross_product(values: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over pairs p != q of the row-wise products <v_p, v_q> / d.

    Unbiased for the energy of what people share, when the rest is independent between them.

    Parameters
    ----------
    values : of each person, (n, d)

    Returns
    -------
    (n,)
    """
    people, total = len(values), np.sum(values, axis=0)
    own = sum(np.mean(v**2, axis=1) for v in values)
    return (np.mean(total**2, axis=1) - own) / (people * (people - 1))


def _mean_energy(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.mean([np.mean(v**2, axis=1) for v in values], axis=0)


def _in_training_units(
    people: dict[str, Sequence[np.ndarray] | None], train: np.ndarray, chosen: tuple
) -> dict[str, list[np.ndarray]]:
    """Selected sensors and bins as (n, d), minus training mean, over training deviation."""
    moments, scaled = [], {}
    for kind, arrays in people.items():
        if arrays is None:
            continue
        scaled[kind] = []
        for person, array in enumerate(arrays):
            values = array[:, chosen[0], chosen[1]].reshape(len(array), -1).astype(np.float32)
            if kind == "response":
                moments.append(
                    (
                        values[train].mean(axis=0, dtype=float).astype(np.float32),
                        values[train].std(axis=0, dtype=float).astype(np.float32),
                    )
                )
            mean, sd = moments[person]
            if (sd <= 0).any():
                raise LmbrainError(
                    f"Person {person} (from 0) has a sensor that is constant in a training fold; "
                    "mark it as bad."
                )
            scaled[kind].append((values - mean) / sd)
    return scaled


def _check(people: dict[str, Sequence[np.ndarray] | None], folds: Folds) -> tuple[int, ...]:
    shape = people["response"][0].shape
    for kind, arrays in people.items():
        if arrays is None:
            continue
        if len(arrays) != len(people["response"]):
            raise LmbrainError(f"There are not as many {kind} arrays as people.")
        for person, array in enumerate(arrays):
            if array.shape != shape or len(array) != len(folds.block):
                raise LmbrainError(
                    f"The {kind} of person {person} (from 0) has shape {array.shape}, not {shape} "
                    f"with the {len(folds.block)} samples of the folds; rerun from the same folds."
                )
            if not np.isfinite(array[folds.usable]).all():
                raise LmbrainError(
                    f"The {kind} of person {person} (from 0) is missing for a usable sample; "
                    "predict every usable sample from the same folds."
                )
    return shape


def _note(people: int, others: bool) -> str:
    if people == 1:
        return (
            "One person alone: there are no other brains, so only squared error (which follows "
            "the response's own energy) and skill over controls are given; words are ranked by "
            "squared error."
        )
    return "" if others else "Without predictions from other people there is no gap."
