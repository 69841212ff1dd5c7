"""Whether contenders chose the same penalties and predict the same."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from bench.measure import Arrays
from lmbrain.encoding.folds import Folds
from lmbrain.encoding.scores import pearson
from lmbrain.errors import LmbrainError

# Of the logarithm of a penalty.
_ROUNDING = 1e-3


def against_peers(
    results: dict[str, Arrays],
    responses: np.ndarray,
    folds: Folds,
    grid: list[float],
    other_grid: Collection[str] = (),
) -> list[dict[str, str]]:
    """Rows that compare `lmbrain` with each other contender on the outer folds that both ran.

    r is the correlation inside one test fold of one target. Where the choices differ r may, too,
    so its difference is given over the equal ones. Contenders named in `other_grid` chose from
    other penalties than `grid`: of theirs only the mean r is compared.
    """
    own = results["lmbrain"]
    own_choice, own_r = place_in_grid(own["penalty"], grid), _correlations(own, responses, folds)
    rows = []
    for name, peer in results.items():
        if name == "lmbrain":
            continue
        r = _correlations(peer, responses, folds)
        row = {
            "contender": name,
            "choices equal": "other penalties",
            "within one step": "",
            "largest difference of r where equal": "",
            "mean r": f"{r.mean():.4f}",
            "mean r of lmbrain": f"{own_r[: len(r)].mean():.4f}",
        }
        if name not in other_grid:
            steps = np.abs(place_in_grid(peer["penalty"], grid) - own_choice[: len(r)])
            equal = steps == 0
            row["choices equal"] = f"{equal.mean():.2%}"
            row["within one step"] = f"{(steps <= 1).mean():.2%}"
            if equal.any():
                difference = np.abs(r - own_r[: len(r)])[equal].max()
                row["largest difference of r where equal"] = f"{difference:.1e}"
        rows.append(row)
    return rows


def against_explicit_loops(
    own: Arrays, loops: Arrays, targets: list[int], grid: list[float]
) -> dict[str, str]:
    """A row that compares `lmbrain` with explicit loops on some targets.

    A different choice is only a fault if its validation score is worse than the best one by more
    than rounding, so the largest such loss is given.
    """
    choice = place_in_grid(own["penalty"][:, targets], grid)
    equal = choice == place_in_grid(loops["penalty"], grid)
    at_choice = np.take_along_axis(loops["validation"], choice[:, None], axis=1)[:, 0]
    loss = (loops["validation"].max(axis=1) - at_choice).max()
    # A target that chose alike in every fold is predicted by the same fits throughout.
    alike = equal.all(axis=0)
    difference = np.abs(own["prediction"][:, targets] - loops["prediction"])[:, alike]
    return {
        "check by explicit loops in float64": f"{len(targets)} targets",
        "choices equal": f"{equal.sum()} of {equal.size}",
        "largest loss of validation R2": f"{loss:.1e}",
        "largest difference of predictions where equal": (
            f"{np.nanmax(difference):.1e}" if alike.any() else ""
        ),
    }


def place_in_grid(penalty: np.ndarray, grid: list[float]) -> np.ndarray:
    """Index of each penalty in the grid, refused where it is none of them but for rounding.

    himalaya's penalties went through float32 logarithms and are off by some 1e-6 of their value.
    """
    distance = np.abs(np.log(penalty)[..., None] - np.log(grid))
    if distance.min(axis=-1).max() > _ROUNDING:
        raise LmbrainError("A chosen penalty is not on the grid; give all contenders one grid.")
    return distance.argmin(axis=-1)


def _correlations(result: Arrays, responses: np.ndarray, folds: Folds) -> np.ndarray:
    """(folds that ran, t) correlation inside each test fold."""
    tests = [folds.test(fold) for fold in range(len(result["penalty"]))]
    return np.stack([pearson(result["prediction"][test], responses[test]) for test in tests])
