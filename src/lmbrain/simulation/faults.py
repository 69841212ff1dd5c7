"""What goes wrong in recordings, planted: clocks, triggers, sensors at their range's end, silence.

Each function changes a run in place where it gets one and says what it did, for the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mne
import numpy as np
import pandas as pd

from lmbrain.simulation.recordings import TRIGGERS, pulses, trial_types
from lmbrain.simulation.systems import sensor_picks

RANGE = {"grad": 6e-8, "mag": 1e-9, "ref_meg": 1e-9}  # T/m and T: where sensors get stuck
BOUNCE = 0.06  # s from a trigger to the one that doubles it
Faults = Mapping[str, Any]
"""The config's section data.simulated.recordings.faults."""

NONE: Faults = {
    "audio": {"lags": [], "rates": [], "channel": False},
    "triggers": {"missing": 0.0, "doubled": 0.0, "shifted": 0.0, "shift": 0.1},
    "events": {"byte_order_mark": False, "awkward_words": False, "dictionary": False},
    "unpadded_runs": False,
    "movement": {"distance": 0.0, "rotation": 0.0, "coils": False},
    "interference": 1.0,
    "saturation": {"runs": [], "start": 0.0, "stop": None, "share": 0.3},
    "silent": [],
    "unresponsive": [],
}
"""Nothing goes wrong."""


def sound_clock(audio: Faults, number: int) -> dict[str, float]:
    """Lag (s) and rate of a run's sound: its time t is heard at lag + rate * t of the recording.

    Parameters
    ----------
    audio
        `lags` and `rates`, one a run; empty ones are 0 and 1.
    number
        The run, from 0 on.
    """
    lags, rates = audio["lags"], audio["rates"]
    return {"lag": lags[number] if lags else 0.0, "rate": rates[number] if rates else 1.0}


def on_recording_clock(words: pd.DataFrame, lag: float, rate: float) -> pd.DataFrame:
    """Words whose onsets and durations are those of the recording."""
    return words.assign(onset=lag + rate * words["onset"], duration=rate * words["duration"])


def spoil_triggers(
    raw: mne.io.RawArray,
    words: pd.DataFrame,
    rng: np.random.Generator,
    *,
    missing: float,
    doubled: float,
    shifted: float,
    shift: float,
) -> dict[str, list[int]]:
    """Rewrite `STI101` with triggers that are missing, doubled or shifted, all on other items.

    Parameters
    ----------
    raw
        The run.
    words
        Its items, onsets in the recording's time.
    missing, doubled, shifted
        Share of the items, 0 to 1; what is above 0 meets one item at least.
    shift
        Seconds; later where positive.

    Returns
    -------
    Items of each kind, counted from 1 in the run.
    """
    rate = raw.info["sfreq"]
    counts = [
        max(1, round(share * len(words))) if share else 0 for share in (missing, doubled, shifted)
    ]
    drawn = np.split(rng.permutation(len(words))[: sum(counts)], np.cumsum(counts)[:-1])
    lost, twice, moved = (np.sort(items) for items in drawn)
    samples = np.round(words["onset"].to_numpy() * rate).astype(int)
    values = np.array([TRIGGERS[kind] for kind in trial_types(words)])
    samples[moved] += round(shift * rate)
    kept = np.setdiff1d(np.arange(len(words)), lost)
    again = samples[twice] + round(BOUNCE * rate)
    channel = pulses(
        np.concatenate([samples[kept], again]),
        [*values[kept], *values[twice]],
        len(raw.times),
        rate,
    )
    raw._data[raw.ch_names.index("STI101")] = channel
    kinds = {"missing": lost, "doubled": twice, "shifted": moved}
    return {kind: (items + 1).tolist() for kind, items in kinds.items()}


def saturate(
    raw: mne.io.RawArray,
    rng: np.random.Generator,
    *,
    start: float,
    stop: float | None,
    share: float,
) -> dict[str, Any]:
    """Stick a share of the sensors at the end of their range (`RANGE`) for a stretch.

    Parameters
    ----------
    raw
        The run.
    start, stop
        Seconds; None: to the run's end.
    share
        Of the sensors, 0 to 1.

    Returns
    -------
    dict: `start`, `stop` (s) and `sensors` (names).
    """
    picks = mne.pick_types(raw.info, meg=True, ref_meg=False)
    stuck = np.sort(rng.choice(picks, max(1, round(share * len(picks))), replace=False))
    first = round(start * raw.info["sfreq"])
    last = len(raw.times) if stop is None else round(stop * raw.info["sfreq"])
    kinds = raw.get_channel_types(stuck)
    ends = np.array([RANGE[kind] for kind in kinds]) * rng.choice([-1, 1], len(stuck))
    raw._data[stuck, first:last] = ends[:, None]
    return {
        "start": start,
        "stop": last / raw.info["sfreq"],
        "sensors": [raw.ch_names[pick] for pick in stuck],
    }


def silence(raw: mne.io.RawArray, level: float = 0.0) -> None:
    """Leave nothing on sensors and references but a constant level (T, T/m)."""
    raw._data[sensor_picks(raw.info)] = level
