"""A comparison of two models as one labelled data set: sensors, windows, time, people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from lmbrain.inference.comparison import Comparison, sign_flip_people, window_gains
from lmbrain.meg.ceiling import ceiling_of_average

PLACE = ("sensor", "time")


def summarise(
    found: Comparison,
    place: Mapping[str, xr.DataArray],
    windows: Sequence[Mapping[str, float]],
    own_gains: np.ndarray,
    reliability: np.ndarray,
    average_of: float,
    *,
    resamples: int,
    seed: int,
) -> xr.Dataset:
    """Put everything that a comparison says in one data set.

    Parameters
    ----------
    found
        Over s sensors x t bins, flat.
    place
        Coordinates `sensor` (s,) and `time` (t,) in seconds.
    windows
        `start` and `stop` in seconds; none: all bins are one window.
    own_gains : (people, s, t)
        Gain in r of each person's own fits.
    reliability : (s, t)
        Of one person's response (`lmbrain.meg.ceiling.NoiseCeiling`); NaN for one person alone.
    average_of
        How many people's average was predicted (`lmbrain.responses.people_averaged`); 1 for single
        people.
    resamples, seed
        Of the sign flips of people.

    Returns
    -------
    Dataset
        (sensor, time): `r_gain`, `ceiling_share` (of the noise ceiling), `error_gain`, `p`,
        `p_fwe`, `q`, perhaps `p_cluster`; with (bound, ...) `interval`, `error_interval`. (window):
        `window_start`, `window_stop`, `window_gain`, `window_interval`, `window_ceiling`,
        `window_p`, `window_p_corrected`. (time): `course`, `course_interval`. (subject, ...)
        `r_gain_people`; with several people `p_people`, `p_people_fwe`, `window_people_gain`,
        `window_people_p`. Attributes `notes`, `block`.
    """
    time = place["time"].to_numpy()
    shape = len(place["sensor"]), len(time)
    bins = [(time > w["start"]) & (time < w["stop"]) for w in windows] or [np.ones(len(time), bool)]
    limit = ceiling_of_average(reliability, average_of)
    result = xr.Dataset(
        {
            name: (PLACE, getattr(found, name).reshape(shape))
            for name in ("r_gain", "error_gain", "p", "p_fwe", "q")
        }
        | {
            name: (("bound", *PLACE), getattr(found, name).reshape(2, *shape))
            for name in ("interval", "error_interval")
        },
        coords=dict(place),
    )
    result["ceiling_share"] = result["r_gain"] / np.where(limit > 0, limit, np.nan)
    if found.p_cluster is not None:
        result["p_cluster"] = (PLACE, found.p_cluster.reshape(shape))
    shared = np.array([reliability[:, b].mean() for b in bins])
    result["window_start"] = ("window", [w["start"] for w in windows] or [time.min()])
    result["window_stop"] = ("window", [w["stop"] for w in windows] or [time.max()])
    result["window_ceiling"] = ("window", ceiling_of_average(shared, average_of))
    people, notes = _people(own_gains, bins, resamples, seed)
    attributes = {"notes": "\n".join([*found.notes, *notes]), "block": found.block}
    return result.assign(_gains(found, bins, shape) | people).assign_attrs(attributes)


def _gains(
    found: Comparison, bins: Sequence[np.ndarray], shape: tuple[int, int]
) -> dict[str, tuple]:
    """Mean gain over sensors, of each window and of each bin."""

    def over(chosen: Sequence[np.ndarray]):
        return window_gains(found, [np.broadcast_to(b, shape).ravel() for b in chosen])

    windows, course = over(bins), over(np.eye(shape[1], dtype=bool))
    return {
        "window_gain": ("window", windows.effect),
        "window_interval": (("bound", "window"), windows.interval),
        "window_p": ("window", windows.p),
        "window_p_corrected": ("window", windows.p_corrected),
        "course": ("time", course.effect),
        "course_interval": (("bound", "time"), course.interval),
    }


def _people(
    own_gains: np.ndarray, bins: Sequence[np.ndarray], resamples: int, seed: int
) -> tuple[dict[str, tuple], list[str]]:
    """Tests over people, per sensor and bin and in each window, and their notes."""
    gains = {"r_gain_people": (("subject", *PLACE), own_gains)}
    people, *shape = own_gains.shape
    if people < 2:
        return gains, []
    across = sign_flip_people(own_gains.reshape(people, -1), resamples, seed)
    means = np.column_stack([own_gains[:, :, b].mean(axis=(1, 2)) for b in bins])
    in_windows = sign_flip_people(means, resamples, seed)
    return gains | {
        "p_people": (PLACE, across.p.reshape(shape)),
        "p_people_fwe": (PLACE, across.p_fwe.reshape(shape)),
        "window_people_gain": ("window", in_windows.effect),
        "window_people_p": ("window", in_windows.p),
    }, across.notes
