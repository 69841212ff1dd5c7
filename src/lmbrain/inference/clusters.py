"""Clusters of neighbouring sensors and bins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from lmbrain.artefacts import open_netcdf
from lmbrain.errors import LmbrainError
from lmbrain.meg.canonical_sensors import canonical_info

if TYPE_CHECKING:
    import mne


def sensor_adjacency(info: mne.Info, sensors: Sequence[str], bins: int) -> sparse.csr_array:
    """Which sensors and bins are neighbours: near each other in space, or one bin apart.

    Sensors are neighbours by MNE's template for the system or, without one, by Delaunay
    triangulation, within each channel type.

    Parameters
    ----------
    info
        Holds the sensors' positions.
    sensors
        Names, in the order of the responses.
    bins
        Number of time bins.

    Returns
    -------
    (t, t) bool, t = sensors x bins, bins fastest.

    Raises
    ------
    LmbrainError
        If a sensor is not in `info`, has no position there, or MNE knows no neighbours of it.
    """
    import mne

    missing = [s for s in sensors if s not in info.ch_names]
    if missing:
        raise LmbrainError(
            f"Sensor {missing[0]} is not in the recording; name the sensors as the recording does."
        )
    chosen = mne.pick_info(info, [info.ch_names.index(s) for s in sensors])
    for channel in chosen["chs"]:
        if not np.any(np.nan_to_num(channel["loc"][:3])):
            raise LmbrainError(
                f"Sensor {channel['ch_name']} has no position in the recording, so that clusters "
                "have no neighbours; add the positions (mne.Info.set_montage or the raw file's)."
            )
    # CTF's recordings name sensors MLC11-1609, their template MLC11.
    place = {name.split("-")[0]: i for i, name in enumerate(sensors)}
    place |= {name: i for i, name in enumerate(sensors)}
    rows, columns = [], []
    for kind in dict.fromkeys(chosen.get_channel_types()):
        with mne.utils.use_log_level("error"):
            found, names = mne.channels.find_ch_adjacency(chosen, kind)
        first, second = found.nonzero()
        alone = [s for s, k in zip(sensors, chosen.get_channel_types(), strict=True) if k == kind]
        known = set(names)
        unknown = next((s for s in alone if not known & {s, s.split("-")[0]}), None)
        if unknown is not None:
            raise LmbrainError(
                f"MNE's neighbours of {kind} sensors do not name {unknown}; name the sensors as "
                "their system does."
            )
        order = np.array([place.get(name, -1) for name in names])
        here = (order[first] >= 0) & (order[second] >= 0)
        rows.append(order[first[here]])
        columns.append(order[second[here]])
    pairs = np.concatenate(rows), np.concatenate(columns)
    space = sparse.coo_array((np.ones(len(pairs[0])), pairs), shape=(len(sensors),) * 2)
    return sparse.csr_array(mne.stats.combine_adjacency(space, bins)).astype(bool)


def read_neighbours(
    recording: str | Path, sensors: Sequence[str], bins: int
) -> sparse.csr_array | None:
    """`sensor_adjacency` of a file of responses; None where it does not say where sensors are.

    Epochs (FIF) do, and running responses (netCDF) with the attribute `system`.
    """
    if Path(recording).suffix != ".fif":
        with open_netcdf(recording) as data:
            system = data["responses"].attrs.get("system")
        return None if system is None else sensor_adjacency(canonical_info(system), sensors, bins)
    import mne

    info = mne.read_epochs(recording, preload=False, verbose="error").info
    return sensor_adjacency(info, sensors, bins)


def cluster_masses(
    statistic: np.ndarray, threshold: float, adjacency: sparse.csr_array
) -> np.ndarray:
    """Sum of the statistic over the cluster that each target belongs to.

    Parameters
    ----------
    statistic : (t,)
    threshold
        Targets at or below it belong to no cluster.
    adjacency : (t, t)

    Returns
    -------
    (t,), 0 for targets in no cluster.
    """
    masses = np.zeros(len(statistic))
    above = np.flatnonzero(statistic > threshold)
    if len(above):
        label = connected_components(adjacency[above][:, above], directed=False)[1]
        masses[above] = np.bincount(label, weights=statistic[above])[label]
    return masses
