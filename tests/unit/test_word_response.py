"""The average response to words: what it holds, and that it tells a response from none."""

import json

import mne
import numpy as np
import pandas as pd
import pytest

from lmbrain.meg.word_response import word_response

WORDS, BINS = 200, 20


def epochs_of(strength: float, kinds: tuple[str, ...] = ("grad", "mag")) -> mne.EpochsArray:
    rng = np.random.default_rng(0)
    info = mne.channels.read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True)[:12])
    with info._unlock():
        info["sfreq"] = 40.0
    pattern = rng.standard_normal((12, 1)) * np.sin(np.linspace(0, np.pi, BINS))
    data = 1e-13 * (strength * pattern + rng.standard_normal((WORDS, 12, BINS)))
    usable = np.arange(WORDS) % 10 > 0
    data[~usable] = 0
    lost = np.where(usable, "", np.where(np.arange(WORDS) < 100, "no word", "annotated as bad"))
    metadata = pd.DataFrame({"usable": usable, "lost": lost})
    epochs = mne.EpochsArray(data, info, metadata=metadata, baseline=None, verbose="error")
    return epochs.pick(list(kinds), verbose="error")


def test_counts_and_averages_leave_lost_words_out():
    epochs = epochs_of(1.0)
    found = word_response(epochs)
    assert (found["items"], found["usable"]) == (WORDS, 180)
    assert found["lost"] == {"no word": 10, "annotated as bad": 10}
    assert found["times"][:2] == [0.0125, 0.0375], "centres of the bins"
    grad = found["evoked"]["grad"]
    mean = epochs.get_data(picks=grad["sensors"])[epochs.metadata["usable"]].mean(axis=0) * 1e13
    np.testing.assert_allclose(grad["values"], mean - mean.mean(1, keepdims=True), rtol=1e-3)
    assert found["evoked"]["mag"]["unit"] == "fT" and grad["unit"] == "fT/cm"
    json.dumps(found, allow_nan=False)


def test_agreement_of_odd_and_even_words_tells_a_response_from_none():
    agreement = {
        strength: word_response(epochs_of(strength))["evoked"]["grad"]["agreement"]
        for strength in (0.0, 2.0)
    }
    assert agreement[2.0] > 0.9
    assert abs(agreement[0.0]) < 0.3


@pytest.mark.parametrize("kind", ["grad", "mag"])
def test_only_the_sensor_types_of_the_data_are_summarised(kind):
    assert list(word_response(epochs_of(1.0, (kind,)))["evoked"]) == [kind]
