"""Independent components of a recording that follow the heart or the eyes, found and removed.

References
----------
Hyvarinen & Oja 2000 (FastICA); Dammers et al. 2008 (cross-trial phase statistics for the heart).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import mne
import numpy as np

from lmbrain.errors import LmbrainError
from lmbrain.meg.quality import by_sensor, sensors_by_type

log = logging.getLogger(__name__)

MOST_STEPS = 1000  # of FastICA
BLOCK = 16  # channels thinned out at a time
PIECE = 10.0  # s cleaned at a time


def remove_components(
    raw: mne.io.BaseRaw,
    source: str,
    most: Mapping[str, int],
    channels: Mapping[str, str | None],
    *,
    components: int | float,
    seed: int,
    high_pass: float,
    sampling_rate: float,
    ecg_threshold: float | str,
    eog_threshold: float,
) -> tuple[dict[str, list[dict[str, Any]]], bool]:
    """Fit ICA to a slow copy of the recording and take heart and eyes out of the recording itself.

    Components are chosen by `ICA.find_bads_ecg` (cross-trial phase statistics) and
    `ICA.find_bads_eog` (correlation with the EOG channels).

    Parameters
    ----------
    raw
        Loaded, band-passed recording; cleaned in place.
    source
        Its name, for messages.
    most
        Largest number of components of `heart` and `blinks` to remove; artefacts that are not
        named stay.
    channels
        ECG and EOG channel of `heart` and `blinks`; None: those of that type.
    components
        Principal components that enter: a number, or the share of variance they hold (0 to 1).
    seed
        Of the decomposition's random start.
    high_pass
        Of the copy, Hz: slow drifts hide the components.
    sampling_rate
        Of the copy, at least (Hz).
    ecg_threshold
        Phase statistic (0 to 1) from which a component is the heart's; `auto`: by the number of
        samples.
    eog_threshold
        Standard deviations from which a component's correlation counts as an outlier.

    Returns
    -------
    removed
        dict of `heart` and `blinks`: the components removed, the clearest first, each with its
        `score` and `topography`.
    converged
        Whether the decomposition did; one that did not is used all the same, with a warning.

    Raises
    ------
    LmbrainError
        If the decomposition fails, as where the data have fewer components.
    """
    copy = _slow_copy(raw, channels, sampling_rate, high_pass)
    ica = mne.preprocessing.ICA(
        n_components=components, random_state=seed, max_iter=MOST_STEPS, verbose="error"
    )
    try:
        ica.fit(copy, picks="meg", verbose="error")  # good ones, in the recording's order
    except (ValueError, RuntimeError) as error:
        raise LmbrainError(
            f"{source}: ICA failed ({error}); lower preprocessing.artefacts.ica.components or "
            "set preprocessing.artefacts.method to ssp."
        ) from error
    converged = ica.n_iter_ < MOST_STEPS
    if not converged:
        log.warning("%s: ICA did not converge in %d steps", source, MOST_STEPS)
    scored = {}
    if "heart" in most:
        scored["heart"] = ica.find_bads_ecg(
            copy, ch_name=channels["heart"], threshold=ecg_threshold, verbose="error"
        )
    if "blinks" in most:
        scored["blinks"] = ica.find_bads_eog(
            copy, ch_name=channels["blinks"], threshold=eog_threshold, verbose="error"
        )
    chosen = {artefact: found[: most[artefact]] for artefact, (found, _) in scored.items()}
    maps = dict(zip(ica.ch_names, ica.get_components(), strict=True))
    sensors = sensors_by_type(raw)
    _apply(ica, raw, sorted({int(i) for found in chosen.values() for i in found}))
    removed = {
        artefact: [
            {
                "score": round(float(np.abs(np.atleast_2d(scored[artefact][1])[:, i]).max()), 3),
                "topography": by_sensor({name: maps[name][i] for name in maps}, sensors),
            }
            for i in found
        ]
        for artefact, found in chosen.items()
    }
    return removed, converged


def _slower(values: np.ndarray, down: int) -> np.ndarray:
    """Every `down`-th sample, filtered against aliasing; MNE takes no factor of 1."""
    if down == 1:
        return values
    return mne.filter.resample(values, down=down, method="polyphase", verbose="error")


def _slow_copy(
    raw: mne.io.BaseRaw,
    channels: Mapping[str, str | None],
    sampling_rate: float,
    high_pass: float,
) -> mne.io.BaseRaw:
    """Good sensors, heart and eyes at a lower rate, high-passed; a small part of the memory."""
    named = [name for name in channels.values() if name is not None]
    kept = mne.pick_types(raw.info, meg=True, ref_meg=False, ecg=True, eog=True, include=named)
    down = max(1, int(raw.info["sfreq"] / sampling_rate))
    blocks = [
        _slower(raw.get_data(kept[first : first + BLOCK]), down)
        for first in range(0, len(kept), BLOCK)
    ]
    info = mne.pick_info(raw.info, kept)
    with info._unlock():
        info["sfreq"] = raw.info["sfreq"] / down
    first = round(raw.first_samp / down)
    copy = mne.io.RawArray(np.concatenate(blocks), info, first_samp=first, verbose="error")
    notes = raw.annotations
    onsets = notes.onset - raw.first_time + copy.first_time
    copy.annotations.append(onsets, notes.duration, notes.description)
    return copy.filter(high_pass, None, picks="meg", verbose="error")


def _apply(ica: mne.preprocessing.ICA, raw: mne.io.BaseRaw, exclude: list[int]) -> None:
    """In pieces: each sample is cleaned by itself, and the whole run at once takes the memory."""
    if not exclude:
        return
    step = round(PIECE * raw.info["sfreq"])
    for start in range(0, len(raw.times), step):
        stop = min(start + step, len(raw.times))
        ica.apply(raw, exclude=exclude, start=start, stop=stop, verbose="error")
