import numpy as np
import pytest
import xarray as xr

from lmbrain.encoding.folds import make_folds
from lmbrain.errors import LmbrainError
from lmbrain.meg.split_half import of_repeats, split_half


def repeated(n=900, repeats=4, sd=2.0, seed=0):
    """A signal of unit variance heard several times, noise of variance sd^2 in each repeat."""
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((n, 3, 2))
    heard = [signal + sd * rng.standard_normal(signal.shape) for _ in range(repeats)]
    folds = make_folds(np.full(n, "a"), np.arange(n), np.ones(n, bool), 6, 0)
    return signal, heard, folds


def test_it_is_the_correlation_of_halves_inside_folds_stepped_up():
    _, heard, folds = repeated(n=90)
    a, b = np.mean(heard[:2], axis=0), np.mean(heard[2:], axis=0)
    a[[5, 40]], b[[7]] = np.nan, np.nan
    found = split_half(a, b, folds, repeats=4)
    kept = np.isfinite(a).all(axis=(1, 2)) & np.isfinite(b).all(axis=(1, 2))
    for sensor, time in ((0, 0), (2, 1)):
        r = np.mean(
            [
                np.corrcoef(a[rows, sensor, time], b[rows, sensor, time])[0, 1]
                for rows in (folds.test(k) & kept for k in range(6))
            ]
        )
        assert found.correlation[sensor, time] == pytest.approx(r)
        both = max(r, 0)
        assert found.reliability[sensor, time] == pytest.approx(2 * both / (1 + both))
        assert found.single[sensor, time] == pytest.approx(0.5 * both / (1 - 0.5 * both))


def test_it_finds_the_planted_reliability_of_the_mean_and_of_one_repeat():
    signal, heard, folds = repeated(n=12000)
    a, b = np.mean(heard[::2], axis=0), np.mean(heard[1::2], axis=0)
    found = split_half(a, b, folds, repeats=4)
    np.testing.assert_allclose(found.reliability, 1 / (1 + 4 / 4), atol=0.03)
    np.testing.assert_allclose(found.single, 1 / (1 + 4), atol=0.03)
    mean = np.mean(heard, axis=0)
    reached = np.corrcoef(signal[:, 0, 0], mean[:, 0, 0])[0, 1]
    assert np.sqrt(found.reliability[0, 0]) == pytest.approx(reached, abs=0.02)


def test_its_intervals_hold_the_planted_reliability():
    rng, n = np.random.default_rng(2), 500
    signal = rng.standard_normal((n, 400, 1))
    a, b = (signal + 1.5 * rng.standard_normal(signal.shape) for _ in range(2))
    folds = make_folds(np.full(n, "a"), np.arange(n), np.ones(n, bool), 10, 0)
    low, high = split_half(a, b, folds).interval
    truth = 2 / (2 + 1.5**2)
    assert 0.90 <= ((low <= truth) & (truth <= high)).mean() <= 0.99


@pytest.mark.parametrize("outer", [5, 10])
def test_intervals_of_one_story_in_one_fold_hold_the_planted_reliability(outer):
    rng, n = np.random.default_rng(2), 500 * outer
    folds = make_folds(np.full(n, "a"), np.arange(n), np.ones(n, bool), outer, 0)
    once = folds.block > 0
    signal = rng.standard_normal((n, 200, 1))
    a, b = (signal + 1.5 * rng.standard_normal(signal.shape) for _ in range(2))
    a[once] = np.nan
    found = split_half(a, b, folds)
    low, high = found.interval
    truth = 2 / (2 + 1.5**2)
    assert 0.90 <= ((low <= truth) & (truth <= high)).mean() <= 0.99
    assert found.correlation.mean() == pytest.approx(1 / (1 + 1.5**2), abs=0.02)


def test_too_few_words_heard_twice_have_no_interval_or_no_value():
    _, heard, folds = repeated(n=90)
    a = np.where((np.arange(90) < 12)[:, None, None], heard[0], np.nan)
    found = split_half(a, heard[1], folds)
    assert np.isfinite(found.reliability).all()
    assert np.isnan(found.interval).all()
    a[2:] = np.nan
    with pytest.raises(LmbrainError, match="2 samples were heard twice"):
        split_half(a, heard[1], folds)
    with pytest.raises(LmbrainError, match="make both from the same"):
        split_half(a[:-1], heard[1], folds)


def test_repeats_of_recorded_responses_are_halved_and_freed_of_drift():
    _, heard, folds = repeated(n=600, repeats=4, sd=1.0)
    drift = 8 * np.sin(2 * np.pi * np.arange(600) / 150)[:, None, None]
    values = np.stack([r + drift for r in heard]).astype(np.float32)
    values[:, 300:420] = np.where(np.arange(4)[:, None, None, None] < 1, values[:, 300:420], np.nan)
    responses = xr.DataArray(values, dims=("repeat", "sample", "sensor", "time"))
    found = of_repeats(responses, folds, 40.0)
    np.testing.assert_allclose(found.reliability, 4 / 5, atol=0.08)
    np.testing.assert_allclose(found.single, 1 / 2, atol=0.1)
    assert (of_repeats(responses, folds, None).reliability > 0.95).all()


def test_blocks_with_too_few_repeated_samples_to_clear_of_drift_are_left_out(caplog):
    _, heard, folds = repeated(n=600, repeats=2)
    values = np.stack(heard).astype(np.float32)
    few = np.flatnonzero(folds.test(3))[[0, 50, 99]]  # as far apart as a whole block
    values[1, folds.test(3) & ~np.isin(np.arange(600), few)] = np.nan
    dims = ("repeat", "sample", "sensor", "time")
    found = of_repeats(xr.DataArray(values, dims=dims), folds, 40.0)
    values[1, folds.test(3)] = np.nan
    without = of_repeats(xr.DataArray(values, dims=dims), folds, 40.0)
    np.testing.assert_array_equal(found.reliability, without.reliability)
    assert "3 repeated samples" in caplog.text
