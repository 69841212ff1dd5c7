"""The bench of signal-to-noise ratios measures what it says."""

import mne
import numpy as np
import pytest

from bench.snr import KINDS, Conditions, edges, limit, ratios, record
from configs import read_config
from lmbrain.config import load_study
from lmbrain.meg.bins import bin_means


@pytest.fixture(scope="module")
def recording():
    return record(Conditions(), minutes=0.3, rate=200.0, seed=1)


def sensors(recording):
    return mne.pick_info(recording.raw.info, range(306))


def test_planted_responses_in_white_noise_have_the_ratio_of_their_variances(recording):
    rng = np.random.default_rng(0)
    field, bins = recording.field, recording.planted.transpose(1, 0, 2).reshape(306, -1)
    level = bins.std(axis=1) * np.sqrt(5 / 10)  # a bin is the mean of 5 samples: signal 10 dB up
    noisy = field + level[:, None] * rng.standard_normal(field.shape)
    found = ratios(mne.io.RawArray(noisy, sensors(recording), verbose="error"), recording)
    for column in KINDS.values():
        assert found[column] == pytest.approx(10, abs=0.7)


def test_the_ratio_does_not_depend_on_gain_or_offset(recording):
    raw = recording.raw.copy().pick("meg")
    plain = ratios(raw, recording)
    raw.apply_function(lambda x: 3 * x + 1e-12, picks="meg", channel_wise=False)
    assert ratios(raw, recording) == pytest.approx(plain, abs=1e-3)


def test_the_limit_holds_the_planted_part_and_is_above_the_recording(recording):
    settings = load_study(read_config()).preprocessing.model_dump()
    best = ratios(limit(recording, settings), recording)
    raw = ratios(recording.raw, recording)
    assert best["magnetometers"] > raw["magnetometers"] + 5


def test_broken_sensors_are_those_in_which_most_is_planted(recording):
    size = recording.planted.std(axis=(0, 2))
    names = np.array(recording.raw.ch_names[:306])
    for name, kind in ((recording.person.noisy, "grad"), (recording.person.flat, "mag")):
        own = np.array(recording.raw.get_channel_types()[:306]) == kind
        assert size[names == name][0] > 0.7 * size[own].max()


def test_bins_reach_from_word_to_word(recording):
    marks = edges(recording.words)
    assert np.allclose(marks[1:, 0], marks[:-1, -1])
    assert bin_means(recording.raw, ["MEG 0113"], marks).shape == (len(recording.words), 1, 16)
