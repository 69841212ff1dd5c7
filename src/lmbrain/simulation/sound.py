"""The story as sound: something like speech, its WAV file, and the channel that records it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import scipy.io.wavfile
import scipy.signal

from lmbrain.artefacts import atomic_path
from lmbrain.simulation.person import stream
from lmbrain.simulation.stimulus import FIXATION

RATE = 8000  # Hz, of the WAV file
CHANNEL = "MISC001"
AMPLITUDE = 0.1  # V, of the loudest sound on the channel
HISS = 0.001  # V, standard deviation of the channel's own noise
TAIL = 1.0  # s of silence after the last item
_PITCH = (85.0, 125.0)  # Hz
_HARMONICS = 20
_THUMP = 40.0  # Hz, of the closure that opens a syllable; also slow recordings see it


def speech(words: pd.DataFrame, seed: int) -> np.ndarray:
    """Sound of one run, the same for all people.

    Parameters
    ----------
    words
        Rows of that run, onsets on the sound's own clock; crosses are silent.
    seed
        Seed of the study; with story and run it fixes the sound.

    Returns
    -------
    (n,) float in [-1, 1] at `RATE`: for each word syllables of a voice with noise and a thump.
    """
    first = words.iloc[0]
    rng = stream(seed, "sound", str(first["story"]), str(first["run"]))
    end = float(words["onset"].iloc[-1] + words["duration"].iloc[-1]) + TAIL
    sound = np.zeros(round(end * RATE))
    for text, onset, duration in zip(words["text"], words["onset"], words["duration"], strict=True):
        if text == FIXATION:
            continue
        start = round(onset * RATE)
        spoken = _word(text, 0.9 * duration, rng)
        sound[start : start + len(spoken)] += spoken
    return sound / np.abs(sound).max()


def recorded(
    sound: np.ndarray,
    n: int,
    sampling_rate: float,
    lag: float,
    rate: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """What the channel records of a sound: (n,) V.

    Parameters
    ----------
    sound
        At `RATE`.
    n, sampling_rate
        Samples and Hz of the recording; the sound is low-passed for it.
    lag, rate
        The sound's time t is heard at lag + rate * t of the recording (s).
    """
    corner = min(0.4 * sampling_rate, 0.45 * RATE)
    low = scipy.signal.butter(8, corner, fs=RATE, output="sos")
    smooth = scipy.signal.sosfiltfilt(low, sound)
    times = (np.arange(n) / sampling_rate - lag) / rate
    heard = np.interp(times, np.arange(len(sound)) / RATE, smooth, left=0.0, right=0.0)
    return AMPLITUDE * heard + HISS * rng.standard_normal(n)


def sound_name(story: str, run: str) -> str:
    """Name of a run's WAV file in the folder `stimuli` of the BIDS data set."""
    return f"{story}_run-{run}.wav"


def write_sound(sound: np.ndarray, root: str | Path, name: str) -> None:
    """Write a sound as 16-bit WAV to the folder `stimuli` of a BIDS data set."""
    with atomic_path(Path(root) / "stimuli" / name) as temporary:
        scipy.io.wavfile.write(temporary, RATE, np.round(sound * 32767).astype(np.int16))


def _word(text: str, duration: float, rng: np.random.Generator) -> np.ndarray:
    n = round(duration * RATE)
    time = np.arange(n) / RATE
    pitch = rng.uniform(*_PITCH) * (1 - 0.15 * time / duration)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    colours = rng.uniform(0.3, 1.0, _HARMONICS) / np.arange(1, _HARMONICS + 1)
    voice = sum(c * np.sin((k + 1) * phase) for k, c in enumerate(colours))
    voice = voice + 0.3 * rng.standard_normal(n)
    syllables = 1 + len(text) // 4
    sound = np.zeros(n)
    for part in np.array_split(np.arange(n), syllables):
        rise = np.sin(np.pi * np.linspace(0, 1, len(part))) ** rng.uniform(0.6, 1.5)
        thump = np.exp(-time[: len(part)] / 0.03) * np.sin(2 * np.pi * _THUMP * time[: len(part)])
        sound[part] = rng.uniform(0.4, 1.0) * (rise * voice[part] + thump)
    return sound
