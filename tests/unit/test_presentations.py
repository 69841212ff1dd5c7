"""Several presentations of a story: each word's responses are averaged over those that exist."""

import mne
import numpy as np
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.meg.presentations import mean_over_presentations
from lmbrain.meg.word_locked import word_locked
from lmbrain.words import make_words

RATE = 200.0
SETTINGS = {"window": {"start": 0.0, "stop": 0.1}, "bin_width": 0.05, "picks": ["mag"]}
PRESENTATIONS = {"0_a": ["0_a", "1_a"], "0_b": ["0_b", "1_b"]}


@pytest.fixture
def words():
    texts = ["One", "day", "+", "it", "rained."]
    runs = ["0_a"] * 3 + ["0_b"] * 2
    onset = np.array([0.5, 1.0, 1.5, 0.5, 1.0])
    return make_words(["tale"] * 5, runs, texts, onset, np.full(5, 0.3))


def recording(label: str) -> mne.io.RawArray:
    info = mne.create_info(["M1", "M2"], RATE, "mag")
    rng = np.random.default_rng([ord(c) for c in label])
    return mne.io.RawArray(rng.standard_normal((2, 600)), info, verbose="error")


@pytest.fixture
def raws():
    return {label: recording(label) for labels in PRESENTATIONS.values() for label in labels}


@pytest.fixture
def onsets():
    return {
        "0_a": np.array([0.5, 1.0, 1.5]),
        "1_a": np.array([0.7, 1.2, 1.7]),
        "0_b": np.array([0.5, 1.0]),
        "1_b": np.array([0.6, 1.1]),
    }


def each(words, raws, onsets, session):
    labels = {run: f"{session}{run[1:]}" for run in PRESENTATIONS}
    return word_locked(
        {run: raws[label] for run, label in labels.items()},
        words,
        {run: onsets[label] for run, label in labels.items()},
        **SETTINGS,
    )


def test_words_are_averaged_each_at_its_own_onsets(words, raws, onsets):
    epochs = mean_over_presentations(raws, words, onsets, PRESENTATIONS, **SETTINGS)
    first, second = (each(words, raws, onsets, session).get_data() for session in (0, 1))
    assert np.allclose(epochs.get_data(), (first + second) / 2)
    assert epochs.metadata["presentations"].tolist() == [2, 2, 0, 2, 2]
    assert epochs.metadata["lost"].tolist() == ["", "", "no word", "", ""]
    assert epochs.metadata["run"].tolist() == words["run"].tolist()


def test_a_lacking_presentation_or_a_lost_word_leaves_the_others(words, raws, onsets):
    del raws["0_a"], raws["1_b"]
    onsets["0_b"][1] = 2.95  # ends outside the recording
    epochs = mean_over_presentations(raws, words, onsets, PRESENTATIONS, **SETTINGS)
    assert epochs.metadata["presentations"].tolist() == [1, 1, 0, 1, 0]
    assert epochs.metadata["lost"].tolist() == ["", "", "no word", "", "outside the recording"]
    alone = word_locked(
        {"0_a": raws["1_a"]}, words, {"0_a": onsets["1_a"]}, lacking=["0_b"], **SETTINGS
    )
    assert np.allclose(epochs.get_data()[:3], alone.get_data()[:3])
    del raws["0_b"]
    none = mean_over_presentations(raws, words, onsets, PRESENTATIONS, **SETTINGS)
    assert none.metadata["lost"].tolist() == ["", "", "no word", "not recorded", "not recorded"]
    assert (none.get_data()[3:] == 0).all()


@pytest.mark.parametrize(
    ("sensors", "odd"), [(["M2", "M1"], "M2"), (["M2"], "M1"), (["M1", "M2", "M3"], "M3")]
)
def test_presentations_with_other_sensors_are_refused(words, raws, onsets, sensors, odd):
    for label in ("1_a", "1_b"):
        info = mne.create_info(sensors, RATE, "mag")
        raws[label] = mne.io.RawArray(np.ones((len(sensors), 600)), info, verbose="error")
    with pytest.raises(LmbrainError, match=rf"Run 1_a has other sensors than run 0_a \({odd}\)"):
        mean_over_presentations(raws, words, onsets, PRESENTATIONS, **SETTINGS)


def test_without_repeats_it_is_the_plain_response(words, raws, onsets):
    single = {run: [run] for run in PRESENTATIONS}
    epochs = mean_over_presentations(raws, words, onsets, single, **SETTINGS)
    plain = each(words, raws, onsets, 0)
    assert np.array_equal(epochs.get_data(), plain.get_data())
    assert list(epochs.metadata.columns) == list(plain.metadata.columns)
