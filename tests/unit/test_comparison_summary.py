import numpy as np
import pytest
import xarray as xr
from scipy import sparse

from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.inference.comparison import compare_models
from lmbrain.inference.fits import Fit
from lmbrain.inference.summary import summarise

SENSORS, BINS, WORDS = 3, 4, 400
TIME = np.arange(BINS) / 10 + 0.05
WINDOWS = [{"start": 0.1, "stop": 0.3}, {"start": 0.0, "stop": 0.4}]
PLACE = {
    "sensor": xr.DataArray(list("abc"), dims="sensor"),
    "time": xr.DataArray(TIME, dims="time"),
}


@pytest.fixture(scope="module")
def comparison():
    """A feature that predicts bins 1 and 2 of all sensors, beside one that predicts nothing."""
    rng = np.random.default_rng(0)
    folds = make_folds(np.full(WORDS, "a"), np.arange(WORDS), np.ones(WORDS, bool), 5, 0)
    features = rng.standard_normal((WORDS, 2))
    response = rng.standard_normal((WORDS, SENSORS, BINS)).astype(np.float32)
    response[:, :, 1:3] += 0.5 * features[:, 1, None, None]
    response = response.reshape(WORDS, -1)
    base, tuned = (
        Fit.of(nested_ridge(x, response, folds, [10, 1000])) for x in (features[:, :1], features)
    )
    return compare_models(
        [(response, base, tuned)],
        folds,
        block=20,
        resamples=199,
        level=0.05,
        seed=0,
        adjacency=sparse.csr_array(np.ones((SENSORS * BINS, SENSORS * BINS))),
    )


def summary_of(comparison, people, average_of=1, reliability=0.2, windows=WINDOWS):
    own = np.random.default_rng(1).standard_normal((people, SENSORS, BINS))
    limit = np.full((SENSORS, BINS), reliability)
    return summarise(comparison, PLACE, windows, own, limit, average_of, resamples=999, seed=0), own


def test_windows_and_course_are_means_over_sensors(comparison):
    found, _ = summary_of(comparison, 4)
    gain = comparison.r_gain.reshape(SENSORS, BINS)
    np.testing.assert_allclose(found["window_gain"], [gain[:, 1:3].mean(), gain.mean()])
    np.testing.assert_allclose(found["course"], gain.mean(axis=0))
    np.testing.assert_allclose(found["r_gain"], gain)
    for name in ("p", "p_fwe", "q", "p_cluster"):
        np.testing.assert_array_equal(found[name], getattr(comparison, name).reshape(3, 4))
    assert not np.array_equal(found["p_fwe"], found["p_cluster"])
    assert found["window_p"][0] < 0.01
    # Holm: the smaller p counts twice
    p = found["window_p"].to_numpy()
    assert found["window_p_corrected"].min() == pytest.approx(2 * p.min())
    assert (found["course_interval"][0, 1:3] > 0).all()
    assert (found["course_interval"][0, [0, 3]] < 0).all()


def test_people_are_flipped_in_windows_and_at_every_sensor_and_bin(comparison):
    found, own = summary_of(comparison, 4)
    np.testing.assert_allclose(found["window_people_gain"][0], own[:, :, 1:3].mean())
    assert (found["p_people"] * 16 % 1 == 0).all()
    assert "4 people" in found.attrs["notes"]
    alone, _ = summary_of(comparison, 1)
    assert "p_people" not in alone
    assert alone.sizes["subject"] == 1


def test_the_share_of_the_ceiling_is_that_of_the_response_predicted(comparison):
    found, _ = summary_of(comparison, 4)
    np.testing.assert_allclose(found["ceiling_share"], found["r_gain"] / np.sqrt(0.2))
    of_average, _ = summary_of(comparison, 4, average_of=4)
    limit = np.sqrt(4 * 0.2 / (1 + 3 * 0.2))
    np.testing.assert_allclose(of_average["ceiling_share"], found["r_gain"] / limit)
    np.testing.assert_allclose(of_average["window_ceiling"], limit)
    assert np.isnan(summary_of(comparison, 4, reliability=-0.1)[0]["ceiling_share"]).all()


def test_without_windows_all_bins_are_one(comparison):
    found, _ = summary_of(comparison, 1, windows=[])
    np.testing.assert_allclose(found["window_gain"], [comparison.r_gain.mean()])
