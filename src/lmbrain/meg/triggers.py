"""Word onsets from triggers: read from the stimulus channel, aligned to the items, repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mne
import numpy as np

from lmbrain.errors import LmbrainError
from lmbrain.meg.alignment import Train, match, search_clock
from lmbrain.meg.clock import RATE_LIMIT, Clock, fit_clock, residuals

DOUBLED = 0.1  # s after an item's trigger in which a second one is its double, not an extra one
MOST_LAG_TRIED = 1.0  # s, to say what would fit where nothing allowed does
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
    others. Doubled and extra triggers are dropped; one of another code is used, and said.

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
        raise LmbrainError(_misfit(items, triggers, tolerance, largest_lag, least, source))
    clock, matched = _settle(first, items, triggers, tolerance)
    found = matched >= 0
    recoded = found & (triggers.codes[matched] != items.codes)
    _check_share(found & ~recoded, least, items, source)
    _check_lag(clock, items, largest_lag, source)
    _check_unique(clock, items, triggers, tolerance, largest_lag, matched, source)
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


def _settle(
    clock: Clock, items: Train, triggers: Train, tolerance: float
) -> tuple[Clock, np.ndarray]:
    """Fit the clock to its matches, and match by the fitted clock, until nothing changes."""
    matched = match(Train(clock.recording(items.onsets), items.codes), triggers, tolerance)
    for _ in range(20):
        rows = matched >= 0
        clock = fit_clock(items.onsets[rows], triggers.onsets[matched[rows]])
        if abs(clock.rate - 1) > RATE_LIMIT:  # a few jittered triggers say little about the rate
            limit = 1 + np.copysign(RATE_LIMIT, clock.rate - 1)
            clock = fit_clock(items.onsets[rows], triggers.onsets[matched[rows]], float(limit))
        again = match(Train(clock.recording(items.onsets), items.codes), triggers, tolerance)
        if np.array_equal(again, matched) or not (again >= 0).any():
            break
        matched = again
    return clock, matched


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


def _check_share(right: np.ndarray, least: int, items: Train, source: str) -> None:
    if right.sum() < least:
        item = int((~right).argmax())
        raise LmbrainError(
            f"{source}: expected at least {least} of {len(right)} items with their trigger, found "
            f"{right.sum()} (the first without: item {item + 1}, expected at "
            f"{items.onsets[item]:.3f} s); mend the events file, or raise timing.most_missing."
        )


def _check_lag(clock: Clock, items: Train, largest_lag: float, source: str) -> None:
    deviation = clock.largest_deviation(items.onsets)
    if deviation > largest_lag + ROUNDING:
        raise LmbrainError(f"{source}: {_differing(clock, items, largest_lag)}")


def _check_unique(
    clock: Clock,
    items: Train,
    triggers: Train,
    tolerance: float,
    largest_lag: float,
    matched: np.ndarray,
    source: str,
) -> None:
    least = int((matched >= 0).sum())
    other = search_clock(items, triggers, tolerance, largest_lag, least, matched)
    if other is None:
        return
    one, two = sorted(float(c.recording(items.onsets[0])) for c in (clock, other))
    raise LmbrainError(
        f"{source}: two alignments of the triggers with the items are equally good ({least} of "
        f"{len(matched)} items each; the first item is at {one:.3f} s or at {two:.3f} s); lower "
        "timing.largest_lag, or give the items different trigger codes."
    )


def _misfit(
    items: Train,
    triggers: Train,
    tolerance: float,
    largest_lag: float,
    least: int,
    source: str,
) -> str:
    """Why nothing fits, as far as can be told: another lag, other codes, or another run."""
    codes = np.isin(triggers.codes, np.unique(items.codes))
    expected, found = len(items.onsets), int(codes.sum())
    start = f"{source}: expected {expected} triggers for the items, found {found}"
    if largest_lag < MOST_LAG_TRIED:
        clock = search_clock(items, triggers, tolerance, MOST_LAG_TRIED, least)
        if clock is not None:
            clock, _ = _settle(clock, items, triggers, tolerance)
            return f"{start}; {_differing(clock, items, largest_lag)}"
    plain = [Train(train.onsets, np.zeros_like(train.codes)) for train in (items, triggers)]
    coded = len(np.unique(items.codes)) > 1 or not codes.all()
    if coded and search_clock(*plain, tolerance, largest_lag, least) is not None:
        return (
            f"{start}; the triggers come when they should but with other codes (expected "
            f"{_some(items.codes)}, found {_some(triggers.codes)}); correct the column value of "
            "the events file, or set timing.trigger_codes to false."
        )
    matched = match(items, triggers, tolerance)
    without = int((matched < 0).argmax())
    return (
        f"{start}; by no clock within {1e3 * largest_lag:.1f} ms of the events have {least} items "
        f"a trigger within {1e3 * tolerance:.1f} ms (by the events' own clock "
        f"{(matched >= 0).sum()}; the first without: item {without + 1}, expected at "
        f"{items.onsets[without]:.3f} s). Is it the trigger train of this run? Mend the events "
        "file, or set timing.onsets to events to trust it."
    )


def _differing(clock: Clock, items: Train, largest_lag: float) -> str:
    drift = (clock.rate - 1) * float(items.onsets[-1] - items.onsets[0])
    offset = clock.recording(items.onsets[0]) - items.onsets[0]
    deviation = clock.largest_deviation(items.onsets)
    return (
        f"the triggers begin {1e3 * offset:.1f} ms from where the items are expected and drift by "
        f"{1e3 * drift:.1f} ms over the run, allowed are {1e3 * largest_lag:.1f} ms; where the "
        "onsets are those of another clock (a stimulus computer's log), set timing.largest_lag "
        f"above {deviation:.3f}; where they are the display's, set timing.onsets to events."
    )


def _numbers(mask: np.ndarray) -> list[int]:
    return (np.flatnonzero(mask) + 1).tolist()


def _listed(items: Sequence[int]) -> str:
    if len(items) == 1:
        return f"Item {items[0]}"
    shown = [str(item) for item in items[:MOST_LISTED]]
    if len(items) > MOST_LISTED:
        return f"Items {', '.join(shown)} and {len(items) - MOST_LISTED} more"
    return f"Items {', '.join(shown[:-1])} and {shown[-1]}"


def _some(codes: np.ndarray) -> str:
    values = np.unique(codes)
    return ", ".join(str(v) for v in values[:5]) + (", ..." if len(values) > 5 else "")
