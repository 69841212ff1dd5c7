"""A short simulated cohort with faults, for the tests that plant and find them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pandas as pd

from lmbrain.simulation import cohort, stimulus, truth
from lmbrain.simulation.faults import NONE

RATE = 200.0
TALE = (
    "The old ferry came in. It was late and he ran down to the water with a lamp in his hand.\n\n"
    '"You are wet," she said. They sat by the fire until the rain was over and the boat dry.\n\n'
)
STRENGTHS = {"onset": 1.0, "length": 0.2, "lm": 0.3}


def story(times: int = 2, runs: tuple[str, ...] = ("01",)) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Words shown and what brains respond to; 30 s a run for each two times the tale."""
    shown = stimulus.stimulus_words(TALE * times, None, list(runs), 0.4, "tale")
    words = shown.loc[shown["is_word"], "text"].reset_index(drop=True)
    features = np.random.default_rng(0).normal(size=(len(shown), 12))
    return shown, truth.truth_table(shown, pd.DataFrame({"text": words}), features, [])


def faults(**changed: Any) -> dict[str, Any]:
    """The config's section with some values changed; those of sections are merged."""
    section = copy.deepcopy(dict(NONE))
    for key, value in changed.items():
        section[key] = section[key] | value if isinstance(value, dict) else value
    return section


def record(
    root: Path,
    subject: str = "01",
    rate: float = RATE,
    system: str = "neuromag",
    tale: tuple[pd.DataFrame, pd.DataFrame] | None = None,
    strengths: dict[str, float] = STRENGTHS,
    **changed: Any,
) -> dict[str, Any]:
    """Simulate a person into a BIDS folder; what was planted comes back."""
    return cohort.simulate_subject(
        subject,
        *(tale or story()),
        root,
        "story",
        strengths,
        rate,
        50.0,
        seed=3,
        system=system,
        faults=faults(**changed),
    )


def recording(root: Path, subject: str = "01", run: str = "01") -> Path:
    return root / f"sub-{subject}" / "meg" / f"sub-{subject}_task-story_run-{run}_meg.fif"


def read(root: Path, subject: str = "01", run: str = "01") -> mne.io.BaseRaw:
    return mne.io.read_raw_fif(recording(root, subject, run), preload=True, verbose="error")


def events(root: Path, subject: str = "01", run: str = "01") -> Path:
    path = recording(root, subject, run)
    return path.with_name(path.name.replace("_meg.fif", "_events.tsv"))
