"""When a sound was heard in a run: the recorded sound against the sound file.

Both are brought to the same band and rate; the envelopes of windows of the sound are found in the
recording by their correlation, and a clock is fitted to where they were found.
"""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy.io.wavfile
import scipy.ndimage
import scipy.signal

from lmbrain.errors import LmbrainError
from lmbrain.meg.clock import RATE_LIMIT, Clock, fit_clock, residuals

ENVELOPE_RATE = 1000.0  # Hz at most; a slower recording keeps its own rate
LEAST_RATE = 200.0  # Hz; a slower recording holds too little of a sound
COARSE_RATE = 100.0  # Hz, for the first search over the whole run
# Of the sound that is compared: offsets and drifts of the channel are none, and what an amplifier's
# anti-aliasing filter may have taken (from 0.25 of the sampling rate on) is left out of both.
BAND = (20.0, 0.24)  # Hz; of the rate
SMOOTHING = 0.01  # s, SD: smooths away the voice's pitch
WINDOW = (2.0, 10.0)  # s, shortest and longest; a tenth of the sound between them
LEAST_CORRELATION = 0.3  # of a window that counts; noise has as much somewhere in a run
LEAST_WINDOWS = 5
MOST_ASTRAY = 0.1  # share of the counting windows that may lie elsewhere
COARSE_ERROR = 0.05  # s
REACH = 0.1  # s around the first line in which a window is found precisely


@dataclass(frozen=True)
class HeardSound:
    """The clock of a sound file in a recording.

    Attributes
    ----------
    clock : Clock
    residual : (m,)
        Seconds between the windows used and the clock.
    windows
        Number of windows of the sound.
    astray
        Windows that were found elsewhere, and are not used.
    correlation
        Median over the windows used.
    """

    clock: Clock
    residual: np.ndarray
    windows: int
    astray: int
    correlation: float


def read_sound(path: str | Path) -> tuple[np.ndarray, float]:
    """A WAV file as one channel (n,) float32, and its rate (Hz).

    Raises
    ------
    LmbrainError
        If the file is missing, no WAV file or cut short.
    """
    if not Path(path).is_file():
        raise LmbrainError(
            f"{path} does not exist; add the sound, or correct timing.audio.sound in the config."
        )
    try:
        with warnings.catch_warnings():  # chunks beside the samples are passed over
            warnings.simplefilter("ignore", scipy.io.wavfile.WavFileWarning)
            warnings.filterwarnings("error", "Reached EOF", scipy.io.wavfile.WavFileWarning)
            rate, samples = scipy.io.wavfile.read(path)
    except (ValueError, EOFError, struct.error, scipy.io.wavfile.WavFileWarning) as error:
        raise LmbrainError(
            f"{path} is no whole WAV file ({error}); convert it, or fetch it anew."
        ) from error
    samples = np.asarray(samples, np.float32)
    return (samples if samples.ndim == 1 else samples.mean(axis=1)), float(rate)


def find_sound(
    recorded: np.ndarray,
    recording_rate: float,
    sound: np.ndarray,
    sound_rate: float,
    largest_residual: float,
    source: str,
) -> HeardSound:
    """Find when a sound was heard, as a lag and a rate.

    Parameters
    ----------
    recorded : (n,)
        The channel that recorded the sound as such (not its envelope), any unit or polarity.
    recording_rate, sound_rate
        Hz.
    sound : (m,)
        What was played, `sound_rate` samples a second.
    largest_residual
        Seconds that a window may lie from the fitted clock.
    source
        Subject and run, for messages.

    Returns
    -------
    The clock from the sound's seconds to seconds after the recording's first sample.

    Raises
    ------
    LmbrainError
        If the recording is too slow, the sound or the recording too short, too few windows of the
        sound are found in the recording, or they fit no one clock.
    """
    lasts, recorded_for = len(sound) / sound_rate, len(recorded) / recording_rate
    length = float(np.clip(lasts / 10, *WINDOW))
    starts = np.arange(0, lasts - length, length / 2)
    if recording_rate < LEAST_RATE:
        raise LmbrainError(
            f"{source}: the recording is sampled at {recording_rate:g} Hz; to find a sound in it "
            f"takes at least {LEAST_RATE:g} Hz: give anchors in timing.audio."
        )
    if len(starts) < LEAST_WINDOWS or recorded_for < lasts / 2:
        raise LmbrainError(
            f"{source}: the sound lasts {lasts:.1f} s and the recording {recorded_for:.1f} s; "
            "correct timing.audio.sound in the config."
        )
    thinned = int(np.ceil(recording_rate / ENVELOPE_RATE))
    rate = recording_rate / thinned
    channel = envelope(scipy.signal.resample_poly(recorded, 1, thinned), rate)
    ratio = Fraction(rate / sound_rate).limit_denominator(10_000)
    resampled = scipy.signal.resample_poly(sound, ratio.numerator, ratio.denominator)
    heard = envelope(resampled, rate)
    middles = starts + length / 2  # where a window's time is right, whatever the rate
    step = max(1, round(rate / COARSE_RATE))
    places, correlations = _search(channel[::step], heard[::step], rate / step, starts, length)
    counting = _counting(correlations)
    agreeing = counting & _agreeing(starts, places, counting)
    _check(counting, agreeing, correlations, source)
    line = fit_clock(middles[agreeing], places[agreeing] + length / 2)
    # The sound at the recording's rate: its windows are no longer blurred.
    grid = np.arange(len(channel)) / rate
    warped = np.interp(grid, line.recording(np.arange(len(heard)) / rate), heard, 0.0, 0.0)
    begins = line.recording(middles) - length / 2
    places, correlations = _search(channel, warped, rate, begins, length, REACH)
    counting = _counting(correlations)
    found = places + length / 2
    line = fit_clock(middles[counting], found[counting]) if counting.any() else line
    away = residuals(line, middles, found)
    agreeing = counting & (away <= largest_residual)
    _check(counting, agreeing, correlations, source, away)
    clock = fit_clock(middles[agreeing], found[agreeing])
    return HeardSound(
        clock,
        residuals(clock, middles[agreeing], found[agreeing]),
        len(starts),
        int((counting & ~agreeing).sum()),
        float(np.median(correlations[agreeing])),
    )


def envelope(sound: np.ndarray, rate: float) -> np.ndarray:
    """Smoothed size of a sound, the same for either polarity, without delay."""
    band = (BAND[0], BAND[1] * rate)
    passed = scipy.signal.butter(4, band, "bandpass", fs=rate, output="sos")
    size = np.abs(scipy.signal.sosfiltfilt(passed, np.asarray(sound, float)))
    return scipy.ndimage.gaussian_filter1d(size, SMOOTHING * rate)


def _search(
    channel: np.ndarray,
    heard: np.ndarray,
    rate: float,
    begins: np.ndarray,
    length: float,
    reach: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Where windows of the sound begin in the recording (s), and the correlation there.

    With a reach (s) only places so near to where they begin in the sound are looked at. Windows
    that lie outside have correlation 0.
    """
    n = round(length * rate)
    places, correlations = np.zeros((2, len(begins)))
    for k, start in enumerate(begins):
        begin = round(start * rate)
        first, last = 0, len(channel)
        if reach is not None:
            first = max(0, begin - round(reach * rate))
            last = min(len(channel), begin + n + round(reach * rate))
        if begin < 0 or begin + n > len(heard) or last - first <= n:
            continue
        r = _correlation(channel[first:last], heard[begin : begin + n])
        peak = int(r.argmax())
        correlations[k] = r[peak]
        # The window begins a fraction of a sample from its nominal start.
        places[k] = (first + _vertex(r, peak) - begin) / rate + start
    return places, correlations


def _correlation(stretch: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Pearson r of the window with the stretch from each of its samples on."""
    n = len(window)
    window = window - window.mean()
    sums = np.concatenate([[0.0], np.cumsum(stretch)])
    squares = np.concatenate([[0.0], np.cumsum(stretch**2)])
    mean = (sums[n:] - sums[:-n]) / n
    energy = np.maximum(squares[n:] - squares[:-n] - n * mean**2, 0)
    product = scipy.signal.correlate(stretch, window, mode="valid", method="fft")
    size = np.sqrt(energy * (window @ window))
    floor = 1e-9 * max(float(size.max()), np.finfo(float).tiny)
    return np.where(size > floor, product / np.maximum(size, floor), 0.0)


def _vertex(values: np.ndarray, peak: int) -> float:
    """Place of the parabola's top through a peak and its neighbours."""
    if peak in (0, len(values) - 1):
        return float(peak)
    before, top, after = values[peak - 1 : peak + 2]
    bend = before - 2 * top + after
    return peak + (0.5 * float((before - after) / bend) if bend < 0 else 0.0)


def _counting(correlations: np.ndarray) -> np.ndarray:
    """Windows that were found: correlations of at least half of what is usual in this run."""
    enough = correlations >= LEAST_CORRELATION
    usual = float(np.median(correlations[enough])) if enough.any() else 0.0
    return correlations >= max(LEAST_CORRELATION, usual / 2)


def _agreeing(starts: np.ndarray, places: np.ndarray, counting: np.ndarray) -> np.ndarray:
    """Windows that lie on one line with a possible rate: those of the window with most company."""
    late = places - starts
    apart = np.abs(starts[:, None] - starts)
    together = np.abs(late[:, None] - late) <= RATE_LIMIT * apart + COARSE_ERROR
    company = (together & counting).sum(axis=1) * counting
    return together[int(company.argmax())]


def _check(
    counting: np.ndarray,
    agreeing: np.ndarray,
    correlations: np.ndarray,
    source: str,
    away: np.ndarray | None = None,
) -> None:
    enough = max(LEAST_WINDOWS, len(counting) / 2)
    figures = (
        f"of {len(counting)} windows of the sound {counting.sum()} were found in the recording "
        f"(correlation from {LEAST_CORRELATION:g} on; median of all "
        f"{np.median(correlations):.2f}), {agreeing.sum()} of them on one clock"
    )
    if away is not None and counting.any():
        figures += f" (largest distance {1e3 * away[counting].max():.0f} ms)"
    if counting.sum() < enough:
        raise LmbrainError(
            f"{source}: {figures}; expected at least {enough:.0f}. Correct timing.audio.sound or "
            "timing.audio.channel in the config."
        )
    if (counting & ~agreeing).sum() > MOST_ASTRAY * counting.sum():
        raise LmbrainError(
            f"{source}: {figures}; the sound is another one, or stopped and went on in between. "
            "Correct timing.audio.sound in the config, or give anchors (timing.audio.anchors)."
        )
