"""Repeats: z-scored inside each block by itself, then averaged; halves for the ceiling."""

from itertools import product

import numpy as np
import pytest
import xarray as xr
from scipy.stats import zscore

from lmbrain.encoding.drift import read_scored_responses, responses_without_drift, without_drift
from lmbrain.encoding.folds import make_folds
from lmbrain.errors import LmbrainError
from lmbrain.repeats import average_repeats, halves
from lmbrain.responses import check_responses, read_responses

STORY = np.repeat(["a", "b", "c"], [60, 40, 50])


def folds(outer=3, usable=None):
    position = np.concatenate([np.arange(60.0), np.arange(40.0), np.arange(50.0)])
    usable = np.ones(150, bool) if usable is None else usable
    return make_folds(STORY, position, usable, outer, 1.0)


def repeated(repeats=3, seed=0, twice=("b",)):
    """Story b was heard `repeats` times (its last samples once less), the others once."""
    values = np.random.default_rng(seed).standard_normal((repeats, 150, 4, 1)).astype(np.float32)
    values[1:, ~np.isin(STORY, twice)] = np.nan
    values[-1, 95:100] = np.nan
    return xr.DataArray(
        values,
        dims=("repeat", "sample", "sensor", "time"),
        coords={
            "sensor": list("wxyz"),
            "time": [0.0],
            "usable": ("sample", np.ones(150, bool)),
            "seconds": ("sample", np.arange(150.0)),
        },
        name="responses",
    )


def test_repeats_are_averaged_after_z_scoring_inside_each_block():
    responses, cut = repeated(), folds(5)
    mean = average_repeats(responses, cut)
    assert mean.dims == ("sample", "sensor", "time")
    expected = np.full((3, 150, 4), np.nan)
    for repeat, block, story in product(range(3), range(5), "abc"):
        rows = np.flatnonzero((cut.block == block) & (story == STORY))
        rows = [row for row in rows if np.isfinite(responses[repeat, row, 0, 0])]
        if rows:
            expected[repeat, rows] = zscore(responses.to_numpy()[repeat, rows, :, 0], axis=0)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(mean[:, :, 0], np.nanmean(expected, axis=0), atol=1e-5)


def test_a_change_in_one_block_touches_no_other_block():
    cut = folds(5)
    before, changed = average_repeats(repeated(), cut), repeated()
    inside = cut.block == 2
    changed.values[:, inside] = 50 * changed.values[:, inside] + 7
    after = average_repeats(changed, cut)
    np.testing.assert_array_equal(after[~inside], before[~inside])


def test_a_loud_repeat_weighs_no_more_than_the_others():
    quiet, loud = repeated(), repeated()
    loud.values[1] *= 1000
    np.testing.assert_allclose(
        average_repeats(loud, folds()), average_repeats(quiet, folds()), atol=1e-4
    )


def test_samples_in_no_block_are_zero_and_flat_sensors_stay_finite():
    usable = np.ones(150, bool)
    usable[:5] = False
    responses = repeated()
    responses.values[:, :, 2] = np.where(np.isnan(responses.values[:, :, 2]), np.nan, 3.0)
    mean = average_repeats(responses, folds(3, usable)).to_numpy()
    assert np.isfinite(mean).all()
    assert not mean[:5].any() and not mean[:, 2].any() and mean[5:, 0].any()


def test_every_reading_of_responses_averages_them_before_drift_goes(tmp_path):
    cut, responses = folds(), repeated()
    expected = without_drift(average_repeats(responses, cut).to_numpy(), cut, 20.0)
    got = responses_without_drift(responses, cut, 20.0)
    np.testing.assert_array_equal(got, expected)
    responses.to_dataset().to_netcdf(tmp_path / "r.nc", engine="netcdf4")
    back = read_responses(tmp_path / "r.nc")
    np.testing.assert_array_equal(back, responses)
    scored = read_scored_responses(tmp_path / "r.nc", cut, 20.0)
    np.testing.assert_array_equal(scored, expected)
    assert scored["usable"].dims == ("sample",)


def test_responses_without_repeats_come_back_as_they_are():
    single = repeated().isel(repeat=0, drop=True)
    assert average_repeats(single, folds()) is single
    with pytest.raises(LmbrainError, match="hold no repeats"):
        halves(single, folds())


def test_halves_are_the_odd_and_the_even_repeats_of_samples_with_two():
    responses, cut = repeated(5, twice=("a", "b")), folds()
    first, second = halves(responses, cut)
    twice = np.isin(STORY, ["a", "b"])
    assert np.isnan(first[~twice]).all() and np.isnan(second[~twice]).all()
    standard = np.stack(
        [average_repeats(responses.isel(repeat=[r]), cut).to_numpy() for r in range(5)]
    )
    whole = twice & ~np.isnan(responses[-1, :, 0, 0].to_numpy())
    odd, even = standard[::2].mean(axis=0), standard[1::2].mean(axis=0)
    np.testing.assert_allclose(first[whole], odd[whole], atol=1e-6)
    np.testing.assert_allclose(second[whole], even[whole], atol=1e-6)
    shorter = standard[[0, 2]].mean(axis=0)
    np.testing.assert_allclose(first[95:100], shorter[95:100], atol=1e-6)


def test_halves_of_signal_and_noise_correlate_as_their_reliability_says():
    rng = np.random.default_rng(1)
    signal = rng.standard_normal((150, 400, 1))
    noise = rng.standard_normal((4, 150, 400, 1))
    responses = xr.DataArray(
        signal + noise,
        dims=("repeat", "sample", "sensor", "time"),
        coords={"usable": ("sample", np.ones(150, bool)), "sensor": np.arange(400)},
    )
    first, second = halves(responses, folds())
    r = np.mean([np.corrcoef(first[:, s, 0], second[:, s, 0])[0, 1] for s in range(400)])
    assert r == pytest.approx(1 / (1 + 1 / 2), abs=0.01)  # two repeats a half, SNR 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.__setitem__((1, 70, 2, 0), np.nan), "here, repeat 2, row 71, sensor y"),
        (lambda v: v.__setitem__((0, 10), np.nan), "here, row 11: no repeat has this sample"),
        (lambda v: v[:, :, 1].__imul__(0.0), "sensor x never varies"),
    ],
)
def test_repeats_that_cannot_be_used_are_refused_by_place(change, said):
    responses = repeated()
    check_responses(responses, "here")
    change(responses.values)
    with pytest.raises(LmbrainError, match=said):
        check_responses(responses, "here")
