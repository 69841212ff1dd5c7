"""Filters in time: line noise, pass band, and a lower sampling rate.

Every run is filtered by itself, and inside it every stretch between gaps and saturated
stretches, so nothing rings from one into another. At a stretch's ends the signal goes on
mirrored there (MNE's `reflect_limited`) rather than jumping to zero.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import mne

from lmbrain.meg.saturation import SKIPPED, usable

log = logging.getLogger(__name__)


def filter_in_time(
    raw: mne.io.BaseRaw,
    source: str,
    sensors: Sequence[str],
    notch_frequencies: Sequence[float],
    band: tuple[float, float] | None,
) -> None:
    """Notch and band-pass (zero phase, FIR with MNE's defaults), in place.

    Parameters
    ----------
    raw
        Loaded recording.
    source
        Its name, for the log.
    sensors
        Names of the channels to filter.
    notch_frequencies
        Hz; may be empty.
    band
        [low, high] in Hz; low 0 means no high-pass. None: no band-pass.
    """
    if len(notch_frequencies):
        raw.notch_filter(
            list(notch_frequencies),
            picks=list(sensors),
            skip_by_annotation=SKIPPED,
            pad="reflect_limited",
            verbose="error",
        )
    if band is None:
        return
    kernel = band_kernel(raw.info["sfreq"], band)
    shortest = min((stop - start for start, stop in usable(raw)), default=0)
    if shortest < kernel:
        log.warning(
            "%s: a stretch of %.1f s is shorter than the band-pass filter (%.1f s); the slowest "
            "part of its signal hangs on how it is continued beyond its ends",
            source,
            shortest / raw.info["sfreq"],
            kernel / raw.info["sfreq"],
        )
    raw.filter(
        band[0] or None,
        band[1],
        picks=list(sensors),
        skip_by_annotation=SKIPPED,
        pad="reflect_limited",
        verbose="error",
    )


def band_kernel(rate: float, band: tuple[float, float]) -> int:
    """Length of the band-pass filter (samples)."""
    return len(mne.filter.create_filter(None, rate, band[0] or None, band[1], verbose="error"))


def resample(raw: mne.io.BaseRaw, source: str, rate: float) -> None:
    """Lower the sampling rate, in place.

    A polyphase filter, whose kernel ends after 10 new samples on either side, so what lies
    beyond a gap reaches no further. Of the trigger channels the first value other than 0 in each
    new sample's interval stays: short pulses survive, with their onset rounded down to a sample
    (up to an old sample late where the rates are no multiples).

    Parameters
    ----------
    raw
        Loaded recording, band-passed below half the new rate.
    rate
        New sampling rate (Hz). Triggers closer than a sample merge; the log tells how many.
    """
    before = _triggers(raw)
    raw.resample(rate, method="polyphase", verbose="error")
    for channel, number in _triggers(raw).items():
        if number != before[channel]:
            log.warning(
                "%s: at %g Hz %d of %d triggers of %s can be told apart; raise "
                "preprocessing.resample if they mark words",
                source,
                rate,
                number,
                before[channel],
                channel,
            )


def _triggers(raw: mne.io.BaseRaw) -> dict[str, int]:
    """Number of onsets on each trigger channel that starts at 0."""
    names = [raw.ch_names[i] for i in mne.pick_types(raw.info, meg=False, stim=True)]
    return {
        name: len(mne.find_events(raw, name, shortest_event=1, verbose="error")) for name in names
    }
