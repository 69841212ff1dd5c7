import numpy as np
import pandas as pd
import pytest

from lmbrain.encoding.drift import read_scored_responses, without_drift
from lmbrain.encoding.folds import make_folds
from lmbrain.errors import LmbrainError
from lmbrain.responses import continuous

TR = 2.0


def volumes(n=200, outer=4, gap=16.0, run=None):
    times = TR * np.arange(n)
    return make_folds(np.array(["alice"] * n), times, np.ones(n, bool), outer, gap, run)


def test_drift_goes_and_signal_stays():
    folds = volumes()
    times = folds.position
    drift = 30 + 0.05 * times + 3 * np.cos(2 * np.pi * times / 390)
    signal = np.sin(2 * np.pi * times / 12)
    clean = without_drift((drift + signal)[:, None], folds, 60.0)[:, 0]
    assert np.corrcoef(clean, signal)[0, 1] > 0.98
    assert (clean - signal).std() < 0.02 * (drift - drift.mean()).std()


def test_drift_removal_keeps_each_block_to_itself():
    folds = volumes()
    values = np.random.default_rng(0).standard_normal((200, 3, 1)).astype(np.float32)
    before = without_drift(values, folds, 60.0)
    changed = values.copy()
    changed[folds.test(1)] += 100
    after = without_drift(changed, folds, 60.0)
    np.testing.assert_array_equal(after[~folds.test(1)], before[~folds.test(1)])
    assert before.dtype == np.float32
    assert without_drift(values, folds, None) is values


def test_each_run_in_a_block_has_a_drift_of_its_own():
    run = np.repeat(["01", "02"], 100)
    folds = volumes(
        outer=3, run=run
    )  # the middle block holds the end of one, the start of the other
    assert len(set(run[folds.test(1)])) == 2
    step = np.where(run == "01", 0.0, 50.0)[:, None]
    assert np.abs(without_drift(step, folds, 1000.0)).max() < 1e-10


def test_the_drift_of_training_samples_is_fitted_without_those_in_the_gap():
    folds = volumes()
    values = np.random.default_rng(0).standard_normal((200, 3))
    train = folds.train(1)
    near = folds.usable & ~train & ~folds.test(1)
    assert near.any()
    changed = values.copy()
    changed[near] += 100
    before, after = (without_drift(v, folds, 60.0, train) for v in (values, changed))
    np.testing.assert_array_equal(after[train], before[train])
    np.testing.assert_array_equal(after[near], 0)
    np.testing.assert_array_equal(after[folds.test(1)], before[folds.test(1)])
    whole = without_drift(values, folds, 60.0)
    np.testing.assert_array_equal(before[folds.test(1)], whole[folds.test(1)])
    np.testing.assert_array_equal(before[folds.test(3)], whole[folds.test(3)])  # no gap reaches it


def test_what_drift_leaves_in_the_responses_does_not_reach_the_design():
    folds = volumes()
    design, responses = np.random.default_rng(0).standard_normal((2, 200, 3))
    rows = folds.train(1) & folds.test(0)  # without the gap at its end
    fitted = without_drift(design, folds, 60.0, folds.train(1))[rows]
    cleared = without_drift(responses, folds, 60.0)  # over the whole block
    assert np.abs(cleared[rows] - responses[rows]).max() > 0.1
    np.testing.assert_allclose(fitted.T @ cleared[rows], fitted.T @ responses[rows], atol=1e-10)


def test_a_block_too_short_for_the_cutoff_is_refused():
    with pytest.raises(LmbrainError, match=r"Block 0 of the folds has 50 samples in story alice, "):
        without_drift(np.ones((200, 1)), volumes(), 6.0)


def test_training_samples_too_few_for_the_cosines_of_their_block_are_refused():
    folds = volumes(n=300, outer=6, gap=36.0)
    values = np.random.default_rng(0).standard_normal((300, 2))
    left = folds.train(0, 2)
    assert (left & folds.test(1)).sum() == 14  # of 50, between two held-out blocks
    without_drift(values, folds, 12.0)  # 17 cosines suit the whole blocks
    with pytest.raises(LmbrainError, match=r"Block 1 .* has 14 samples beyond the gap .*folds.gap"):
        without_drift(values, folds, 12.0, left)
    kept = without_drift(values, folds, 40.0, left)  # 6 cosines of 14 samples
    assert kept[left & folds.test(1)].std() > 0.3


def test_scored_responses_are_those_the_model_was_fitted_to(tmp_path):
    folds = volumes()
    values = np.random.default_rng(0).standard_normal((200, 2)).astype(np.float32)
    responses = continuous(pd.DataFrame(values, columns=["left", "right"]), folds.position)
    responses.to_dataset().to_netcdf(tmp_path / "bold.nc")
    read = read_scored_responses(tmp_path / "bold.nc", folds, 60.0)
    expected = without_drift(values, folds, 60.0)
    np.testing.assert_array_equal(read.to_numpy()[:, :, 0], expected)
    assert "seconds" in read.coords


def test_drift_of_a_person_is_removed_from_the_samples_she_has(tmp_path):
    folds = volumes()
    slow = 30 + np.cos(2 * np.pi * folds.position / 390)
    values = np.random.default_rng(0).standard_normal((200, 2)) + slow[:, None]
    person = continuous(pd.DataFrame(values, columns=["left", "right"]), folds.position)
    usable = ~folds.test(1)
    usable[[3, 77, 160]] = False
    usable[100:110] = False
    person["usable"] = ("sample", usable)
    values[~usable] = 1e6  # what is not hers must not matter
    person.to_dataset().to_netcdf(tmp_path / "sub-01.nc")
    read = read_scored_responses(tmp_path / "sub-01.nc", folds, 60.0)
    own = folds.of_person(usable)
    np.testing.assert_array_equal(read["usable"], own.usable)
    expected = without_drift(person.to_numpy(), own, 60.0)[own.usable]
    np.testing.assert_array_equal(read.to_numpy()[own.usable], expected)
    assert abs(np.corrcoef(read[own.usable, 0, 0], slow[own.usable])[0, 1]) < 0.1
