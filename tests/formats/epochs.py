"""MNE Epochs of two people, at 200 Hz, whose metadata hold the words."""

from pathlib import Path

import mne
import numpy as np
import pandas as pd

from formats.story import sentences

RATE = 200.0


def info(sensors: int = 6, rate: float = RATE) -> mne.Info:
    """The first sensors of MNE's canonical 306."""
    meg = mne.channels.read_meg_canonical_info("neuromag")
    picked = mne.pick_info(meg, mne.pick_types(meg, meg=True)[:sensors])
    with picked._unlock():
        picked["sfreq"] = rate
    return picked


def metadata(words: int, runs: int = 2) -> pd.DataFrame:
    """What a lab may write down of each word; column names of its own."""
    text = sentences(words)
    run = np.sort(np.arange(len(text)) % runs) + 1
    number = np.arange(len(text))
    onset = np.round(0.4 * (number - np.array([number[run == r].min() for r in run])), 3)
    return pd.DataFrame(
        {"number": number, "shown": text, "onset": onset, "block": [f"{r:02d}" for r in run]}
    )


def write(folder: Path, words: int = 240, sensors: int = 6) -> dict:
    """Write two people who lost different epochs; return what the config must say."""
    table = metadata(words)
    for i, subject in enumerate(("01", "02")):
        rng = np.random.default_rng(i)
        values = rng.standard_normal((len(table), sensors, 121)) * 1e-12
        samples = np.arange(len(table)) * 80 + 1
        events = np.column_stack([samples, samples * 0, samples * 0 + 1])
        epochs = mne.EpochsArray(
            values, info(sensors), events, tmin=-0.1, metadata=table, verbose="error"
        )
        epochs.drop([7 + i], reason="too loud", verbose="error")
        epochs.save(folder / f"sub-{subject}_words-epo.fif", verbose="error")
    return {
        "data": {
            "kind": "epochs",
            "subjects": ["01", "02"],
            "epochs": {
                "root": str(folder),
                "file": "sub-{subject}_words-epo.fif",
                "columns": {"text": "shown", "run": "block", "item": "number"},
            },
        },
        "responses": {"picks": ["grad"]},
    }
