"""The clock of a stimulus against the clock of the recording: a lag and a rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RATE_LIMIT = 2e-3  # |rate - 1|; sound cards and stimulus computers differ by 1e-3 at most
NEAR = 0.002  # s from the robust line; such points always count
MOST_POINTS = 1000  # of which all pairs are taken; more points are thinned out evenly


@dataclass(frozen=True)
class Clock:
    """Time t of the stimulus happens at lag + rate * t of the recording.

    Attributes
    ----------
    lag
        Seconds.
    rate
        Seconds of the recording in a second of the stimulus; 1 where both clocks run alike.
    """

    lag: float
    rate: float

    def recording(self, times: np.ndarray) -> np.ndarray:
        """Seconds of the recording's clock for seconds of the stimulus's."""
        return self.lag + self.rate * np.asarray(times, float)

    def largest_deviation(self, times: np.ndarray) -> float:
        """Largest distance of the two clocks' readings over some times, s."""
        return float(np.abs(self.recording(times) - times).max())


def fit_clock(times: np.ndarray, found: np.ndarray, rate: float | None = None) -> Clock:
    """Fit a clock to times that are known in both the stimulus and the recording.

    First the median of the slopes of all pairs (Theil-Sen) and the median of what remains: up to
    29% of the points may be anywhere, which least squares would follow. Then least squares over
    the points near that line (3 robust standard deviations, at least `NEAR`): medians alone follow
    the steps that sampling leaves in the times.

    Parameters
    ----------
    times, found : (n,)
        Seconds of the stimulus's and of the recording's clock, at least one.
    rate
        Where it is known; only the lag is then fitted.

    Source: Sen 1968, J. Am. Stat. Assoc. 63, 1379-1389.
    """
    times, found = np.asarray(times, float), np.asarray(found, float)
    late = found - times  # slopes of differences keep all digits
    slope = _median_slope(times, late) if rate is None else rate - 1.0
    lag = float(np.median(late - slope * times))
    away = np.abs(late - lag - slope * times)
    near = away <= max(NEAR, 3 * 1.4826 * float(np.median(away)))
    middle = times[near].mean()
    spread = times[near] - middle
    if rate is None and spread.any():
        slope = float(spread @ late[near] / (spread @ spread))
    return Clock(float(late[near].mean() - slope * middle), 1.0 + slope)


def _median_slope(times: np.ndarray, late: np.ndarray) -> float:
    kept = np.unique(np.linspace(0, len(times) - 1, min(len(times), MOST_POINTS)).astype(int))
    first, second = np.triu_indices(len(kept), 1)
    apart = times[kept][second] - times[kept][first]
    rise = late[kept][second] - late[kept][first]
    return float(np.median(rise[apart != 0] / apart[apart != 0])) if apart.any() else 0.0


def residuals(clock: Clock, times: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Distance (s, not negative) of each time found in the recording from the fitted one."""
    return np.abs(np.asarray(found, float) - clock.recording(times))
