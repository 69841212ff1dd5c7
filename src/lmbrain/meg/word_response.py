"""The average response to a word's onset: whether a person's recording holds any, and how clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import mne

SCALES = {"mag": (1e15, "fT"), "grad": (1e13, "fT/cm")}


def word_response(epochs: mne.BaseEpochs) -> dict[str, Any]:
    """Summarise one person's word-locked responses; small enough for a JSON file.

    Parameters
    ----------
    epochs
        Word-locked averages in bins; the metadata hold `usable` and `lost`
        (`lmbrain.meg.word_locked.word_locked`).

    Returns
    -------
    dict
        `items`, `usable` (counts); `lost` (count by reason); `times` (bins' centres, s after
        onset); per sensor type of the data (`grad`, `mag`) under `evoked`: `unit`, `sensors`,
        `values` (sensors x bins, mean over usable words less its mean over the bins) and
        `agreement`: Pearson r over sensors and bins of the averages of every other word, odd
        against even. Without a response it is near 0; with one it grows towards 1 with the
        number of words.
    """
    usable = epochs.metadata["usable"].to_numpy(bool)
    lost = epochs.metadata["lost"][~usable].value_counts()
    kinds = epochs.get_channel_types()
    summary: dict[str, Any] = {
        "items": len(usable),
        "usable": int(usable.sum()),
        "lost": {str(reason): int(n) for reason, n in lost.items()},
        "times": [round(float(t) + 0.5 / epochs.info["sfreq"], 6) for t in epochs.times],
        "evoked": {},
    }
    for kind, (scale, unit) in SCALES.items():
        sensors = [
            name for name, found in zip(epochs.ch_names, kinds, strict=True) if found == kind
        ]
        if not sensors:
            continue
        values = epochs.get_data(picks=sensors, verbose="error")[usable] * scale
        odd, even = _centred(values[::2].mean(axis=0)), _centred(values[1::2].mean(axis=0))
        summary["evoked"][kind] = {
            "unit": unit,
            "sensors": sensors,
            "values": [[float(f"{v:.4g}") for v in row] for row in _centred(values.mean(axis=0))],
            "agreement": round(float(np.corrcoef(odd.ravel(), even.ravel())[0, 1]), 4),
        }
    return summary


def _centred(evoked: np.ndarray) -> np.ndarray:
    return evoked - evoked.mean(axis=1, keepdims=True)
