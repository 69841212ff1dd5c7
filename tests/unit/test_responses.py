import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lmbrain.artefacts import write_netcdf
from lmbrain.errors import LmbrainError
from lmbrain.responses import continuous, group_average, people_averaged, read_responses


def made(values):
    return continuous(pd.DataFrame(values, columns=["left", "right"]), 2.0 * np.arange(len(values)))


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)


def written(tmp_path, values):
    write_netcdf(made(values).to_dataset(), tmp_path / "sub-01.nc", {})
    return tmp_path / "sub-01.nc"


def test_continuous_responses_survive_their_file(tmp_path, values):
    back = read_responses(written(tmp_path, values))
    np.testing.assert_array_equal(back.to_numpy()[:, :, 0], values)
    assert back["usable"].dtype == bool


def test_nan_is_refused_by_file_row_and_sensor(tmp_path, values):
    values[3, 1] = np.nan
    with pytest.raises(LmbrainError, match=r"sub-01\.nc, row 4, sensor right"):
        read_responses(written(tmp_path, values))


def test_an_all_zero_person_is_refused_with_the_mend(tmp_path, values):
    with pytest.raises(LmbrainError, match=r"every sensor is constant.*data\.exclude"):
        read_responses(written(tmp_path, values * 0))


def test_a_dead_sensor_is_refused_by_name(tmp_path, values):
    values[:, 0] = 1
    with pytest.raises(LmbrainError, match="sensor left never varies"):
        read_responses(written(tmp_path, values))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LmbrainError, match="absent"):
        read_responses(tmp_path / "absent.nc")


def test_the_average_is_over_the_people_who_have_the_sample(tmp_path):
    values = np.random.default_rng(1).normal(size=(3, 6, 2)).astype(np.float32)
    people = [made(v) for v in values]
    people[0]["usable"][:3] = False
    people[1]["usable"][2] = False
    people[2]["usable"][2] = False
    average = group_average(people)
    np.testing.assert_allclose(average[0, :, 0], values[1:, 0].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(average[4, :, 0], values[:, 4].mean(axis=0), atol=1e-6)
    assert average["people"].to_numpy().tolist() == [2, 2, 0, 3, 3, 3]
    assert average["usable"].to_numpy().tolist() == [True, True, False, True, True, True]
    write_netcdf(average.to_dataset(), tmp_path / "average.nc", {})
    back = read_responses(tmp_path / "average.nc")
    worth = people_averaged(back, back["usable"].to_numpy())
    assert worth == pytest.approx(5 / (2 / 2 + 3 / 3))
    assert people_averaged(people[0], np.ones(6, bool)) == 1


def test_repeats_are_averaged_in_each_person_before_people_are(tmp_path):
    values = np.random.default_rng(3).normal(size=(5, 6, 2)).astype(np.float32)
    values[1, 4:] = np.nan  # the second of two repeats broke off
    people = [
        xr.concat([made(v) for v in values[:2]], "repeat", coords="minimal"),
        xr.concat([made(v) for v in values[2:4]], "repeat", coords="minimal"),
        made(values[4]),
    ]
    people[1]["usable"][0] = False
    average = group_average(people)
    own = [np.nanmean(values[:2], axis=0), values[2:4].mean(axis=0), values[4]]
    assert average.dims == ("sample", "sensor", "time")
    np.testing.assert_allclose(average[1:, :, 0], np.mean(own, axis=0)[1:], atol=1e-6)
    np.testing.assert_allclose(average[0, :, 0], (own[0] + own[2])[0] / 2, atol=1e-6)
    assert average["people"].to_numpy().tolist() == [2, 3, 3, 3, 3, 3]
    write_netcdf(average.to_dataset(), tmp_path / "average.nc", {})
    assert read_responses(tmp_path / "average.nc").shape == (6, 2, 1)


def test_the_worth_of_an_average_gives_the_variance_of_private_noise():
    rng = np.random.default_rng(2)
    people = [made(rng.normal(size=(20_000, 2))) for _ in range(4)]
    for person in people[:3]:
        person["usable"][:10_000] = False
    average = group_average(people)
    worth = people_averaged(average, np.ones(20_000, bool))
    assert 1 / worth == pytest.approx(float(average.var()), rel=0.03)
