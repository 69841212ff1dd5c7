"""Sign flips of independent units (blocks of words, people): one null for all targets at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats

from lmbrain.inference.clusters import cluster_masses
from lmbrain.inference.correction import max_statistic, times_reached
from lmbrain.inference.resampling import sign_flips

# Null values held at once: bounds the memory, changes no result.
CHUNK = 4_000_000
# One-sided p above which a target belongs to no cluster.
CLUSTER_FORMING_P = 0.01


@dataclass(frozen=True)
class FlipTest:
    """P-values, one-sided.

    Attributes
    ----------
    p, p_fwe : (t,)
        Alone; corrected by the maximum over all targets.
    p_cluster : (t,) or None
        Of the cluster that a target belongs to, by its mass, corrected by the largest cluster of
        each flip; 1 for targets in no cluster. It speaks for the cluster, not for the target.
    floor
        The smallest p possible.
    """

    p: np.ndarray
    p_fwe: np.ndarray
    p_cluster: np.ndarray | None
    floor: float


def flip_test(
    sums: np.ndarray,
    resamples: int,
    seed: int,
    *,
    observed: np.ndarray | None = None,
    adjacency: sparse.csr_array | None = None,
) -> FlipTest:
    """Test columns of independent, symmetric values against random flips of the rows' signs.

    The statistic of a flip is sum(S) / sqrt(sum(S**2)): its denominator changes with no flip, so
    that the maximum over targets is over comparable values.

    Parameters
    ----------
    sums : (units, t)
        One value for each exchangeable unit.
    resamples
        All 2**units flips are used instead if they are no more.
    seed
    observed : (t,), optional
        Held against the null instead of the sums' own statistic, where that is known to vary more
        than its flips do (`flip_scale` brings normal scores to its scale).
    adjacency : (t, t), optional
        Neighbours, from `lmbrain.inference.clusters.sensor_adjacency`; without it, no clusters.

    References
    ----------
    Winkler et al. 2014, NeuroImage 92, 381-397; Maris & Oostenveld 2007, J Neurosci Methods 164,
    177-190.
    """
    signs, exact = sign_flips(len(sums), resamples, seed)
    length = np.sqrt((sums**2).sum(axis=0))
    # Two equal predictions differ nowhere: their statistic is 0 under every flip.
    scaled = sums / np.where(length > 0, length, 1.0)
    if observed is None:
        observed = scaled.sum(axis=0)
    else:
        exact = False  # no flip gives this value: it counts as one more
    threshold = float(flip_scale(stats.norm.isf(np.array([CLUSTER_FORMING_P])), len(sums))[0])
    reached, maxima, masses = 0, [], []
    rows = max(1, CHUNK // len(observed))
    for start in range(0, len(signs), rows):
        null = signs[start : start + rows] @ scaled
        reached = reached + times_reached(observed, null)
        maxima.append(null.max(axis=1))
        if adjacency is not None:
            largest = null.max(axis=1) > threshold  # else there is no cluster
            found = np.zeros(len(null))
            found[largest] = [cluster_masses(r, threshold, adjacency).max() for r in null[largest]]
            masses.append(found)
    more = 0 if exact else 1
    p_cluster = None
    if adjacency is not None:
        own = cluster_masses(observed, threshold, adjacency)
        p_cluster = np.where(own > 0, max_statistic(own, np.concatenate(masses), exact), 1.0)
    return FlipTest(
        p=(reached + more) / (len(signs) + more),
        p_fwe=max_statistic(observed, np.concatenate(maxima), exact),
        p_cluster=p_cluster,
        floor=1 / (len(signs) + more),
    )


def normal_score(sums: np.ndarray) -> np.ndarray:
    """sum(S) / sqrt(sum(S**2)) of (units, t) values on the scale of a standard normal one.

    By way of Student's t, to which `flip_scale` goes back; 0 where all values are 0.
    """
    units = len(sums)
    length = np.sqrt((sums**2).sum(axis=0))
    statistic = sums.sum(axis=0) / np.where(length > 0, length, 1.0)
    # All values alike: the statistic is at its limit, sqrt(units), and t infinite.
    with np.errstate(divide="ignore"):
        t = statistic * np.sqrt((units - 1) / np.maximum(units - statistic**2, 0))
    return stats.norm.isf(stats.t.sf(t, units - 1))


def flip_scale(scores: np.ndarray, units: float) -> np.ndarray:
    """Standard normal scores on the scale of sum(S) / sqrt(sum(S**2)) of `units` normal values.

    That statistic is u = t sqrt(units / (units - 1 + t**2)) with t Student's, units - 1 degrees
    of freedom.
    """
    t = stats.t.isf(stats.norm.sf(scores), units - 1)
    # Beyond the precision of a tail, u is at its limit.
    limit = np.sqrt(float(units))
    with np.errstate(over="ignore", invalid="ignore"):
        scale = t * np.sqrt(units / (units - 1 + t**2))
    return np.where(np.isfinite(t), scale, np.sign(scores) * limit)
