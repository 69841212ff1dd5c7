"""How long nested ridge will take and how much memory, from this machine's measured rates."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import numpy as np

from lmbrain.encoding.folds import Folds
from lmbrain.encoding.moments import ROWS_AT_ONCE, VALUES_AT_ONCE
from lmbrain.encoding.nested import BYTES_AT_ONCE
from lmbrain.encoding.validation import TARGETS_AT_ONCE

STEPS_A_RESPONSE, STEPS_A_FEATURE, SECONDS_A_SET = 100, 30, 0.002


@dataclass(frozen=True)
class Cost:
    """What a run should take, within a factor of two, on an otherwise idle machine.

    Attributes
    ----------
    seconds : float
    bytes : int
        At the peak, features and responses as given not included.
    side : "features" or "samples"
        Whose Gram matrix is decomposed.
    """

    seconds: float
    bytes: int
    side: str

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds), 60)
        took = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
        return f"about {took} and {self.bytes / 1e9:.1f} GB, by the {self.side}' Gram matrix"


@dataclass(frozen=True)
class Rates:
    """Floating-point operations a second: products in each precision, `numpy.linalg.eigh` counted
    as the cube of the matrix' size, and single steps over a float64 array."""

    single: float
    double: float
    eigh: float
    steps: float


def estimate_cost(
    folds: Folds,
    n_features: int,
    n_targets: int,
    n_penalties: int,
    *,
    n_weightings: int = 1,
    fitted_design: bool = False,
    own_targets: bool = False,
    dtype: type = np.float32,
    rates: Rates | None = None,
) -> Cost:
    """Estimate what `lmbrain.encoding.ridge.nested_ridge` will take on this machine.

    Counts the operations of decompositions, target-sized products and, on the samples' side,
    kernels (see `decomposition.py` and `validation.py`) over the measured rates.

    Parameters
    ----------
    folds : Folds
    n_features, n_targets, n_penalties, n_weightings : int
    fitted_design : bool
        Every training set has features of its own; making them is not counted.
    own_targets : bool
        Every outer fold has responses of its own.
    dtype : float32 or float64
        Of target-sized products.
    rates : Rates, optional
        Default: measured now, in some tenths of a second.
    """
    rates = rates or measured_rates(min(1000, max(100, n_features)))
    blocks = folds.n_outer
    n = int(folds.usable.sum())
    scored = n / blocks
    trained = n * (blocks - 2) / blocks
    by_features = n_features <= trained
    q = n_features if by_features else trained
    pairs = blocks * (blocks - 1) / 2
    item = np.dtype(dtype).itemsize
    product_rate = rates.single if item == 4 else rates.double
    sets = pairs + blocks
    kept = by_features and not fitted_design
    per_target = n * (blocks if own_targets else 1) + blocks * (n_features + 1) * kept
    passes = int(np.ceil(n_targets * per_target * item / BYTES_AT_ONCE))

    seconds = passes * sets * n_weightings * q**3 / rates.eigh
    rows = min(scored, q)
    feature_sized = 2 * pairs * n_weightings * 2 * scored * n_features * q
    if by_features:
        feature_sized += n * n_features**2 * (sets if fitted_design else 1)
    else:
        feature_sized += sets * 2 * n * trained * n_features
    seconds += passes * feature_sized / rates.double
    coefficients = (sets + pairs * own_targets) * 2 * (n_features if by_features else trained) * q
    scores = 2 * pairs * (1 + n_penalties) * 2 * rows * q
    predictions = blocks * 2 * scored * q
    sums = 2 * n * n_features * (1 if kept and not own_targets else sets) * by_features
    target_sized = n_weightings * (coefficients + scores) + predictions + sums
    seconds += n_targets * target_sized / product_rate

    # What is no product: shifting, scaling, checking and scoring of targets, the standardising of
    # features for kernels, and Python itself. The counts are fitted to runs of many sizes.
    steps = STEPS_A_RESPONSE * n * n_targets
    if not by_features:
        steps += STEPS_A_FEATURE * sets * n * n_features
    seconds += steps / rates.steps + SECONDS_A_SET * sets * n_weightings

    held = (blocks + 5) * (n_features + 1) ** 2 * 8 if by_features else 5 * n * trained * 8
    held += min(n_targets * per_target * item, BYTES_AT_ONCE)
    held += 3 * n_targets * (n_features if by_features else 0) * item / passes
    held += n * n_targets * item + 2 * blocks * n_penalties * n_weightings * n_targets * 8
    held += 4 * min(min(n, ROWS_AT_ONCE) * n_features, VALUES_AT_ONCE) * 8
    held += 4 * q * min(n_targets, TARGETS_AT_ONCE) * item
    return Cost(float(seconds), int(held), "features" if by_features else "samples")


@cache
def measured_rates(size: int) -> Rates:
    """Time products and a decomposition of square matrices of this size, the best of three."""
    rng = np.random.default_rng(0)
    double = rng.standard_normal((size, size))
    single = double.astype(np.float32)
    symmetric = double + double.T
    return Rates(
        single=2 * size**3 / _best(lambda: single @ single),
        double=2 * size**3 / _best(lambda: double @ double),
        eigh=size**3 / _best(lambda: np.linalg.eigh(symmetric)),
        steps=size**2 / _best(lambda: double - 1.0),
    )


def _best(work) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
