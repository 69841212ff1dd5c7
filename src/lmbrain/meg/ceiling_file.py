"""What the file of noise ceilings holds.

Variables, per sensor and bin; of each subject or pool size where it says so:

`reliability`, `ceiling`
    Mean correlation of two people, and its square root.
`leave_one_out`, `leave_one_out_limit` (subject)
    Correlation with the mean of the others, and with that of infinitely many.
`cross_subject`, `cross_subject_limit` (subject)
    Correlation with the others' prediction, and with that of infinitely many.
`leave_one_out_pools`, `cross_subject_pools` (pool)
    The same with 1, 2, ... others, mean over subjects.
`leave_one_out_shared` (subject, other), `leave_one_out_agreement` (subject), and of `cross_subject`
    a_q and c behind the limits (`lmbrain.meg.pools`); others in the order of subjects.
`split_half`, `split_half_single` (subject)
    Reliability of the mean of all repeats, and of one; only where somebody has repeats.

Ends of 95% intervals over other words: the same name and `_low`, `_high`. Attributes: `note`, and
`mean_reliability` (mean over sensors and bins, with the ends of its interval).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from lmbrain.meg.ceiling import NoiseCeiling
from lmbrain.meg.cross_subject import OTHERS, PLACE, POOLS, with_interval
from lmbrain.meg.split_half import SplitHalf

PEOPLE = ("subject", *PLACE)


def ceiling_file(
    found: NoiseCeiling,
    across: Sequence[xr.Dataset],
    halves: Mapping[str, SplitHalf],
    subjects: Sequence[str],
    like: xr.DataArray,
) -> xr.Dataset:
    """All noise ceilings of a group.

    Parameters
    ----------
    found
    across
        Each person's `lmbrain.meg.cross_subject.cross_subject_file`, in the order of `subjects`;
        empty for one person.
    halves
        Of each person with repeats.
    subjects
    like
        Responses, for the names of sensors and bins.
    """
    result = xr.Dataset(
        {
            "leave_one_out_pools": (POOLS, found.pools),
            "leave_one_out_shared": (("subject", *OTHERS), found.shared),
            "leave_one_out_agreement": (PEOPLE, found.agreement),
            **_estimates(found),
            **(_repeats(halves, subjects) if halves else {}),
        },
        coords={
            "sensor": like["sensor"],
            "time": like["time"],
            "subject": list(subjects),
            "pool": np.arange(1, len(found.pools) + 1),
        },
        attrs={"note": found.note, "mean_reliability": found.mean_reliability},
    )
    if not across:
        return result
    people = [one.drop_vars("prediction").drop_vars(["sensor", "time"]) for one in across]
    joined = xr.concat(people, dim="subject")
    joined["cross_subject_pools"] = joined["cross_subject_pools"].mean("subject")
    return result.merge(joined)


def _estimates(found: NoiseCeiling) -> dict[str, tuple[Sequence[str], np.ndarray]]:
    variables = {}
    for name, interval in found.interval.items():
        value = getattr(found, name)
        dims = PLACE if value.ndim == len(PLACE) else PEOPLE
        variables |= with_interval(name, dims, value, interval)
    return variables


def _repeats(
    halves: Mapping[str, SplitHalf], subjects: Sequence[str]
) -> dict[str, tuple[Sequence[str], np.ndarray]]:
    shape = next(iter(halves.values())).correlation.shape
    values, single = np.full((2, len(subjects), *shape), np.nan)
    interval = np.full((2, len(subjects), *shape), np.nan)
    for row, subject in enumerate(subjects):
        if subject in halves:
            values[row], single[row] = halves[subject].reliability, halves[subject].single
            interval[:, row] = halves[subject].interval
    return {
        **with_interval("split_half", PEOPLE, values, interval),
        "split_half_single": (PEOPLE, single),
    }
