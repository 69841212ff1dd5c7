import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lmbrain.encoding.design import (
    delay_samples,
    delayed,
    place_at_volumes,
    prepare,
    read_scored_responses,
    without_drift,
)
from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.errors import LmbrainError

TR = 2.0


def volumes(n=200, outer=4, gap=16.0):
    times = TR * np.arange(n)
    return make_folds(np.array(["alice"] * n), times, np.ones(n, bool), outer, gap)


def heard(n=700, seed=0):
    rng = np.random.default_rng(seed)
    onset = np.sort(rng.uniform(0, 390, n))
    spoken = rng.random(n) > 0.05
    text = np.where(spoken, "word", "+")
    return pd.DataFrame({"story": "alice", "text": text, "onset": onset, "is_word": spoken})


def as_responses(values):
    return xr.DataArray(
        values[:, :, None],
        dims=("sample", "sensor", "time"),
        coords={
            "sensor": [f"region{i}" for i in range(values.shape[1])],
            "time": [0.0],
            "usable": ("sample", np.ones(len(values), bool)),
            "seconds": ("sample", TR * np.arange(len(values))),
        },
        name="responses",
    )


def test_slow_features_are_sampled_and_fast_ones_suppressed():
    onsets = np.arange(0, 400, 0.1)
    times = TR * np.arange(200)
    one = np.array(["a"])
    slow, fast = np.sin(2 * np.pi * onsets / 40), np.sin(2 * np.pi * onsets / 2.6)
    placed = place_at_volumes(
        np.stack([slow, fast], 1), onsets, one.repeat(4000), times, one.repeat(200), TR
    )
    middle = slice(5, -5)
    expected = 20 * np.sin(2 * np.pi * times / 40)  # 20 words a volume
    np.testing.assert_allclose(placed[middle, 0], expected[middle], atol=0.3)
    assert np.abs(placed[middle, 1]).max() < 3


def test_a_word_touches_no_volume_of_another_story_nor_beyond_the_kernel():
    story = np.repeat(["a", "b"], 20)
    times = np.tile(TR * np.arange(20), 2)
    placed = place_at_volumes(np.ones((1, 1)), np.array([20.0]), np.array(["a"]), times, story, TR)
    touched = np.flatnonzero(np.abs(placed[:, 0]) > 1e-12)
    np.testing.assert_array_equal(touched, [10])  # the kernel is 0 at the other volumes
    placed = place_at_volumes(np.ones((1, 1)), np.array([21.0]), np.array(["a"]), times, story, TR)
    np.testing.assert_array_equal(np.flatnonzero(placed[:, 0]), np.arange(8, 14))


def test_delays_are_the_whole_volumes_inside_the_window():
    assert delay_samples(0.0, 12.0, TR) == [0, 1, 2, 3, 4, 5, 6]
    assert delay_samples(1.0, 5.9, TR) == [1, 2]
    assert delay_samples(0.3, 0.9, 0.1) == [3, 4, 5, 6, 7, 8, 9]
    with pytest.raises(LmbrainError, match="no multiple of the repetition time 2 s"):
        delay_samples(2.5, 3.5, TR)


def test_delayed_copies_stay_inside_their_story():
    story = np.array(list("aaabbb"))
    values = np.arange(1.0, 7.0)[:, None]
    design = delayed(values, [0, 2, -1], story)
    np.testing.assert_array_equal(design[:, 0], values[:, 0])
    np.testing.assert_array_equal(design[:, 1], [0, 0, 1, 0, 0, 4])
    np.testing.assert_array_equal(design[:, 2], [2, 3, 0, 5, 6, 0])


def test_drift_goes_and_signal_stays():
    folds = volumes()
    times = folds.position
    drift = 30 + 0.05 * times + 3 * np.cos(2 * np.pi * times / 390)
    signal = np.sin(2 * np.pi * times / 12)
    clean = without_drift((drift + signal)[:, None], folds, 60.0, TR)[:, 0]
    assert np.corrcoef(clean, signal)[0, 1] > 0.98
    assert (clean - signal).std() < 0.02 * (drift - drift.mean()).std()


def test_drift_removal_keeps_each_block_to_itself():
    folds = volumes()
    values = np.random.default_rng(0).standard_normal((200, 3, 1)).astype(np.float32)
    before = without_drift(values, folds, 60.0, TR)
    changed = values.copy()
    changed[folds.test(1)] += 100
    after = without_drift(changed, folds, 60.0, TR)
    np.testing.assert_array_equal(after[~folds.test(1)], before[~folds.test(1)])
    assert before.dtype == np.float32
    assert without_drift(values, folds, None, None) is values


def test_a_block_too_short_for_the_cutoff_is_refused():
    with pytest.raises(LmbrainError, match="Block 0 of the folds has 50 volumes in story alice,"):
        without_drift(np.ones((200, 1)), volumes(), 6.0, TR)


def test_a_prepared_design_finds_a_delayed_response():
    words, folds = heard(), volumes()
    rng = np.random.default_rng(2)
    features = rng.standard_normal((len(words), 3))
    spoken = words["is_word"].to_numpy()
    story = np.array(["alice"] * len(words))
    placed = place_at_volumes(
        features[spoken], words["onset"].to_numpy()[spoken], story[spoken],
        folds.position, folds.story, TR,
    )  # fmt: skip
    truth = np.vstack([np.zeros((2, 3)), placed[:-2]]) @ rng.standard_normal((3, 4))
    drift = np.linspace(0, 50, 200)[:, None]
    noisy = truth + drift + rng.standard_normal(truth.shape)
    features[~spoken] = np.nan
    arguments = {"rate": True, "repetition_time": TR, "drift_cutoff": 100.0}
    arguments["delays"] = {"start": 0.0, "stop": 8.0}
    design, clean = prepare(features, as_responses(noisy), words, folds, **arguments)
    assert design.shape == (200, 4 * 5)
    assert clean.dims == ("sample", "sensor", "time")
    result = nested_ridge(design, clean.to_numpy()[:, :, 0], folds, [1.0, 10.0, 100.0])
    assert result.r.min() > 0.6
    features[np.flatnonzero(spoken)[4], 1] = np.nan
    item = np.flatnonzero(spoken)[4]
    with pytest.raises(LmbrainError, match=f"feature of item {item} "):
        prepare(features, as_responses(noisy), words, folds, **arguments)


def test_scored_responses_are_those_the_model_was_fitted_to(tmp_path):
    folds = volumes()
    values = np.random.default_rng(0).standard_normal((200, 2)).astype(np.float32)
    responses = as_responses(values)
    responses.to_dataset().to_netcdf(tmp_path / "bold.nc")
    read = read_scored_responses(tmp_path / "bold.nc", folds, 60.0, TR)
    expected = without_drift(values, folds, 60.0, TR)
    np.testing.assert_array_equal(read.to_numpy()[:, :, 0], expected)
    assert "seconds" in read.coords
