"""The average response to a word's onset: whether a person's recording holds any, and how clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmbrain.meg.word_locked import lost_counts

if TYPE_CHECKING:
    import mne

SCALES = {"mag": (1e15, "fT"), "grad": (1e13, "fT/cm")}
# Words averaged together before anything is compared: longer than the noise remembers, since
# neighbouring words share its slow parts, and rhythms that keep in step with regular words.
STRETCH = 20
FEWEST = 6  # stretches; fewer have too few signs for a p below .05
FLIPS = 999


def word_response(epochs: mne.BaseEpochs, seed: int) -> dict[str, Any]:
    """Summarise one person's word-locked responses; small enough for a JSON file.

    Parameters
    ----------
    epochs
        Word-locked averages in bins; the metadata hold `usable` and `lost`
        (`lmbrain.meg.word_locked.word_locked`).
    seed
        Of the random signs.

    Returns
    -------
    dict
        `items`, `usable` (counts); `lost` (count by reason); `times` (bins' centres, s after
        onset); per sensor type of the data (`grad`, `mag`) under `evoked`: `unit`, `sensors`,
        `values` (sensors x bins, mean over usable words less its mean over the bins), and
        `agreement` and `p` of `strength`, None where they cannot be told.
    """
    usable = epochs.metadata["usable"].to_numpy(bool)
    kinds = epochs.get_channel_types()
    summary: dict[str, Any] = {
        "items": len(usable),
        "usable": int(usable.sum()),
        "lost": lost_counts(epochs),
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
        values -= values.mean(axis=2, keepdims=True)
        agreement, p = strength(values, seed)
        evoked = values.mean(axis=0)
        summary["evoked"][kind] = {
            "unit": unit,
            "sensors": sensors,
            "values": [[float(f"{v:.4g}") for v in row] for row in evoked],
            "agreement": agreement,
            "p": p,
        }
    return summary


def strength(values: np.ndarray, seed: int) -> tuple[float | None, float | None]:
    """How clear the average response is.

    Parameters
    ----------
    values
        Words x sensors x bins, each less its mean over bins.
    seed
        Of the random signs.

    Returns
    -------
    agreement
        Pearson r, over sensors and bins, of the averages over every other stretch of `STRETCH`
        words. It grows towards 1 with the number of words.
    p
        Share of random signs of the stretches whose average has at least the energy of the real
        one: small only if the stretches respond alike. Signs are fair where noise is as likely
        one way up as the other and stretches are independent.
    Both None with fewer than `FEWEST` stretches, or where nothing varies.
    """
    count = len(values) // STRETCH
    if count < FEWEST or not values.any():
        return None, None
    stretches = np.array_split(values.reshape(len(values), -1), count)
    means = np.array([stretch.mean(axis=0) for stretch in stretches])
    halves = np.corrcoef(means[::2].mean(axis=0), means[1::2].mean(axis=0))
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (FLIPS, len(means)))
    # The energy of a signed sum needs only the stretches' products with each other.
    products = means @ means.T
    null = np.einsum("fi,ij,fj->f", signs, products, signs)
    p = (1 + np.sum(null >= products.sum() * (1 - 1e-12))) / (FLIPS + 1)
    return round(float(halves[0, 1]), 4), round(float(p), 4)
