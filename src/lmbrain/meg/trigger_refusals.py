"""Trigger trains that are refused: what was expected, what was found, and what would mend it."""

from __future__ import annotations

import numpy as np

from lmbrain.errors import LmbrainError
from lmbrain.meg.alignment import Train, match, search_clock, settle
from lmbrain.meg.clock import Clock

MOST_LAG_TRIED = 1.0  # s, to say what would fit where nothing allowed does
ROUNDING = 1e-9  # s


def check_share(right: np.ndarray, least: int, items: Train, source: str) -> None:
    """Refuse a run of which fewer than `least` items have their own trigger."""
    if right.sum() < least:
        item = int((~right).argmax())
        raise LmbrainError(
            f"{source}: expected at least {least} of {len(right)} items with their trigger, found "
            f"{right.sum()} (the first without: item {item + 1}, expected at "
            f"{items.onsets[item]:.3f} s); mend the events file, or raise timing.most_missing."
        )


def check_lag(clock: Clock, items: Train, largest_lag: float, source: str) -> None:
    """Refuse a clock that lies further from the expected onsets than allowed."""
    deviation = clock.largest_deviation(items.onsets)
    if deviation > largest_lag + ROUNDING:
        raise LmbrainError(f"{source}: {_differing(clock, items, largest_lag)}")


def check_unique(
    clock: Clock,
    items: Train,
    triggers: Train,
    tolerance: float,
    largest_lag: float,
    matched: np.ndarray,
    source: str,
) -> None:
    """Refuse a match if another clock gives as many items another trigger."""
    right = (matched >= 0) & (triggers.codes[matched] == items.codes)
    least = int(right.sum())
    other = search_clock(items, triggers, tolerance, largest_lag, least, matched)
    if other is None:
        return
    one, two = sorted(float(c.recording(items.onsets[0])) for c in (clock, other))
    raise LmbrainError(
        f"{source}: two alignments of the triggers with the items are equally good ({least} of "
        f"{len(matched)} items each; the first item is at {one:.3f} s or at {two:.3f} s); lower "
        "timing.largest_lag, or give the items different trigger codes."
    )


def misfit(
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
            clock, _ = settle(clock, items, triggers, tolerance)
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


def _some(codes: np.ndarray) -> str:
    values = np.unique(codes)
    return ", ".join(str(v) for v in values[:5]) + (", ..." if len(values) > 5 else "")
