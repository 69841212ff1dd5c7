"""When each item began in a run: by the events file, by triggers, or by the clock of a sound.

Each function gives the onsets (seconds after the recording's first sample) and what is told of
the run, as plain JSON: `source`; `items`; `found` (triggers, anchors or windows of the sound; None
with events); `missing`, `shifted` and, of triggers, `doubled`, `other_code` (items, counted from 1
in the run); `extra`; `lag` (s) and `rate` of the recording's clock against the stimulus's, and
`residual` with its `median` and `largest` distance (s) from that clock, all None where none was
fitted (events); `repairs`, a sentence each; of a recorded sound its number of `windows` and their
`correlation`.
"""

from __future__ import annotations

from typing import Any

import mne
import numpy as np
import pandas as pd

from lmbrain.errors import LmbrainError
from lmbrain.meg.alignment import Train
from lmbrain.meg.clock import RATE_LIMIT, Clock, fit_clock, residuals
from lmbrain.meg.sound_channel import find_sound
from lmbrain.meg.triggers import align_triggers, read_triggers, report

Timed = tuple[np.ndarray, dict[str, Any]]


def by_events(items: pd.DataFrame) -> Timed:
    """The onsets of the events file, as they are."""
    onsets = items["onset"].to_numpy(float)
    return onsets, _told("events", len(onsets), None, None, None, [])


def by_triggers(
    raw: mne.io.BaseRaw,
    items: pd.DataFrame,
    *,
    channel: str,
    codes: bool,
    tolerance: float,
    largest_lag: float,
    most_missing: float,
    source: str,
) -> Timed:
    """The triggers' onsets, aligned to the expected ones (`lmbrain.meg.triggers`).

    Parameters
    ----------
    raw
        The recording as it was recorded.
    items
        Words table of the run with expected onsets (s) and, for codes, the column `value`.
    channel
        Stimulus channel.
    codes
        Whether each trigger must have the item's code; where the items have none, that is told.
    tolerance, largest_lag, most_missing, source
        See `lmbrain.meg.triggers.align_triggers`.

    Raises
    ------
    LmbrainError
        If the triggers do not fit the items.
    """
    counted = codes and "value" in items
    expected = items["onset"].to_numpy(float)
    values = _codes(items, source) if counted else np.zeros(len(items), int)
    alignment = align_triggers(
        read_triggers(raw, channel, counted),
        Train(expected, values),
        tolerance=tolerance,
        largest_lag=largest_lag,
        most_missing=most_missing,
        source=source,
    )
    told = report(alignment)
    if codes and not counted:
        told["repairs"].append(
            "The events have no column value: codes were not compared, every rise of the channel "
            "was a trigger; add the column, or set timing.trigger_codes to false."
        )
    return alignment.onsets, told


def by_anchors(
    items: pd.DataFrame,
    anchors: pd.DataFrame,
    rate: float | None,
    largest_residual: float,
    source: str,
) -> Timed:
    """Onsets on a sound's clock, by times known on both clocks.

    Parameters
    ----------
    items
        Words table of the run, onsets in seconds of the sound.
    anchors
        Columns `audio` and `recording`: the same moments in seconds of the sound and in seconds
        after the recording's first sample.
    rate
        Rate of the clocks where it is known; None: fitted, from two anchors at least.
    largest_residual
        Seconds that an anchor may lie from the fitted clock.
    source
        Subject and run, for messages.

    Raises
    ------
    LmbrainError
        If there are too few anchors, or they fit no clock.
    """
    audio, recording = (anchors[column].to_numpy(float) for column in ("audio", "recording"))
    needed = 1 if rate is not None else 2
    if len(np.unique(audio)) < needed:
        raise LmbrainError(
            f"{source}: expected at least {needed} anchors of the sound's clock, found "
            f"{len(np.unique(audio))}; add anchors, or give timing.audio.rate where it is known."
        )
    clock = fit_clock(audio, recording, rate)
    away = residuals(clock, audio, recording)
    worst = int(away.argmax())
    if away[worst] > largest_residual or abs(clock.rate - 1) > RATE_LIMIT:
        raise LmbrainError(
            f"{source}: its {len(audio)} anchors fit no clock: expected residuals up to "
            f"{1e3 * largest_residual:.1f} ms and a rate within {RATE_LIMIT:g} of 1, found "
            f"{1e3 * away[worst]:.1f} ms (anchor at {audio[worst]:.3f} s of the sound) and a rate "
            f"of {clock.rate:.6f}; correct the anchors."
        )
    return _heard(items, len(audio), clock, away, [])


def by_sound(
    raw: mne.io.BaseRaw,
    items: pd.DataFrame,
    channel: str,
    sound: np.ndarray,
    sound_rate: float,
    largest_residual: float,
    source: str,
) -> Timed:
    """Onsets on a sound's clock, by the channel that recorded the sound.

    Parameters
    ----------
    raw
        The recording as it was recorded.
    items
        Words table of the run, onsets in seconds of the sound.
    channel
        Name of the channel.
    sound, sound_rate
        From `lmbrain.meg.sound_channel.read_sound`.
    largest_residual, source
        See `lmbrain.meg.sound_channel.find_sound`.

    Raises
    ------
    LmbrainError
        If the recording lacks the channel, or the sound is not found in it.
    """
    if channel not in raw.ch_names:
        others = [raw.ch_names[i] for i in mne.pick_types(raw.info, meg=False, misc=True)]
        raise LmbrainError(
            f"{source}: the recording has no channel {channel!r} (channels of type misc: "
            f"{', '.join(others) or 'none'}); correct timing.audio.channel in the config."
        )
    recorded = raw.get_data(picks=[channel], verbose="error")[0]
    found = find_sound(recorded, raw.info["sfreq"], sound, sound_rate, largest_residual, source)
    repairs = []
    if found.astray:
        repairs.append(f"{found.astray} windows of the sound lie elsewhere: left out of the clock.")
    onsets, told = _heard(items, len(found.residual), found.clock, found.residual, repairs)
    return onsets, told | {"windows": found.windows, "correlation": found.correlation}


def in_a_sentence(told: dict[str, Any]) -> str:
    """What is told of a run, as a line of a log."""
    line = f"onsets of {told['items']} items from {told['source']}"
    if told["residual"] is not None:
        line += (
            f", {told['found']} found; lag {1e3 * told['lag']:.1f} ms, rate {told['rate']:.6f}, "
            f"residual {1e3 * told['residual']['median']:.2f} ms (largest "
            f"{1e3 * told['residual']['largest']:.2f} ms)"
        )
    return " ".join([f"{line}.", *told["repairs"]])


def _heard(
    items: pd.DataFrame, found: int, clock: Clock, away: np.ndarray, repairs: list[str]
) -> Timed:
    onsets = clock.recording(items["onset"].to_numpy(float))
    return onsets, _told("audio", len(onsets), found, clock, away, repairs)


def _told(
    source: str,
    items: int,
    found: int | None,
    clock: Clock | None,
    away: np.ndarray | None,
    repairs: list[str],
) -> dict[str, Any]:
    residual = None
    if away is not None:
        residual = {"median": float(np.median(away)), "largest": float(away.max())}
    return {
        "source": source,
        "items": items,
        "found": found,
        "missing": [],
        "shifted": [],
        "extra": 0,
        "lag": None if clock is None else clock.lag,
        "rate": None if clock is None else clock.rate,
        "residual": residual,
        "repairs": repairs,
    }


def _codes(items: pd.DataFrame, source: str) -> np.ndarray:
    codes = pd.to_numeric(items["value"], errors="coerce")
    whole = codes.notna() & (codes == codes.round())
    if not whole.all():
        row = int((~whole).to_numpy().argmax())
        raise LmbrainError(
            f"{source}: the value of item {row + 1} in the events file is "
            f"{items['value'].iloc[row]!r}, not a trigger code; correct it, or set "
            "timing.trigger_codes to false."
        )
    return codes.to_numpy(int)
