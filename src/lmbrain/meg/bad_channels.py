"""Bad sensors: those marked in the file or known to the lab, and noisy or flat ones found here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mne
import numpy as np

from lmbrain.errors import LmbrainError
from lmbrain.meg.saturation import SKIPPED, usable

MEG = ("grad", "mag", "ref_meg")


def known_bad_channels(
    raw: mne.io.BaseRaw, source: str, extra: Sequence[str]
) -> dict[str, list[str]]:
    """Channels of any type known to be bad: `marked` in the recording, `extra` from the config.

    Parameters and errors as in `find_bad_channels`.
    """
    by_plain_name = {name.replace(" ", ""): name for name in raw.ch_names}
    unknown = [name for name in extra if name.replace(" ", "") not in by_plain_name]
    if unknown:
        raise LmbrainError(
            f"{source} has no sensor {unknown[0]!r}; correct "
            "preprocessing.bad_channels.extra in the config."
        )
    return {
        "marked": list(raw.info["bads"]),
        "extra": [by_plain_name[name.replace(" ", "")] for name in extra],
    }


def find_bad_channels(
    raw: mne.io.BaseRaw,
    source: str,
    *,
    search: bool,
    search_duration: float | None,
    interval: float,
    extra: Sequence[str],
    device: Mapping[str, Any],
) -> dict[str, list[str]]:
    """Names of bad sensors: `marked` in the file, `extra` from the config, `noisy`, `flat`.

    A sensor is noisy or flat if it is so in 5 of the intervals looked at, or in half of them
    where there are fewer than 10 (limits: `mne.preprocessing.find_bad_channels_maxwell`).

    Parameters
    ----------
    raw
        The recording; left as it is.
    source
        Its name, for messages.
    search
        Look for noisy and flat sensors; needs the position of the head in the device.
    search_duration
        Seconds looked at, in pieces spread over the run; None: the whole run.
    interval
        Length of a piece (s).
    extra
        Bad channels known beforehand; spaces in names are ignored. Those that are no MEG sensors
        do not come back, nor do such ones marked in the recording.
    device
        Keyword arguments that MNE's Maxwell functions share.

    Raises
    ------
    LmbrainError
        If the recording lacks one of `extra`, or is saturated wherever it would be looked at.
    """
    kinds = dict(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    known = known_bad_channels(raw, source, extra)
    bad = {kind: [n for n in names if kinds[n] in MEG] for kind, names in known.items()}
    bad |= {"noisy": [], "flat": []}
    if not search:
        return bad
    sample, intervals = _spread(raw, search_duration, interval)
    if intervals == 0:
        raise LmbrainError(
            f"{source} has no {interval:g} s without saturated sensors or gaps; shorten "
            "preprocessing.bad_channels.interval or set search to false."
        )
    sample.info["bads"] = sorted({*bad["marked"], *bad["extra"]})
    if sample.compensation_grade:  # SSS wants the fields as the sensors met them
        sample.apply_gradient_compensation(0, verbose="error")
    bad["noisy"], bad["flat"] = mne.preprocessing.find_bad_channels_maxwell(
        sample,
        duration=interval,
        min_count=min(5, max(1, intervals // 2)),
        skip_by_annotation=SKIPPED,
        **device,
        verbose="error",
    )
    return bad


def _spread(
    raw: mne.io.BaseRaw, duration: float | None, interval: float
) -> tuple[mne.io.BaseRaw, int]:
    """MEG of up to `duration` seconds in pieces spread evenly over the run, and their number."""
    meg = raw.copy().pick(["meg", "ref_meg"], exclude=(), verbose="error")
    step = round(interval * raw.info["sfreq"])
    stretches = [(start, stop) for start, stop in usable(raw) if stop - start >= step]
    possible = sum((stop - start) // step for start, stop in stretches)
    wanted = None if duration is None else max(1, int(duration / interval))
    if wanted is None or wanted >= possible:
        return meg, possible
    starts = _even_starts(stretches, step, wanted)
    crops = [
        meg.copy().crop(raw.times[start], raw.times[start + step - 1]).load_data(verbose="error")
        for start in starts
    ]
    return mne.concatenate_raws(crops, verbose="error"), len(crops)


def _even_starts(stretches: Sequence[tuple[int, int]], step: int, wanted: int) -> list[int]:
    """First samples of pieces without overlap, from the first to the last possible."""
    # Whole pieces are laid through the stretches end to end, the last one against the end.
    starts = [
        round(at)
        for start, stop in stretches
        for at in np.linspace(start, stop - step, (stop - start) // step)
    ]
    return [starts[i] for i in np.linspace(0, len(starts) - 1, wanted).round().astype(int)]
