"""Signal space separation (SSS, tSSS): fields from inside the helmet apart from those outside.

References
----------
Taulu & Simola 2006 (tSSS); Taulu & Kajola 2005 (SSS, movement compensation).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mne
import numpy as np

from lmbrain.meg.saturation import SKIPPED

log = logging.getLogger(__name__)

SPHERE = (0.0, 0.0, 0.04)  # m, head coordinates, where no head shape was digitised
FEWEST_POINTS = 10  # of a head shape that a sphere is fitted to
Settings = Mapping[str, Any]


def device_arguments(
    raw: mne.io.BaseRaw,
    maxwell: Settings,
    calibration: str | Path | None,
    cross_talk: str | Path | None,
) -> dict[str, Any]:
    """Keyword arguments that `maxwell_filter` and `find_bad_channels_maxwell` share.

    Reference sensors (CTF, KIT) stay out of the separation: MNE has no model for KIT's, and
    CTF's serve gradient compensation instead.
    """
    return {
        "origin": _origin(raw.info, maxwell["origin"]),
        "int_order": maxwell["internal_order"],
        "ext_order": maxwell["external_order"],
        "regularize": "in" if maxwell["regularise"] else None,
        "calibration": _file(calibration, maxwell["calibration"]),
        "cross_talk": _file(cross_talk, maxwell["cross_talk"]),
        "ignore_ref": "ref_meg" in raw,
    }


def separate(
    raw: mne.io.BaseRaw,
    maxwell: Settings,
    device: Settings,
    destination: mne.transforms.Transform | None,
    positions: np.ndarray | None,
) -> mne.io.BaseRaw:
    """Apply `mne.preprocessing.maxwell_filter`; without it, the file's own projections.

    Parameters
    ----------
    raw
        The recording, best not loaded: SSS loads its own copy.
    maxwell
        `apply` (bool); `tsss_duration` (s; None = no temporal extension): its buffer;
        `tsss_correlation` (0 to 1): above it a time course counts as shared by inside and
        outside, and is removed; `head_position`: `first_run` or `none`.
    device
        From `device_arguments`.
    destination
        Device-to-head transform to which the sensors are moved; None keeps the run's own.
    positions
        Head positions over the run (times x 10, as MNE keeps them) to compensate for.

    Returns
    -------
    The loaded recording; after SSS without bad sensors, as it rebuilds them.
    """
    if not maxwell["apply"]:
        # The file's own projections (such as the empty room's) serve where SSS does not.
        return raw.load_data(verbose="error").apply_proj(verbose="error")
    return mne.preprocessing.maxwell_filter(
        raw,
        st_duration=maxwell["tsss_duration"],
        st_correlation=maxwell["tsss_correlation"],
        destination=destination,
        head_pos=positions,
        skip_by_annotation=SKIPPED,
        **device,
        verbose="error",
    )


def description(
    raw: mne.io.BaseRaw, maxwell: Settings, device: Settings, destination: Any, positions: Any
) -> dict[str, Any] | None:
    """What SSS did, as plain values; None if it was not applied.

    Returns
    -------
    dict: `origin` (m, head coordinates), `calibration` and `cross_talk` (bool), `head_position`
    (in words).
    """
    if not maxwell["apply"]:
        return None
    done = raw.info["proc_history"][0]["max_info"]["sss_info"]
    place = "the run's own" if destination is None else "the person's first run"
    return {
        "origin": [round(float(v), 5) for v in done["origin"]],
        "calibration": device["calibration"] is not None,
        "cross_talk": device["cross_talk"] is not None,
        "head_position": f"{place}{'' if positions is None else ', movement compensated'}",
    }


def _file(path: str | Path | None, wanted: str | None) -> str | None:
    return None if path is None or wanted is None else str(path)


def _origin(info: mne.Info, wanted: str | Sequence[float]) -> str | tuple[float, ...]:
    """The one given, or a sphere fitted to the digitised head shape where there is one."""
    from mne.io.constants import FIFF

    if wanted != "auto":
        return tuple(wanted)
    points = [p for p in info["dig"] or [] if p["kind"] == FIFF.FIFFV_POINT_EXTRA]
    return "auto" if len(points) >= FEWEST_POINTS else SPHERE
