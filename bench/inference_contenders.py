"""Family-wise corrected p-values of block sums by this project and by MNE's one-sample tests.

Each function prepares one contender's work (see `bench.measure`). Its data are `sums`
(blocks, sensors x bins); the work returns the corrected `p` (sensors x bins,).
"""

from __future__ import annotations

import mne
import numpy as np
from scipy import sparse, stats

from bench.measure import Arrays, Work
from lmbrain.inference.clusters import sensor_adjacency
from lmbrain.inference.flips import CLUSTER_FORMING_P, flip_test


def lmbrain_maximum(data: Arrays, resamples: int, bins: int) -> Work:
    """This project, without clusters."""
    return lambda: {"p": flip_test(data["sums"], resamples, seed=0).p_fwe}


def mne_maximum(data: Arrays, resamples: int, bins: int) -> Work:
    """`mne.stats.permutation_t_test`: the maximum of Student's t."""

    def work() -> Arrays:
        p = mne.stats.permutation_t_test(
            data["sums"], n_permutations=resamples, tail=1, rng=0, verbose="error"
        )[1]
        return {"p": p}

    return work


def lmbrain_clusters(data: Arrays, resamples: int, bins: int) -> Work:
    """This project, with clusters (and the maximum)."""
    adjacency = _adjacency(bins)

    def work() -> Arrays:
        return {"p": flip_test(data["sums"], resamples, seed=0, adjacency=adjacency).p_cluster}

    return work


def mne_clusters(data: Arrays, resamples: int, bins: int) -> Work:
    """`mne.stats.permutation_cluster_1samp_test`, the same neighbours and threshold; t masses."""
    adjacency = sparse.coo_array(_adjacency(bins).astype(float))
    threshold = stats.t.isf(CLUSTER_FORMING_P, len(data["sums"]) - 1)

    def work() -> Arrays:
        _, clusters, found, _ = mne.stats.permutation_cluster_1samp_test(
            data["sums"],
            threshold=threshold,
            n_permutations=resamples,
            tail=1,
            adjacency=adjacency,
            out_type="mask",
            rng=0,
            verbose="error",
        )
        p = np.ones(data["sums"].shape[1])
        for mask, value in zip(clusters, found, strict=True):
            p[mask] = value
        return {"p": p}

    return work


def _adjacency(bins: int) -> sparse.csr_array:
    info = mne.channels.read_meg_canonical_info("neuromag")
    sensors = [info.ch_names[i] for i in mne.pick_types(info, meg=True)]
    return sensor_adjacency(info, sensors, bins)
