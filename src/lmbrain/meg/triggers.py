"""Word onsets from triggers: read from the stimulus channel, aligned to the items, repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mne
import numpy as np

from lmbrain.errors import LmbrainError
from lmbrain.meg.alignment import Train, search_clock, settle
from lmbrain.meg.clock import NEAR, Clock, residuals
from lmbrain.meg.trigger_refusals import check_lag, check_share, check_unique, misfit

DOUBLED = 0.1  # s after an item's trigger in which a second one is its double, not an extra one
MOST_LISTED = 20  # items that a sentence lists
ROUNDING = 1e-9  # s


@dataclass(frozen=True)
class Alignment:
    """The items' onsets after repair, and what was found and repaired.

    Attributes
    ----------
    onsets : (n,)
        Seconds after the recording's first sample.
    clock : Clock
        From the expected onsets to the triggers.
    triggers
        Number of triggers with an item's code.
    missing, shifted, doubled, recoded : list of int
        Items without a trigger, with one beyond the tolerance, with two, and with one of another
        code; counted from 1 in the run.
    extra
        Number of triggers with an item's code that belong to no item.
    residual : (m,)
        Seconds between the triggers used and the fitted clock.
    """

    onsets: np.ndarray
    clock: Clock
    triggers: int
    missing: list[int]
    shifted: list[int]
    doubled: list[int]
    recoded: list[int]
    extra: int
    residual: np.ndarray


def read_triggers(raw: mne.io.BaseRaw, channel: str, codes: bool) -> Train:
    """Triggers of a stimulus channel.

    Parameters
    ----------
    raw
        The recording as it was recorded: resampling would move its triggers.
    channel
        Name of the stimulus channel.
    codes
        Whether codes count: then every change to a value other than 0 is a trigger. Else every
        rise is one, and all codes are 0.

    Returns
    -------
    Onsets in seconds after the recording's first sample.

    Raises
    ------
    LmbrainError
        If the recording lacks the channel.
    """
    if channel not in raw.ch_names:
        stims = [raw.ch_names[i] for i in mne.pick_types(raw.info, meg=False, stim=True)]
        raise LmbrainError(
            f"The recording has no channel {channel!r} (trigger channels: "
            f"{', '.join(stims) or 'none'}); correct timing.trigger_channel in the config."
        )
    events = mne.find_events(
        raw,
        stim_channel=channel,
        consecutive=True if codes else "increasing",
        shortest_event=1,
        verbose="error",
    )
    onsets = (events[:, 0] - raw.first_samp) / raw.info["sfreq"]
    return Train(onsets, events[:, 2] if codes else np.zeros(len(events), int))


def align_triggers(
    triggers: Train,
    items: Train,
    *,
    tolerance: float,
    largest_lag: float,
    most_missing: float,
    source: str,
) -> Alignment:
    """Find each item's trigger, and repair what a few faulty triggers leave open.

    The triggers are the onsets to use. An item whose trigger is missing, or lies beyond the
    tolerance from where all others say it belongs, gets its onset from the clock fitted to the
    others. Doubled and extra triggers are dropped; one of another code is used, and said, if it
    lies as near as those of the right code do.

    Parameters
    ----------
    triggers
        From `read_triggers`.
    items
        Expected onsets (s, of the events file or a stimulus log) and codes; all 0 where codes do
        not count.
    tolerance
        Largest distance of a trigger from the fitted clock, s; less than half the shortest
        interval between items.
    largest_lag
        Seconds that the fitted clock may differ from the expected onsets anywhere in the run.
    most_missing
        Share of the items whose trigger may be missing, shifted or of another code.
    source
        Subject and run, for messages.

    Raises
    ------
    LmbrainError
        If too few items find a trigger, the clocks differ by more than allowed, or a second
        alignment is as good.
    """
    own = np.isin(triggers.codes, np.unique(items.codes))
    least = max(1, int(np.ceil((1 - most_missing) * len(items.onsets) - ROUNDING)))
    first = search_clock(items, triggers, tolerance, largest_lag, least)
    if first is None:
        raise LmbrainError(misfit(items, triggers, tolerance, largest_lag, least, source))
    clock, matched = settle(first, items, triggers, tolerance)
    matched = _without_chance(matched, clock, items, triggers)
    found = matched >= 0
    recoded = found & (triggers.codes[matched] != items.codes)
    check_share(found & ~recoded, least, items, source)
    check_lag(clock, items, largest_lag, source)
    check_unique(clock, items, triggers, tolerance, largest_lag, matched, source)
    predicted = clock.recording(items.onsets)
    shifted, doubled, extra = _sort_leftovers(predicted, items, triggers, matched)
    return Alignment(
        onsets=np.where(found, triggers.onsets[matched], predicted),
        clock=clock,
        triggers=int(own.sum()),
        missing=_numbers(~found & ~shifted),
        shifted=_numbers(shifted),
        doubled=_numbers(doubled),
        recoded=_numbers(recoded),
        extra=extra,
        residual=residuals(clock, items.onsets[found], triggers.onsets[matched[found]]),
    )


def report(alignment: Alignment) -> dict[str, Any]:
    """What is told of a run (plain JSON): figures, and a sentence for each kind of repair."""
    clock, residual = alignment.clock, alignment.residual
    from_clock = "from the clock fitted to the other triggers"
    told = [
        (alignment.missing, f"no trigger; the onset comes {from_clock}"),
        (alignment.shifted, f"a shifted trigger; the onset comes {from_clock}"),
        (alignment.doubled, "two triggers; the second is dropped"),
        (alignment.recoded, "a trigger of another code; it is used"),
    ]
    repairs = [f"{_listed(items)}: {what}." for items, what in told if items]
    if alignment.extra:
        counted = "1 trigger" if alignment.extra == 1 else f"{alignment.extra} triggers"
        repairs.append(f"{counted} of no item: dropped.")
    return {
        "source": "triggers",
        "items": len(alignment.onsets),
        "found": alignment.triggers,
        "missing": alignment.missing,
        "shifted": alignment.shifted,
        "doubled": alignment.doubled,
        "other_code": alignment.recoded,
        "extra": alignment.extra,
        "lag": clock.lag,
        "rate": clock.rate,
        "residual": {"median": float(np.median(residual)), "largest": float(residual.max())},
        "repairs": repairs,
    }


def _without_chance(matched: np.ndarray, clock: Clock, items: Train, triggers: Train) -> np.ndarray:
    """Take away triggers of another code that are further off than those of the right one.

    A button pressed while an item's trigger is missing is not its trigger.
    """
    away = residuals(clock, items.onsets, triggers.onsets[matched])
    right = (matched >= 0) & (triggers.codes[matched] == items.codes)
    if not right.any():
        return matched
    usual = max(NEAR, 3 * 1.4826 * float(np.median(away[right])))
    return np.where(right | (away <= usual), matched, -1)


def _sort_leftovers(
    predicted: np.ndarray, items: Train, triggers: Train, matched: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """Tell shifted, doubled and extra triggers apart; masks of items and a number.

    A trigger that no item got belongs to the nearest item (at most half an interval away) if it
    has that item's code.
    """
    shifted, doubled = np.zeros((2, len(predicted)), bool)
    half = np.median(np.diff(predicted)) / 2 if len(predicted) > 1 else DOUBLED
    extra = 0
    codes = np.unique(items.codes)
    for trigger in np.setdiff1d(np.arange(len(triggers.onsets)), matched):
        onset, code = triggers.onsets[trigger], triggers.codes[trigger]
        item = int(np.abs(predicted - onset).argmin())
        near = abs(predicted[item] - onset) <= half and code == items.codes[item]
        if near and matched[item] < 0 and not shifted[item]:
            shifted[item] = True
        elif near and matched[item] >= 0 and 0 < onset - triggers.onsets[matched[item]] <= DOUBLED:
            doubled[item] = True
        elif code in codes:
            extra += 1
    return shifted, doubled, extra


def _numbers(mask: np.ndarray) -> list[int]:
    return (np.flatnonzero(mask) + 1).tolist()


def _listed(items: Sequence[int]) -> str:
    if len(items) == 1:
        return f"Item {items[0]}"
    shown = [str(item) for item in items[:MOST_LISTED]]
    if len(items) > MOST_LISTED:
        return f"Items {', '.join(shown)} and {len(items) - MOST_LISTED} more"
    return f"Items {', '.join(shown[:-1])} and {shown[-1]}"
