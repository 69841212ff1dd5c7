"""Word-locked bins against brute force and MNE's epochs; lost words; the file on disk."""

import json
import os
from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbrain.datasets.bids_recording import read_recording
from lmbrain.errors import LmbrainError
from lmbrain.meg.bins import bin_means
from lmbrain.meg.word_locked import lost_counts, word_locked, write_epochs, write_recording
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


@pytest.mark.parametrize("rate", [200.0, 250.0])
def test_words_are_lost_to_annotations_exactly_where_mne_drops_epochs(rate):
    raw = mne.concatenate_raws([recording(rate=rate), recording(rate=rate)], verbose="error")
    raw = raw.crop(1.0)  # the seam comes at 5 s, lasting 0 s, and the run starts late
    raw.annotations.append([1.003, 3.0], [0.1, 0.0], ["bad jump", "BAD click"])
    samples = np.arange(0, len(raw.times) - round(rate), 3)
    events = np.column_stack([samples + raw.first_samp, 0 * samples, 0 * samples + 1])
    kept = mne.Epochs(
        raw, events, tmin=0, tmax=0.5 - 1 / rate, baseline=None, preload=True, verbose="error"
    ).selection
    usable = locked(raw, samples / rate, picks=["mag"]).metadata["usable"]
    assert np.flatnonzero(usable).tolist() == kept.tolist()
    assert 50 < len(kept) < len(samples) - 50


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


# Against mne.Epochs at the recording's own rate


def mne_bins(raw, onsets, window, bin_width, picks, baseline=None, detrend=None):
    """Epochs as MNE makes them, each bin the mean of its samples; onsets lie on samples."""
    rate = raw.info["sfreq"]
    start = min(window["start"], baseline["start"]) if baseline else window["start"]
    stop = max(window["stop"], baseline["stop"]) if baseline else window["stop"]
    samples = np.round(np.asarray(onsets) * rate).astype(int)
    last = (np.ceil(stop * rate - 1e-6) - 1) / rate  # MNE's epochs and baselines hold their end
    epochs = mne.Epochs(
        raw,
        np.column_stack([samples + raw.first_samp, 0 * samples, 1 + 0 * samples]),
        tmin=np.ceil(start * rate - 1e-6) / rate,
        tmax=last,
        baseline=baseline
        and (baseline["start"], (np.ceil(baseline["stop"] * rate - 1e-6) - 1) / rate),
        detrend=detrend,
        picks=picks,
        proj=False,
        preload=True,
        reject_by_annotation=False,
        verbose="error",
    )
    assert len(epochs) == len(onsets)
    edges = np.arange(window["start"], window["stop"] + 1e-9, bin_width)
    inside = [
        (epochs.times >= edge - 1e-9) & (epochs.times < edge + bin_width - 1e-9)
        for edge in edges[:-1]
    ]
    return np.stack([epochs.get_data()[:, :, mask].mean(axis=2) for mask in inside], axis=2)


def assert_equal_bins(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


DRIFT = np.linspace(0, 3e-11, 1200)  # an offset and drift that dwarf the signal


@pytest.fixture(params=[100.0, 250.0, 300.0, 1000.0])
def stored(request, tmp_path):
    """A recording that starts late, written to a FIF file and read again."""
    raw = recording(1200 / request.param, request.param, seed=3)
    raw._data[:6] += 5e-10 + DRIFT
    late = mne.io.RawArray(raw.get_data(), raw.info, first_samp=3000, verbose="error")
    path = tmp_path / "run_meg.fif"
    write_recording(late, path, {})
    return mne.io.read_raw_fif(path, verbose="error")


@pytest.mark.parametrize("detrend", [None, "constant", "linear"])
@pytest.mark.parametrize(
    "baseline", [None, {"start": -0.1, "stop": 0.0}, {"start": 0.05, "stop": 0.15}]
)
def test_bins_baseline_and_trend_equal_averages_of_mne_epochs(stored, baseline, detrend):
    rate = stored.info["sfreq"]
    onsets = np.array([31, 200, 310, 311, 500]) / rate + np.array([0, 0, 0, 0, 0.2])
    onsets = np.round(onsets * rate) / rate
    window = {"start": -0.05, "stop": 0.2}
    words = table(["word"] * len(onsets), onsets)
    epochs = word_locked(
        {"01": stored},
        words,
        {"01": onsets},
        window,
        0.025,
        ["grad", "mag"],
        baseline=baseline,
        detrend=detrend,
    )
    here = epochs.metadata["usable"].to_numpy(bool)
    assert here[1:].all()
    degree = {None: None, "constant": 0, "linear": 1}[detrend]
    names = stored.ch_names[:6]
    expected = mne_bins(stored, onsets[here], window, 0.025, names, baseline, degree)
    assert_equal_bins(epochs.get_data()[here], expected)
    if detrend or baseline:
        assert np.abs(expected).max() < 1e-10  # the offset is gone


@pytest.mark.parametrize(
    "name", ["elekta/test_move_anon_erm_raw.fif", "kit/MQKIT_125_2sec.con"], ids=["elekta", "kit"]
)
def test_bins_of_real_recordings_equal_averages_of_mne_epochs(name):
    folder = os.environ.get("LMBRAIN_DATA")
    if folder is None or not (Path(folder) / "meg" / name).exists():
        pytest.skip("LMBRAIN_DATA names no folder with real recordings in meg/")
    raw = read_recording(Path(folder) / "meg" / name)
    raw.info["bads"] = []
    kinds = sorted({"grad", "mag"} & set(raw.get_channel_types()))
    rate = raw.info["sfreq"]
    onsets = np.round(np.linspace(0.15, raw.times[-1] - 0.35, 6) * rate) / rate
    words = table(["word"] * 6, onsets)
    window, baseline = {"start": 0.0, "stop": 0.3}, {"start": -0.1, "stop": 0.0}
    chosen = mne.pick_types(raw.info, meg=True, ref_meg=False)
    names = [raw.ch_names[i] for i in chosen]
    for before, detrend, degree in ((None, None, None), (baseline, "linear", 1)):
        epochs = word_locked(
            {"01": raw},
            words,
            {"01": onsets},
            window,
            0.025,
            kinds,
            baseline=before,
            detrend=detrend,
        )
        assert epochs.ch_names == names
        usable = epochs.metadata["usable"].to_numpy(bool)
        assert usable.sum() >= 4
        expected = mne_bins(raw, onsets[usable], window, 0.025, names, before, degree)
        for kind in kinds:
            own = np.array(epochs.get_channel_types()) == kind
            assert_equal_bins(epochs.get_data()[usable][:, own], expected[:, own])


def test_a_baseline_before_the_recording_loses_the_word():
    epochs = word_locked(
        {"01": recording()},
        table(["a", "b"], np.array([0.15, 0.25])),
        {"01": np.array([0.15, 0.25])},
        WINDOW,
        0.025,
        ["mag"],
        baseline={"start": -0.2, "stop": 0.0},
    )
    assert epochs.metadata["lost"].tolist() == ["outside the recording", ""]


def test_words_with_too_large_amplitudes_are_those_that_mne_rejects_and_are_kept_as_lost():
    raw = recording(6.0, 1000.0)
    raw._data[2, 1300] = 3e-11  # a magnetometer
    raw._data[0, 2400] = 3e-11  # a gradiometer, below its limit
    raw._data[3, 3700] = 9e-11
    onsets = np.array([0.5, 1.0, 2.2, 3.5, 4.5])
    reject = {"grad": 5e-11, "mag": 2e-11}
    events = np.column_stack([(onsets * 1000).astype(int), [0] * 5, [1] * 5])
    kept = mne.Epochs(
        raw, events, tmin=0, tmax=0.499, baseline=None, reject=reject, preload=True, verbose="error"
    ).selection
    words = table(["word"] * 5, onsets)
    given = ({"01": raw}, words, {"01": onsets}, WINDOW, 0.025, ["grad", "mag"])
    epochs = word_locked(*given, reject=reject)
    assert epochs.metadata["lost"].tolist() == ["", "amplitude", "", "amplitude", ""]
    assert np.flatnonzero(epochs.metadata["usable"]).tolist() == kept.tolist()
    assert not epochs.get_data()[[1, 3]].any()
    assert lost_counts(epochs) == {"amplitude": 2}
    only = word_locked(*given, reject={"grad": None, "mag": 2e-11})
    assert only.metadata["lost"].tolist() == ["", "amplitude", "", "", ""]
    np.testing.assert_array_equal(
        epochs.get_data()[[0, 2, 4]], word_locked(*given).get_data()[[0, 2, 4]]
    )
