"""Word-locked bins against brute force and MNE's epochs; lost words; the file on disk."""

import json

import mne
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbrain.errors import LmbrainError
from lmbrain.meg.bins import bin_means
from lmbrain.meg.word_locked import word_locked, write_epochs, write_recording
from lmbrain.responses import read_responses
from lmbrain.words import make_words

WINDOW = {"start": 0.0, "stop": 0.5}


def small_info(rate: float = 200.0) -> mne.Info:
    """Two triplets of the real helmet and a trigger channel."""
    meg = mne.channels.read_meg_canonical_info("neuromag")
    names = meg.ch_names[:6]
    info = mne.create_info([*names, "STI101"], rate, [*meg.get_channel_types()[:6], "stim"])
    for new, old in zip(info["chs"], meg["chs"][:6], strict=False):
        for key in ("loc", "coil_type", "unit", "kind", "coord_frame"):
            new[key] = old[key]
    head = np.eye(4)
    head[2, 3] = 0.04
    info["dev_head_t"] = mne.transforms.Transform("meg", "head", head)
    return info


def recording(seconds: float = 6.0, rate: float = 200.0, seed: int = 0) -> mne.io.RawArray:
    data = np.random.default_rng(seed).standard_normal((7, round(seconds * rate))) * 1e-12
    data[6] = 0
    return mne.io.RawArray(data, small_info(rate), verbose="error")


def table(text: list[str], onsets: np.ndarray, run: str = "01") -> pd.DataFrame:
    return make_words(["tale"] * len(text), [run] * len(text), text, onsets, onsets * 0 + 0.4)


def locked(raw, onsets, text=None, window=WINDOW, bin_width=0.025, picks=("grad", "mag")):
    onsets = np.asarray(onsets, float)
    words = table(text or ["word"] * len(onsets), onsets)
    return word_locked({"01": raw}, words, {"01": onsets}, window, bin_width, picks)


@settings(max_examples=20, deadline=None)
@given(
    rate=st.sampled_from([100, 200, 250, 300, 1000]),
    onsets=st.lists(st.integers(200, 1400), min_size=1, max_size=4),
    first=st.integers(-8, 4),
    bins=st.integers(1, 20),
)
def test_every_bin_is_the_mean_of_its_own_samples(rate, onsets, first, bins):
    raw = recording(2.0, rate)
    data = raw.get_data()
    epochs = locked(
        raw,
        np.array(onsets) / 1000,
        window={"start": first * 0.025, "stop": (first + bins) * 0.025},
    )
    clock = 1000 * np.arange(data.shape[1])  # in units of ms / rate: whole numbers
    for word, onset in enumerate(onsets):
        for i in range(bins):
            begin = (onset + 25 * (first + i)) * rate
            inside = (clock >= begin) & (clock < begin + 25 * rate)
            expected = data[:6, inside].mean(axis=1)
            np.testing.assert_allclose(epochs.get_data()[word, :, i], expected, atol=1e-24)


def test_bins_longer_than_single_samples_use_unequal_counts_rightly():
    raw = recording(2.0, 250.0)
    data = raw.get_data()
    means = bin_means(raw, raw.ch_names[:1], np.array([[0.0, 0.025, 0.05]]))
    np.testing.assert_allclose(means[0, 0, 0], data[0, :7].mean())  # 0 to 24 ms
    np.testing.assert_allclose(means[0, 0, 1], data[0, 7:13].mean())  # 28 to 48 ms


def test_items_that_are_no_words_or_lost_are_zero_and_say_why():
    raw = recording(6.0)
    raw.set_annotations(mne.Annotations([2.0, 4.2], [0.1, 0.1], ["BAD jump", "note"]))
    onsets = [-0.1, 0.0, 1.0, 1.5, 1.6, 2.1, 4.0, 5.5, 5.51]
    epochs = locked(raw, onsets, ["a", "b", "+", "c", "d", "e", "f", "g", "h"])
    reasons = epochs.metadata["lost"].tolist()
    outside, bad = "outside the recording", "annotated as bad"
    assert reasons == [outside, "", "no word", "", bad, "", "", "", outside]
    usable = epochs.metadata["usable"].to_numpy()
    assert usable.dtype == bool
    np.testing.assert_array_equal(usable, [r == "" for r in reasons])
    np.testing.assert_array_equal((epochs.get_data() != 0).any(axis=(1, 2)), usable)
    assert epochs.metadata["text"].tolist() == ["a", "b", "+", "c", "d", "e", "f", "g", "h"]


def test_bad_stretches_are_found_in_recordings_that_start_late_and_have_a_date():
    raw = recording(6.0)
    raw.set_meas_date(1_000_000_000)
    raw = raw.crop(1.0, None)
    raw.set_annotations(
        mne.Annotations([3.0], [0.1], ["bad"], orig_time=raw.info["meas_date"])
    )  # 2 s after the first sample kept
    assert locked(raw, [1.0, 1.8, 2.2]).metadata["usable"].tolist() == [True, False, True]


def test_each_run_is_read_by_its_own_clock():
    raws = {"01": recording(seed=1), "02": recording(seed=2)}
    onsets = {"01": np.array([1.0, 2.0]), "02": np.array([1.25, 2.5, 3.0])}
    words = pd.concat(
        [table(["a"] * len(o), o * 0 + 9, run) for run, o in onsets.items()], ignore_index=True
    )
    epochs = word_locked(raws, words, onsets, WINDOW, 0.025, ["mag"])
    assert epochs.ch_names == [n for n in raws["01"].ch_names if n.endswith("1")][:2]
    for run, rows in (("01", [0, 1]), ("02", [2, 3, 4])):
        alone = word_locked(
            {run: raws[run]},
            words.iloc[rows].reset_index(drop=True),
            {run: onsets[run]},
            WINDOW,
            0.025,
            ["mag"],
        )
        np.testing.assert_array_equal(epochs.get_data()[rows], alone.get_data())


def test_the_file_gives_back_responses_words_places_and_provenance(tmp_path):
    raw = recording()
    text = ["null", "NA", "+", "true", 'said."']
    epochs = locked(raw, [0.5, 1.0, 1.5, 2.0, 5.8], text, {"start": -0.1, "stop": 0.4})
    path = tmp_path / "sub-01-epo.fif"
    made = {"study": "test", "settings": {"bin_width": 0.025}}
    write_epochs(epochs, path, made)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    responses = read_responses(path)
    np.testing.assert_allclose(responses.time, -0.1 + 0.025 * (np.arange(20) + 0.5))
    np.testing.assert_allclose(responses, epochs.get_data(), rtol=1e-6)
    assert responses["usable"].to_numpy().tolist() == [True, True, False, True, False]
    stored = mne.read_epochs(path, verbose="error")
    assert json.loads(stored.info["description"]) == made
    assert stored.metadata["text"].tolist() == text
    assert stored.info["sfreq"] == 40
    for new, old in zip(stored.info["chs"], raw.info["chs"], strict=False):
        np.testing.assert_allclose(new["loc"], old["loc"], rtol=1e-6)
        assert new["coil_type"] == old["coil_type"]


def test_a_recording_is_written_with_its_provenance_and_left_as_it_was(tmp_path):
    raw = recording()
    write_recording(raw, tmp_path / "run-01_meg.fif", {"rule": "preprocess"})
    stored = mne.io.read_raw_fif(tmp_path / "run-01_meg.fif", verbose="error")
    assert json.loads(stored.info["description"]) == {"rule": "preprocess"}
    assert raw.info["description"] is None
    np.testing.assert_allclose(stored.get_data(), raw.get_data(), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": {"start": 0.01, "stop": 0.51}}, "whole multiples of responses.bin_width"),
        ({"bin_width": 0.004, "window": {"start": 0, "stop": 0.4}}, "leave a bin without a sample"),
        ({"picks": ["grad", "eeg"]}, "has no 'eeg' sensors"),
    ],
)
def test_settings_that_do_not_fit_the_recording_are_refused(change, message):
    with pytest.raises(LmbrainError, match=message):
        locked(recording(), [1.0, 2.0], **change)


def test_runs_that_do_not_fit_each_other_are_named():
    raws = {"01": recording(), "02": recording()}
    words = pd.concat([table(["a"], np.ones(1), run) for run in raws], ignore_index=True)
    onsets = {"01": np.ones(1), "02": np.ones(1)}

    def run(raws=raws, onsets=onsets):
        return word_locked(raws, words, onsets, WINDOW, 0.025, ["grad"])

    assert run().metadata["usable"].all()
    with pytest.raises(LmbrainError, match=r"Run 02: expected 1 onsets .* found 2"):
        run(onsets=onsets | {"02": np.ones(2)})
    with pytest.raises(LmbrainError, match="Run 02 of the words table has no recording"):
        run(raws={"01": raws["01"]})
    fewer = raws["02"].copy().drop_channels(["MEG 0122"])
    with pytest.raises(LmbrainError, match=r"Run 02 has other sensors .*MEG 0122"):
        run(raws=raws | {"02": fewer})
    raws["02"].info["bads"] = ["MEG 0113"]
    with pytest.raises(LmbrainError, match="Run 02: sensor MEG 0113 is still marked bad"):
        run()
