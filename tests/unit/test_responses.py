import numpy as np
import pandas as pd
import pytest

from lmbrain.artefacts import write_netcdf
from lmbrain.errors import LmbrainError
from lmbrain.responses import continuous, read_responses


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
