import numpy as np
import pytest
import xarray as xr

from lmbrain.encoding.bands import band_weightings
from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.partition import variance_partition
from lmbrain.encoding.penalties import penalty_groups
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.encoding.space import FeatureSpace

N = 240
SETTINGS = {"penalties": [1.0, 30.0, 1000.0], "penalty_per": "target", "weightings": 2}


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def folds():
    return make_folds(np.full(N, "s"), np.arange(N), np.ones(N, bool), 4, 2)


def responses(values):
    return xr.DataArray(
        values.astype(np.float32),
        dims=("sample", "sensor", "time"),
        coords={"sensor": ["a", "b"], "time": [0.1, 0.2]},
    )


def space(*parts):
    widths = [part.shape[1] for part in parts]
    bands = np.repeat(np.arange(len(parts)), widths)
    return FeatureSpace([f"part{i}" for i in range(len(parts))], np.hstack(parts), bands)


def test_unique_is_what_all_parts_explain_beyond_all_others(rng, folds):
    parts = [rng.standard_normal((N, width)) for width in (2, 5, 3)]
    signal = np.hstack(parts) @ rng.standard_normal((10, 4))
    values = (signal + 2 * rng.standard_normal((N, 4))).reshape(N, 2, 2)
    found = variance_partition(space(*parts), responses(values), folds, **SETTINGS)

    def r2(chosen):
        weights = band_weightings(len(chosen), 2)
        widths = [parts[i].shape[1] for i in chosen]
        bands = np.repeat(np.arange(len(chosen)), widths)
        return nested_ridge(
            np.hstack([parts[i] for i in chosen]),
            values.reshape(N, -1),
            folds,
            SETTINGS["penalties"],
            bands=bands,
            band_weights=weights,
        ).r2.reshape(2, 2)

    np.testing.assert_allclose(found["r2"], r2([0, 1, 2]), atol=1e-5)
    np.testing.assert_allclose(found["alone"][1], r2([1]), atol=1e-5)
    np.testing.assert_allclose(found["unique"][1], r2([0, 1, 2]) - r2([0, 2]), atol=1e-5)
    assert found["part"].values.tolist() == ["part0", "part1", "part2"]


def test_a_part_that_repeats_another_explains_nothing_uniquely(rng, folds):
    first = rng.standard_normal((N, 3))
    second = np.hstack([first, rng.standard_normal((N, 1))])
    values = first[:, 0] + 0.5 * rng.standard_normal(N)
    values = np.repeat(values[:, None], 4, axis=1).reshape(N, 2, 2)
    found = variance_partition(space(first, second), responses(values), folds, **SETTINGS)
    assert float(found["alone"].min()) > 0.6
    assert float(np.abs(found["unique"]).max()) < 0.02


def test_a_single_part_explains_alone_what_it_explains_uniquely(rng, folds):
    part = rng.standard_normal((N, 3))
    values = rng.standard_normal((N, 2, 2)) + part[:, :1, None]
    found = variance_partition(space(part), responses(values), folds, **SETTINGS)
    np.testing.assert_array_equal(found["alone"][0], found["r2"])
    np.testing.assert_array_equal(found["unique"][0], found["r2"])


@pytest.mark.parametrize("n_bands", [2, 3, 5])
def test_weightings_begin_equal_and_spread_over_the_decades(n_bands):
    weights = band_weightings(n_bands, 40)
    assert weights.shape == (41, n_bands)
    np.testing.assert_array_equal(weights[0], 1)
    np.testing.assert_allclose(weights.max(axis=1), 1)
    ratios = np.log10(weights[1:, 1:] / weights[1:, :1])
    assert np.abs(ratios).max() <= 4
    even = np.linspace(-4, 4, 40)
    for column in np.sort(ratios, axis=0).T:
        np.testing.assert_allclose(column, even, atol=0.7)
    for band in range(n_bands):  # each band is the strongest and a weak one somewhere
        assert (weights[1:, band] == 1).any()
        assert (weights[:, band] < 0.01).any()
    assert len(np.unique(weights, axis=0)) == 41


def test_one_band_has_one_weighting():
    np.testing.assert_array_equal(band_weightings(1, 10), [[1.0]])


def test_targets_of_a_sensor_or_a_bin_share_a_penalty():
    np.testing.assert_array_equal(penalty_groups("sensor", 2, 3), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(penalty_groups("bin", 2, 3), [0, 1, 2, 0, 1, 2])
    assert penalty_groups("all", 2, 3) == "all"
