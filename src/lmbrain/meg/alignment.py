"""Which trigger belongs to which expected item, when the clock between the two is not known.

With the clock known the match is plain. So the clock is searched that brings most items to a
trigger: exactly, by branch and bound over lag and drift, where a box of clocks is given up once
even its best clock could not do better (Breuel 2003, Computer Vision and Image Understanding 90,
258-294). Neither missing, doubled, extra nor shifted triggers mislead it as long as most are right.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

import numpy as np

from lmbrain.meg.clock import RATE_LIMIT, Clock, fit_clock

FINEST = 8  # boxes are cut until they are as many times smaller than the tolerance


@dataclass(frozen=True)
class Train:
    """Onsets (s, rising) and their codes; equal codes where codes do not count."""

    onsets: np.ndarray
    codes: np.ndarray


class Support:
    """How far each item is from the nearest trigger of its code, under any clock.

    Parameters
    ----------
    expected, found
        The items and the triggers.
    barred : (n,) int, optional
        A trigger that each item may not have; -1: none.
    """

    def __init__(self, expected: Train, found: Train, barred: np.ndarray | None = None) -> None:
        self._items = len(expected.onsets)
        barred = np.full(self._items, -1) if barred is None else barred
        self._groups = []
        for code in np.unique(expected.codes):
            rows = np.flatnonzero(expected.codes == code)
            own = np.flatnonzero(found.codes == code)
            place = np.searchsorted(own, barred[rows])
            known = (place < len(own)) & (barred[rows] >= 0)
            known[known] = own[place[known]] == barred[rows][known]
            times = np.concatenate([[-np.inf] * 2, found.onsets[own], [np.inf] * 2])
            self._groups.append((rows, times, np.where(known, place + 2, -1)))

    def distance(self, predicted: np.ndarray) -> np.ndarray:
        """(n,) s to the nearest trigger that an item may have, for predicted onsets (n,)."""
        nearest = np.full(self._items, np.inf)
        for rows, times, barred in self._groups:
            here = predicted[rows]
            after = np.searchsorted(times[2:-2], here) + 2
            best = np.full(len(rows), np.inf)
            for candidate in (after - 2, after - 1, after, after + 1):
                away = np.abs(times[candidate] - here)
                best = np.minimum(best, np.where(candidate == barred, np.inf, away))
            nearest[rows] = best
        return nearest


def search_clock(
    expected: Train,
    found: Train,
    tolerance: float,
    largest_lag: float,
    least: int,
    barred: np.ndarray | None = None,
) -> Clock | None:
    """The clock that brings most items within the tolerance of a trigger of their code.

    Parameters
    ----------
    expected
        Items by the stimulus's clock.
    found
        Triggers by the recording's clock.
    tolerance
        Seconds between a trigger and its item's predicted onset.
    largest_lag
        Seconds by which the two clocks may differ anywhere in the run; their rates may differ by
        `RATE_LIMIT`.
    least
        Number of items that have to find a trigger.
    barred : (n,) int, optional
        A trigger that each item may not have; -1: none.

    Returns
    -------
    None if no clock brings as many. The number is the largest there is, but that clocks which
    reach it only within an eighth of the tolerance may be missed.
    """
    support = Support(expected, found, barred)
    middle, span = _middle_and_span(expected.onsets)
    place = (expected.onsets - middle) / (span or 1.0)  # -0.5 at the run's start, 0.5 at its end
    drift = min(RATE_LIMIT * span, 2 * largest_lag)
    best, clock = least - 1, None
    number = count()
    heap = [(-len(place), next(number), 0.0, 0.0, largest_lag, drift)]
    while heap:
        bound, _, lag, slope, lag_radius, slope_radius = heappop(heap)
        if -bound <= best:
            break
        for box in _halves(lag, slope, lag_radius, slope_radius):
            lag_, slope_, lag_radius_, slope_radius_ = box
            beyond = abs(lag_) + abs(slope_) / 2 - largest_lag
            if beyond > lag_radius_ + slope_radius_ / 2:
                continue
            distance = support.distance(expected.onsets + lag_ + slope_ * place)
            value = int((distance <= tolerance).sum())
            if value > best and beyond <= 0:
                best, clock = value, _clock(lag_, slope_, middle, span)
            reach = tolerance + lag_radius_ + slope_radius_ * np.abs(place)
            most = int((distance <= reach).sum())
            if most > best and max(lag_radius_, slope_radius_ / 2) > tolerance / FINEST:
                heappush(heap, (-most, next(number), *box))
    return clock


def match(predicted: Train, found: Train, tolerance: float) -> np.ndarray:
    """Give each item at most one trigger within the tolerance, in order, as many as possible.

    A trigger of another code counts half. Of equally many the nearest ones are taken. Exact, by
    dynamic programming over the last trigger given away.

    Returns
    -------
    (n,) int: number of the trigger, -1 for none.
    """
    low = np.searchsorted(found.onsets, predicted.onsets - tolerance)
    high = np.searchsorted(found.onsets, predicted.onsets + tolerance, side="right")
    # By the last trigger used: (worth, -distance) and the chain of (item, trigger) behind it.
    states: dict[int, tuple[tuple[float, float], tuple | None]] = {-1: ((0.0, 0.0), None)}
    for item, (onset, code) in enumerate(zip(predicted.onsets, predicted.codes, strict=True)):
        before = _merged(states, int(low[item]))
        states = dict(before)
        for trigger in range(int(low[item]), int(high[item])):
            (worth, nearness), chain = max(
                (state for last, state in before.items() if last < trigger),
                key=lambda state: state[0],
            )
            worth += 1.0 if found.codes[trigger] == code else 0.5
            value = (worth, nearness - abs(found.onsets[trigger] - onset))
            if trigger not in states or value > states[trigger][0]:
                states[trigger] = (value, ((item, trigger), chain))
    chosen = np.full(len(predicted.onsets), -1)
    chain = max(states.values(), key=lambda state: state[0])[1]
    while chain is not None:
        (item, trigger), chain = chain
        chosen[item] = trigger
    return chosen


def settle(
    clock: Clock, items: Train, triggers: Train, tolerance: float
) -> tuple[Clock, np.ndarray]:
    """Fit the clock to its matches, and match by the fitted clock, until nothing changes.

    Returns
    -------
    The clock, and each item's trigger (n,), -1 for none (`match`).
    """
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


def _merged(states: dict, first: int) -> dict:
    """States whose last trigger lies before all that are still to come count as one: the best."""
    past = {last: state for last, state in states.items() if last < first}
    if not past:
        return states
    kept = {last: state for last, state in states.items() if last >= first}
    kept[first - 1] = max(past.values(), key=lambda state: state[0])
    return kept


def _middle_and_span(onsets: np.ndarray) -> tuple[float, float]:
    return float(onsets[0] + onsets[-1]) / 2, float(onsets[-1] - onsets[0])


def _clock(lag: float, slope: float, middle: float, span: float) -> Clock:
    """From the deviation at the run's middle and its change over the run (s)."""
    rate = 1.0 + (slope / span if span else 0.0)
    return Clock(lag - (rate - 1.0) * middle, rate)


def _halves(
    lag: float, slope: float, lag_radius: float, slope_radius: float
) -> list[tuple[float, float, float, float]]:
    """Two halves of a box, cut across the side that moves onsets further."""
    if lag_radius >= slope_radius / 2:
        half = lag_radius / 2
        return [(lag + sign * half, slope, half, slope_radius) for sign in (-1, 1)]
    half = slope_radius / 2
    return [(lag, slope + sign * half, lag_radius, half) for sign in (-1, 1)]
