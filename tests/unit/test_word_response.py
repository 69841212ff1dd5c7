"""The average response to words: what it holds, and that it tells a response from none."""

import json

import mne
import numpy as np
import pandas as pd
import pytest

from lmbrain.meg.word_response import strength, word_response

WORDS, BINS = 200, 20


def epochs_of(size: float, kinds: tuple[str, ...] = ("grad", "mag")) -> mne.EpochsArray:
    rng = np.random.default_rng(0)
    info = mne.channels.read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True)[:12])
    with info._unlock():
        info["sfreq"] = 40.0
    pattern = rng.standard_normal((12, 1)) * np.sin(np.linspace(0, np.pi, BINS))
    data = 1e-13 * (size * pattern + rng.standard_normal((WORDS, 12, BINS)))
    usable = np.arange(WORDS) % 10 > 0
    data[~usable] = 0
    lost = np.where(usable, "", np.where(np.arange(WORDS) < 100, "no word", "annotated as bad"))
    metadata = pd.DataFrame({"usable": usable, "lost": lost})
    epochs = mne.EpochsArray(data, info, metadata=metadata, baseline=None, verbose="error")
    return epochs.pick(list(kinds), verbose="error")


def test_counts_and_averages_leave_lost_words_out():
    epochs = epochs_of(1.0)
    found = word_response(epochs, seed=0)
    assert (found["items"], found["usable"]) == (WORDS, 180)
    assert found["lost"] == {"no word": 10, "annotated as bad": 10}
    assert found["times"][:2] == [0.0125, 0.0375], "centres of the bins"
    grad = found["evoked"]["grad"]
    mean = epochs.get_data(picks=grad["sensors"])[epochs.metadata["usable"]].mean(axis=0) * 1e13
    np.testing.assert_allclose(grad["values"], mean - mean.mean(1, keepdims=True), rtol=1e-3)
    assert found["evoked"]["mag"]["unit"] == "fT" and grad["unit"] == "fT/cm"
    json.dumps(found, allow_nan=False)


def test_a_response_is_told_from_none():
    with_response, without = (
        word_response(epochs_of(size), seed=0)["evoked"]["grad"] for size in (1, 0)
    )
    assert with_response["agreement"] > 0.8 and with_response["p"] < 0.02
    assert without["p"] > 0.05


@pytest.mark.parametrize("interval", [0.5, 0.47])
def test_noise_that_neighbouring_words_share_gives_a_response_in_5_of_100_recordings(interval):
    """Slow noise and a 10 Hz rhythm, in step with words every half second and not."""
    rng = np.random.default_rng(1)
    rate, words, sensors = 40.0, 400, 6
    samples = round(rate * interval * words) + BINS
    frequency = np.fft.rfftfreq(samples, 1 / rate)
    power = 1 / np.maximum(frequency, 0.05) + 3 * np.exp(-0.5 * ((frequency - 10) / 1.2) ** 2)
    found = []
    for _ in range(200):
        spectrum = rng.standard_normal((sensors, len(frequency), 2)) @ [1, 1j] * np.sqrt(power)
        noise = np.fft.irfft(spectrum, samples)
        starts = np.round(np.arange(words) * interval * rate).astype(int)
        values = np.array([noise[:, start : start + BINS] for start in starts])
        found.append(strength(values - values.mean(axis=2, keepdims=True), seed=0)[1])
    assert 0.015 < np.mean(np.array(found) <= 0.05) < 0.09
    assert np.mean(np.array(found) <= 0.5) == pytest.approx(0.5, abs=0.12)


def test_the_p_value_is_that_of_explicitly_signed_averages():
    values = np.random.default_rng(2).standard_normal((160, 3, 4)) + 0.05
    means = np.array([part.mean(axis=0) for part in np.split(values, 8)])
    signs = np.random.default_rng(5).choice([-1.0, 1.0], (999, 8))
    null = [np.square((s[:, None, None] * means).mean(axis=0)).sum() for s in signs]
    observed = np.square(values.mean(axis=0)).sum()
    p = (1 + sum(n >= observed * (1 - 1e-9) for n in null)) / 1000
    agreement, found = strength(values, seed=5)
    assert found == pytest.approx(p)
    halves = [means[start::2].mean(axis=0).ravel() for start in (0, 1)]
    assert agreement == pytest.approx(np.corrcoef(*halves)[0, 1], abs=1e-4)


@pytest.mark.parametrize("values", [np.zeros((200, 3, 4)), np.ones((30, 3, 4)), np.ones((0, 3, 4))])
def test_what_cannot_be_told_is_not_told(values):
    assert strength(values, seed=0) == (None, None)


@pytest.mark.parametrize("kind", ["grad", "mag"])
def test_only_the_sensor_types_of_the_data_are_summarised(kind):
    assert list(word_response(epochs_of(1.0, (kind,)), seed=0)["evoked"]) == [kind]
