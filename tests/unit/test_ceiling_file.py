import numpy as np
import pytest
import xarray as xr
from test_denoising import GRID, cohort

from lmbrain.artefacts import read_netcdf, write_netcdf
from lmbrain.meg.ceiling import noise_ceiling
from lmbrain.meg.ceiling_file import ceiling_file
from lmbrain.meg.cross_subject import cross_subject_file, predict_across
from lmbrain.meg.split_half import split_half


@pytest.fixture(scope="module")
def study():
    people, _, folds = cohort(people=3)
    like = xr.DataArray(
        people[0],
        dims=("sample", "sensor", "time"),
        coords={"sensor": [f"MEG{i}" for i in range(6)], "time": [0.1, 0.2]},
    )
    return people, folds, like


def test_the_file_holds_every_ceiling_of_every_person_under_its_name(study, tmp_path):
    people, folds, like = study
    across = []
    for p, person in enumerate(people):
        found = predict_across(person, people[:p] + people[p + 1 :], folds, GRID)
        path = tmp_path / f"{p}.nc"
        write_netcdf(cross_subject_file(found, like), path, {"rule": f"person {p}"})
        across.append((found, read_netcdf(path)))
    half = split_half(people[0], people[1], folds)
    found = noise_ceiling(people, folds)
    made = ceiling_file(found, [one for _, one in across], {"B": half}, ["A", "B", "C"], like)
    write_netcdf(made, tmp_path / "ceiling.nc", {"rule": "noise_ceiling"})
    read = read_netcdf(tmp_path / "ceiling.nc")
    assert "prediction" not in read
    for name in ("reliability", "ceiling", "leave_one_out", "leave_one_out_limit"):
        np.testing.assert_array_equal(read[name], getattr(found, name))
        np.testing.assert_array_equal(read[f"{name}_low"], found.interval[name][0])
        np.testing.assert_array_equal(read[f"{name}_high"], found.interval[name][1])
    for p, (one, _) in enumerate(across):
        for name, value in (
            ("cross_subject", one.r),
            ("cross_subject_low", one.r_interval[0]),
            ("cross_subject_high", one.r_interval[1]),
            ("cross_subject_limit", one.limit),
            ("cross_subject_limit_low", one.limit_interval[0]),
            ("cross_subject_shared", one.shared),
            ("cross_subject_agreement", one.agreement),
        ):
            np.testing.assert_array_equal(read[name].sel(subject="ABC"[p]), value)
    pools = np.mean([one.pools for one, _ in across], axis=0)
    np.testing.assert_allclose(read["cross_subject_pools"], pools)
    np.testing.assert_array_equal(read["leave_one_out_pools"], found.pools)
    np.testing.assert_array_equal(read["leave_one_out_shared"], found.shared)
    np.testing.assert_array_equal(read["leave_one_out_agreement"], found.agreement)
    assert read["pool"].values.tolist() == [1, 2]
    np.testing.assert_array_equal(read["split_half"].sel(subject="B"), half.reliability)
    np.testing.assert_array_equal(read["split_half_low"].sel(subject="B"), half.interval[0])
    assert read["split_half_single"].sel(subject=["A", "C"]).isnull().all()
    assert read["sensor"].values.tolist() == like["sensor"].values.tolist()
    assert "noise_ceiling" in read.attrs["made_by"]
    np.testing.assert_array_equal(read.attrs["mean_reliability"], found.mean_reliability)


def test_one_person_has_what_repeats_say_and_nothing_else(study, tmp_path):
    people, folds, like = study
    half = split_half(people[0], people[1], folds)
    made = ceiling_file(noise_ceiling(people[:1], folds), [], {"A": half}, ["A"], like)
    write_netcdf(made, tmp_path / "ceiling.nc", {})
    read = read_netcdf(tmp_path / "ceiling.nc")
    assert read["reliability"].isnull().all()
    assert "One person alone" in read.attrs["note"]
    assert read.sizes["pool"] == 0
    np.testing.assert_array_equal(read["split_half"][0], half.reliability)
    assert "cross_subject" not in read
