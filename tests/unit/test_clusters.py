import mne
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from lmbrain.artefacts import write_netcdf
from lmbrain.errors import LmbrainError
from lmbrain.inference.clusters import cluster_masses, read_neighbours, sensor_adjacency
from lmbrain.responses import continuous


@pytest.fixture(scope="module")
def info():
    return mne.channels.read_meg_canonical_info("neuromag")


def test_neighbours_are_those_of_mne_and_the_next_bin(info):
    sensors = [info.ch_names[i] for i in mne.pick_types(info, meg="mag")][::-1]
    found = sensor_adjacency(info, sensors, 3).toarray().reshape(102, 3, 102, 3)
    expected, names = mne.channels.find_ch_adjacency(info, "mag")
    order = [names.index(s) for s in sensors]
    space = expected.toarray()[np.ix_(order, order)].astype(bool)
    np.testing.assert_array_equal(found[:, 1, :, 1], space)
    time = np.abs(np.subtract.outer(range(3), range(3))) <= 1
    np.testing.assert_array_equal(found[7, :, 7], time)
    assert not found[0, 0, 1:, 1].any()


def test_sensor_types_do_not_touch_and_any_subset_works(info):
    picks = [*mne.pick_types(info, meg="mag")[:40], *mne.pick_types(info, meg="grad")[:50]]
    sensors = [info.ch_names[i] for i in picks]
    found = sensor_adjacency(info, sensors, 1).toarray()
    assert found.shape == (90, 90)
    assert not found[:40, 40:].any()
    assert found[:40, :40].sum() > 40
    assert found[40:, 40:].sum() > 50


def test_an_unknown_sensor_is_named(info):
    with pytest.raises(LmbrainError, match="region 7"):
        sensor_adjacency(info, ["region 7"], 1)


def test_sensors_without_neighbours_are_refused(info):
    picks = mne.pick_types(info, meg="mag")[:20]
    bare = mne.pick_info(info, picks)
    with bare._unlock():
        bare["chs"][3]["loc"] = np.full(12, np.nan)
    with pytest.raises(LmbrainError, match=f"{bare.ch_names[3]} has no position"):
        sensor_adjacency(bare, bare.ch_names, 1)
    renamed = mne.pick_info(info, picks)
    mne.rename_channels(renamed, {name: f"S{i}" for i, name in enumerate(renamed.ch_names)})
    with pytest.raises(LmbrainError, match="S0"):
        sensor_adjacency(renamed, renamed.ch_names, 1)


def test_files_without_positions_have_no_neighbours(tmp_path, info):
    running = continuous(pd.DataFrame({"LATL": [1.0, 2.0]}), np.arange(2.0))
    write_netcdf(running.to_dataset(), tmp_path / "responses.nc", {})
    assert read_neighbours(tmp_path / "responses.nc", ["LATL"], 1) is None
    some = mne.pick_info(info, mne.pick_types(info, meg="mag")[:20])
    epochs = mne.EpochsArray(np.zeros((2, 20, 3)), some, verbose="error")
    epochs.save(tmp_path / "sub-01-epo.fif", verbose="error")
    found = read_neighbours(tmp_path / "sub-01-epo.fif", some.ch_names, 3)
    expected = sensor_adjacency(info, some.ch_names, 3)
    assert (found != expected).nnz == 0


@pytest.mark.parametrize(("system", "kind"), [("neuromag", "grad"), ("ctf275", "mag")])
def test_running_responses_that_name_their_system_have_its_neighbours(tmp_path, system, kind):
    info = mne.channels.read_meg_canonical_info(system, verbose="error")
    info = mne.pick_info(info, mne.pick_types(info, meg=kind)[2:])
    running = continuous(pd.DataFrame(np.eye(3, len(info.ch_names))), np.arange(3.0))
    running = running.assign_coords(sensor=info.ch_names).assign_attrs(system=system)
    write_netcdf(running.to_dataset(), tmp_path / "responses.nc", {})
    found = read_neighbours(tmp_path / "responses.nc", info.ch_names, 1)
    assert found.nnz > len(info.ch_names)
    assert (found != sensor_adjacency(info, info.ch_names, 1)).nnz == 0


def test_mass_of_a_cluster_goes_to_all_its_members_and_to_nobody_else():
    ones = np.ones(6)
    chain = sparse.diags_array([ones, ones], offsets=[-1, 1], format="csr")
    statistic = np.array([3.0, 2.5, 0.0, 4.0, 2.0, 5.0, 1.0])
    masses = cluster_masses(statistic, 2.0, chain)
    np.testing.assert_allclose(masses, [5.5, 5.5, 0, 4.0, 0, 5.0, 0])
    assert not cluster_masses(np.zeros(7), 2.0, chain).any()
