"""Where the language model's prediction and the brains part ways: scores of words and sentences.

Notation (all in units of the training fold's standard deviation, held out, over the selected
sensors and the bins of the window, divided by their number d): response y_p of person p, the
language model's prediction L_p, the prediction X_p from other people's responses to the same word.

People may lack samples (`lmbrain.divergence.people`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lmbrain.divergence.added import added_by_others
from lmbrain.divergence.components import (
    generalised_components,
    shared_components,
    training_residuals,
)
from lmbrain.divergence.people import (
    mean_over_people,
    mean_without,
    pair_products,
    samples_of_people,
)
from lmbrain.divergence.sensors import window_mask
from lmbrain.encoding.folds import Folds
from lmbrain.errors import LmbrainError

MEASURES = (
    "squared_error",
    "gap",
    "added_by_others",
    "residual_product",
    "residual_product_components",
    "residual_product_generalised",
)
ENERGIES = ("response_energy", "prediction_energy", "shared_energy")


@dataclass(frozen=True)
class WordScores:
    """Every measure of divergence, of all people and of each one, a row a sample.

    Attributes
    ----------
    together : DataFrame
        Of all people (`word_divergence`).
    person : of each person, DataFrame
        Their part of the mean over people; of products over pairs, <v_p, mean of the others' v>.
        Empty for one person.
    rest : of each person, DataFrame
        Of all people but this one; products over pairs are there from three people on. Empty for
        one person.
    """

    together: pd.DataFrame
    person: list[pd.DataFrame]
    rest: list[pd.DataFrame]


def word_divergence(
    responses: Sequence[np.ndarray],
    predictions: Sequence[np.ndarray],
    folds: Folds,
    **settings: Any,
) -> pd.DataFrame:
    """Every measure of divergence of all people together.

    Parameters, errors
        As in `divergence_by_person`.

    Returns
    -------
    DataFrame of n rows: its `together`.
    """
    return divergence_by_person(responses, predictions, folds, **settings).together


def divergence_by_person(
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
    usable: Sequence[np.ndarray] | None = None,
) -> WordScores:
    """Every measure of divergence, a row a sample (word or volume).

    Measures, mean over people p (or pairs p != q):
    squared_error |y-L|^2; gap |y-L|^2 - |y-X|^2; added_by_others |y-Z|^2 - |y-Z'|^2, Z stacked of
    L and the controls' prediction C, Z' of L, C and X (`lmbrain.divergence.added`);
    residual_product <y_p - L_p, y_q - L_q>;
    residual_product_components, the same on the leading components of the shared residual;
    residual_product_generalised, the same on those that stand out most from the noise, in units
    of its variance and divided by the number of components instead of d;
    skill |y-C|^2 - |y-L|^2 (C is the training mean without controls),
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
        With `usable`, that from other people may be NaN where nobody else has the sample.
    folds
        Of the study.
    window : (t,) bool
    sensors : (n_outer, s) bool
        From `select_reliable_sensors` or `select_sensors`.
    components
        Number of components of the shared residual. One person's and the rest's scores are taken
        on those of all people: fitted on training samples, they know no test sample.
    features : (n, f)
        Taken out of the training responses before their components are found.
    usable : of each person, (n,) bool
        The samples of her own folds (`lmbrain.encoding.folds.Folds.of_person`), where some people
        lack some; by default all.

    Returns
    -------
    WordScores
        Tables of n rows, NaN for samples never used and, where a measure needs several people,
        for those that too few have. `together.attrs['note']` names what one
        person alone, or a study without `others`, cannot give.

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
    has = samples_of_people(responses, folds, usable)
    shape = _check(people, folds, has, usable is not None)
    window = window_mask(window, shape[2])
    if sensors.dtype != bool or sensors.shape != (folds.n_outer, shape[1]):
        raise LmbrainError(f"sensors must be True or False for {folds.n_outer} folds x {shape[1]}.")
    parts = []
    for fold in range(folds.n_outer):
        chosen = np.ix_(np.flatnonzero(sensors[fold]), np.flatnonzero(window))
        scaled = _in_training_units(people, folds.train(fold), chosen, has)
        terms = _terms(scaled, folds, fold, components, features)
        rows = np.flatnonzero(folds.test(fold))
        parts.append([table.set_index(rows) for table in _tables(terms)])
    whole = [pd.concat(tables).reindex(range(shape[0])) for tables in zip(*parts, strict=True)]
    together, count = whole[0], len(responses) if len(responses) > 1 else 0
    together.attrs["note"] = _note(len(responses), others is not None)
    return WordScores(together, whole[1 : 1 + count], whole[1 + count :])


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


@dataclass(frozen=True)
class _Terms:
    """One fold's scores of each person.

    Attributes
    ----------
    own : of each column, (people, test samples)
        Means over people: p's part. Products over pairs: of p with the mean of the others.
    typical : (people, training samples)
        <y_p, mean of the others' y>; no row for one person.
    pairs
        The columns that are products over pairs.
    """

    own: dict[str, np.ndarray]
    typical: np.ndarray
    pairs: frozenset[str]


def _terms(
    scaled: dict[str, list[np.ndarray]],
    folds: Folds,
    fold: int,
    components: int,
    features: np.ndarray | None,
) -> _Terms:
    test = folds.test(fold)
    everything = scaled["response"]
    tested = {kind: [v[test] for v in values] for kind, values in scaled.items()}
    y, predicted, several = tested["response"], tested["prediction"], len(everything) > 1
    other, control = tested.get("other"), tested.get("control")
    residual = [a - b for a, b in zip(y, predicted, strict=True)]
    own = {"squared_error": _energies(residual)}
    if other is not None:
        apart = _energies([a - b for a, b in zip(y, other, strict=True)])
        own["gap"] = own["squared_error"] - apart
        stacked = zip(y, predicted, other, control or [None] * len(y), strict=True)
        own["added_by_others"] = np.array([_added(*arrays) for arrays in stacked])
    pairs: set[str] = set()
    if several:
        products = _residual_products(residual, everything, folds, fold, components, features)
        own |= products
        pairs |= set(products)
    baseline = y if control is None else [a - b for a, b in zip(y, control, strict=True)]
    own["skill"] = _energies(baseline) - own["squared_error"]
    own["response_energy"] = _energies(y)
    own["prediction_energy"] = _energies(predicted)
    if other is not None:
        own["shared_energy"] = _energies(other)
    elif several:
        own["shared_energy"] = pair_products(y)
        pairs.add("shared_energy")
    train = [v[folds.train(fold)] for v in everything]
    # From the responses alone: X of training samples comes from fits that saw the test block.
    typical = pair_products(train) if several else np.empty((0, len(train[0])))
    return _Terms(own, typical, frozenset(pairs))


def _residual_products(
    residual: list[np.ndarray],
    responses: list[np.ndarray],
    folds: Folds,
    fold: int,
    components: int,
    features: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Residual products of the test samples' residuals, (people, test samples) each."""
    products = pair_products(residual)
    learnt = training_residuals(responses, folds, fold, features)
    if not sum(np.isfinite(r[:, 0]).astype(int) for r in learnt).max() > 1:
        missing = np.full_like(products, np.nan)  # no two people share a training sample
        names = ("residual_product_components", "residual_product_generalised")
        return {"residual_product": products} | dict.fromkeys(names, missing)
    shared = shared_components(learnt, components)
    generalised = generalised_components(learnt, components)
    on_shared = pair_products([r @ shared for r in residual])
    return {
        "residual_product": products,
        "residual_product_components": on_shared * (components / residual[0].shape[1]),
        "residual_product_generalised": pair_products([r @ generalised for r in residual]),
    }


def _tables(terms: _Terms) -> list[pd.DataFrame]:
    """All people's scores, then each person's own, then those of the people but each one."""
    people = len(terms.own["squared_error"])
    every = {name: mean_over_people(values) for name, values in terms.own.items()}
    tables = [_with_relative(every, mean_over_people(terms.typical) if people > 1 else None)]
    if people == 1:
        return tables
    for p in range(people):
        own = {name: values[p] for name, values in terms.own.items()}
        tables.append(_with_relative(own, terms.typical[p]))
    for p in range(people):
        rest = {
            name: mean_without(values, p, name in terms.pairs)
            for name, values in terms.own.items()
            if people > 2 or name not in terms.pairs
        }
        tables.append(
            _with_relative(rest, mean_without(terms.typical, p, True) if people > 2 else None)
        )
    return tables


def _with_relative(scores: dict[str, np.ndarray], typical: np.ndarray | None) -> pd.DataFrame:
    """The scores as a table, and their relative versions where `typical` <y_p, y_q> exist."""
    table = pd.DataFrame(scores)
    if typical is None:
        return table
    finite = typical[np.isfinite(typical)]
    usual = np.mean(np.maximum(finite, 0)) if len(finite) else np.nan
    scale = np.maximum(table["shared_energy"], 0) + usual
    for measure in MEASURES:
        if measure in table:
            table[f"{measure}_relative"] = table[measure] / scale
    return table


def _added(
    response: np.ndarray,
    prediction: np.ndarray,
    other: np.ndarray,
    control: np.ndarray | None,
) -> np.ndarray:
    """`added_by_others` of the words that this person and others have; NaN elsewhere."""
    rows = np.isfinite(response).all(axis=1) & np.isfinite(other).all(axis=1)
    result = np.full(len(response), np.nan)
    arrays = (response, prediction, other, control)
    result[rows] = added_by_others(*(None if a is None else a[rows] for a in arrays))
    return result


def _energies(values: Sequence[np.ndarray]) -> np.ndarray:
    """(people, n)"""
    return np.array([np.mean(v**2, axis=1) for v in values])


def _in_training_units(
    people: dict[str, Sequence[np.ndarray] | None],
    train: np.ndarray,
    chosen: tuple,
    has: np.ndarray,
) -> dict[str, list[np.ndarray]]:
    """Selected sensors and bins as (n, d), minus training mean, over training deviation.

    Samples that a person lacks are NaN.
    """
    moments, scaled = [], {}
    for kind, arrays in people.items():
        if arrays is None:
            continue
        scaled[kind] = []
        for person, array in enumerate(arrays):
            values = array[:, chosen[0], chosen[1]].reshape(len(array), -1).astype(np.float32)
            if kind == "response":
                own = values[train & has[person]]
                moments.append(
                    (
                        own.mean(axis=0, dtype=float).astype(np.float32),
                        own.std(axis=0, dtype=float).astype(np.float32),
                    )
                )
            mean, sd = moments[person]
            if (sd <= 0).any():
                raise LmbrainError(
                    f"Person {person} (from 0) has a sensor that is constant in a training fold; "
                    "mark it as bad."
                )
            values = (values - mean) / sd
            values[~has[person]] = np.nan
            scaled[kind].append(values)
    return scaled


def _check(
    people: dict[str, Sequence[np.ndarray] | None], folds: Folds, has: np.ndarray, unequal: bool
) -> tuple[int, ...]:
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
            finite = np.isfinite(array).all(axis=(1, 2))
            # Where people lack samples, nobody else may have this one, or enough of its block.
            enough = np.any if kind == "other" and unequal else np.all
            if not enough(finite[has[person]]):
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
    return (
        ""
        if others
        else ("Without predictions from other people there is no gap, nor what others add.")
    )
