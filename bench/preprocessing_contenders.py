"""Cleaning one run by this project and by a plain MNE script of the same steps.

Each function prepares one contender's work (see `bench.measure`): from the file to a cleaned file
in single precision. The work returns every 1,000th sample of the sensors (`samples`) and the names
of the bad sensors found (`bad`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mne
import numpy as np

from bench.measure import Arrays, Work
from lmbrain.datasets.bids_recording import read_recording
from lmbrain.meg.preprocessing import preprocess
from lmbrain.meg.word_locked import write_recording

EVERY = 1000  # samples


def lmbrain(data: Arrays, path: str, settings: Mapping[str, Any]) -> Work:
    """This project, as the rule `preprocess` runs it."""

    def work() -> Arrays:
        first = read_recording(path).info["dev_head_t"]
        raw, quality = preprocess(read_recording(path), settings, head_position=first)
        write_recording(raw, Path(path).with_name("own_raw.fif"), {})
        bad = quality["bad_channels"]
        return _result(raw, [*bad["noisy"], *bad["flat"]])

    return work


def plain(data: Arrays, path: str, settings: Mapping[str, Any]) -> Work:
    """MNE's functions one after the other, as in a lab's script; no quality figures."""
    maxwell, artefacts = settings["maxwell"], settings["artefacts"]

    def work() -> Arrays:
        raw = mne.io.read_raw_fif(path, verbose="error")
        noisy, flat = mne.preprocessing.find_bad_channels_maxwell(raw, verbose="error")
        raw.info["bads"] = noisy + flat
        raw = mne.preprocessing.maxwell_filter(
            raw,
            st_duration=maxwell["tsss_duration"],
            destination=raw.info["dev_head_t"],
            verbose="error",
        )
        raw.notch_filter(settings["notch_frequencies"], picks="meg", verbose="error")
        raw.filter(*settings["band"], picks="meg", verbose="error")
        beats = mne.preprocessing.find_ecg_events(raw, verbose="error")[0]
        blinks = mne.preprocessing.find_eog_events(raw, l_freq=0.5, verbose="error")
        projections = _projections(raw, beats, (-0.2, 0.4), artefacts["ecg_components"])
        projections += _projections(raw, blinks, (-0.2, 0.2), artefacts["eog_components"])
        raw.add_proj(projections, verbose="error").apply_proj(verbose="error")
        raw.save(Path(path).with_name("plain_raw.fif"), fmt="single", verbose="error")
        return _result(raw, [*noisy, *flat])

    return work


def _projections(
    raw: mne.io.BaseRaw, events: np.ndarray, window: tuple[float, float], number: int
) -> list[mne.Projection]:
    epochs = mne.Epochs(
        raw, events, None, *window, baseline=(None, None), picks="meg", proj=False, verbose="error"
    )
    return mne.compute_proj_evoked(
        epochs.average(), number, number, 0, meg="combined", verbose="error"
    )


def _result(raw: mne.io.BaseRaw, bad: list[str]) -> Arrays:
    picks = mne.pick_types(raw.info, meg=True)
    samples = np.hstack([raw[picks, at][0] for at in range(0, len(raw.times), EVERY)])
    return {"samples": samples, "bad": np.array(bad, dtype=str)}
