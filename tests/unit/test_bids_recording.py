"""Opening recordings of any MEG system: real files where they are, simulated FIF everywhere."""

import os
import shutil
from collections import Counter
from pathlib import Path

import mne
import numpy as np
import pytest

from lmbrain.datasets.bids_layout import calibration_paths, recording_files, recording_path
from lmbrain.datasets.bids_recording import read_recording
from lmbrain.errors import LmbrainError
from lmbrain.simulation.recordings import measurement_info

REAL = Path(os.environ.get("LMBRAIN_DATA", ""), "meg")
real = pytest.mark.skipif(
    not (REAL / "kit").is_dir(), reason="LMBRAIN_DATA names no folder with meg/ (real recordings)"
)


def meg_folder(root: Path) -> Path:
    folder = root / "sub-01" / "ses-0" / "meg"
    folder.mkdir(parents=True)
    return folder


def write_fif(path: Path, seconds: float = 2.0, **options) -> mne.io.RawArray:
    info = measurement_info(100.0, 50.0, np.zeros(6))
    data = np.random.default_rng(0).normal(scale=1e-12, size=(len(info.ch_names), 100))
    data = np.tile(data, (1, round(seconds)))
    raw = mne.io.RawArray(data, info, verbose="error")
    raw.save(path, fmt="single", verbose="error", **options)
    return raw


def test_a_split_fif_is_read_whole_and_unloaded(tmp_path):
    folder = meg_folder(tmp_path)
    raw = write_fif(
        folder / "sub-01_ses-0_task-a_run-1_meg.fif",
        60.0,
        split_size="5MB",
        split_naming="bids",
    )
    path = recording_path(tmp_path, "01", "0", "a", "1")
    assert path.name == "sub-01_ses-0_task-a_run-1_split-01_meg.fif"
    assert [p.name for p in recording_files(path)] == sorted(p.name for p in folder.iterdir())
    read = read_recording(path)
    assert not read.preload
    assert len(read.times) == len(raw.times)
    read.close()
    recording_files(path)[1].unlink()
    with pytest.raises(LmbrainError, match=r"split-01_meg\.fif cannot be read"):
        read_recording(path)


def test_the_table_of_channels_marks_bad_ones_and_types_of_the_body(tmp_path):
    folder = meg_folder(tmp_path)
    path = folder / "sub-01_ses-0_task-a_meg.fif"
    raw = write_fif(path)
    raw.set_channel_types({"EOG061": "misc"}, on_unit_change="ignore", verbose="error")
    raw.save(path, fmt="single", overwrite=True, verbose="error")
    table = folder / "sub-01_ses-0_task-a_channels.tsv"
    table.write_text("name\ttype\tstatus\nMEG0113\tMEGGRADPLANAR\tbad\nEOG061\tVEOG\tgood\n")
    read = read_recording(path)
    assert read.info["bads"] == ["MEG 0113"]
    assert read.get_channel_types(["EOG061"]) == ["eog"]
    table.write_text("name\ttype\tstatus\nMEG9999\tMEGMAG\tbad\n")
    with pytest.raises(LmbrainError, match=r"channels\.tsv calls the channel 'MEG9999' bad"):
        read_recording(path)
    table.write_text("channel\tstatus\nMEG0113\tbad\n")
    with pytest.raises(LmbrainError, match="no column 'name'"):
        read_recording(path)


def test_a_number_at_the_end_of_a_name_is_no_serial_number_but_in_ctf_systems(tmp_path):
    folder = meg_folder(tmp_path)
    path = folder / "sub-01_ses-0_task-a_meg.fif"
    write_fif(path)
    table = folder / "sub-01_ses-0_task-a_channels.tsv"
    table.write_text("name\ttype\tstatus\nEOG061-2\tMISC\tbad\n")
    with pytest.raises(LmbrainError, match="calls the channel 'EOG061-2' bad"):
        read_recording(path)
    table.write_text("name\ttype\tstatus\nEOG061-2\tECG\tgood\n")
    assert read_recording(path).get_channel_types(["EOG061"]) == ["eog"]


def test_what_is_no_recording_is_refused_by_name(tmp_path):
    with pytest.raises(LmbrainError, match=r"sub-01_task-a_meg\.fif does not exist"):
        read_recording(tmp_path / "sub-01_task-a_meg.fif")
    for name, said in (("a_meg.fif", "cannot be read"), ("a_meg.pdf", "of no format read here")):
        (tmp_path / name).write_text("nothing")
        with pytest.raises(LmbrainError, match=said):
            read_recording(tmp_path / name)


@real
def test_a_maxshield_recording_is_read_with_its_calibration_and_cross_talk(tmp_path):
    folder = meg_folder(tmp_path)
    for source, name in {
        "test_move_anon_erm_raw.fif": "task-a_meg.fif",
        "sss_cal_3053.dat": "acq-calibration_meg.dat",
        "ct_sparse.fif": "acq-crosstalk_meg.fif",
    }.items():
        (folder / f"sub-01_ses-0_{name}").symlink_to(REAL / "elekta" / source)
    path = recording_path(tmp_path, "01", "0", "a", None)
    raw = read_recording(path)
    assert raw.info["maxshield"]
    assert not raw.preload
    assert Counter(raw.get_channel_types())["grad"] == 204
    assert raw.info["sfreq"] == 1200.0
    raw.info["dev_head_t"] = mne.transforms.Transform("meg", "head", np.eye(4))
    files = {name: str(file) for name, file in calibration_paths(path).items()}
    cleaned = mne.preprocessing.maxwell_filter(
        raw.copy().crop(0, 0.2).load_data(), origin=(0, 0, 0.04), **files, verbose="error"
    )
    used = cleaned.info["proc_history"][0]["max_info"]
    assert used["sss_cal"]["cal_chans"].shape[0] == 306
    assert used["sss_ctc"]


@real
def test_a_ctf_folder_is_read_with_positions_and_plain_names(tmp_path):
    name = "sub-01_ses-0_task-a_meg"
    folder = meg_folder(tmp_path) / f"{name}.ds"
    shutil.copytree(REAL / "ctf" / "somMDYO-18av.ds", folder, copy_function=shutil.copyfile)
    for file in folder.iterdir():
        file.rename(folder / file.name.replace("somMDYO-18av", name))
    path = recording_path(tmp_path, "01", "0", "a", None)
    (folder.parent / "sub-01_ses-0_task-a_channels.tsv").write_text(
        "name\ttype\tstatus\nMLC11-606\tMEGGRADAXIAL\tbad\n"
    )
    raw = read_recording(path)
    assert not raw.preload
    assert Counter(raw.get_channel_types()) == {"mag": 151, "ref_meg": 29, "stim": 1}
    assert "MLC11" in raw.ch_names
    assert "MLC11" in raw.info["bads"]
    assert raw.info["sfreq"] == 1250.0
    expected = mne.io.read_raw_ctf(REAL / "ctf" / "somMDYO-18av.ds", verbose="error")
    for attribute in ("loc", "coil_type"):
        values = [[ch[attribute] for ch in r.info["chs"]] for r in (raw, expected)]
        assert np.array_equal(*values, equal_nan=True)
    shift = raw.info["dev_head_t"]["trans"][:3, 3]
    assert np.allclose(shift, expected.info["dev_head_t"]["trans"][:3, 3])
    assert 0.02 < np.linalg.norm(shift) < 0.1
    assert np.array_equal(raw.get_data("MLC12"), expected.get_data("MLC12-606"))


def fastscan(points: np.ndarray, unit: float) -> str:
    rows = [" ".join(f"{value / unit:.4f}" for value in point) for point in points]
    return "\n".join(["% exported points", *rows, ""])


def kit_tree(root: Path, elp: Path | str, hsp: Path | str) -> Path:
    folder = meg_folder(root)
    (folder / "sub-01_ses-0_task-a_meg.con").symlink_to(REAL / "kit" / "MQKIT_125_2sec.con")
    (folder / "sub-01_ses-0_task-a_markers.mrk").symlink_to(REAL / "kit" / "MQKIT_125.mrk")
    for label, content in (("ELP", elp), ("HSP", hsp)):
        path = folder / f"sub-01_ses-0_acq-{label}_headshape.pos"
        if isinstance(content, Path):
            path.symlink_to(content)
        else:
            path.write_text(content)
    return recording_path(root, "01", "0", "a", None)


@pytest.fixture
def points() -> dict[str, np.ndarray]:
    """The digitised points of the real recording, m: landmarks and coils, head shape."""
    found = {}
    for kind in ("elp", "hsp"):
        montage = mne.channels.read_dig_polhemus_isotrak(REAL / "kit" / f"MQKIT_125.{kind}")
        found[kind] = np.array([point["r"] for point in montage.dig])
    found["elp"][:3] = found["elp"][[1, 0, 2]]  # a table begins with the nasion, MNE with the ear
    found["hsp"] = found["hsp"][3:]
    return found


@real
@pytest.mark.parametrize("table", [False, True], ids=["Isotrak", "table in mm"])
def test_a_kit_recording_has_its_head_position_from_the_files_beside_it(tmp_path, table, points):
    elp, hsp = (REAL / "kit" / f"MQKIT_125.{kind}" for kind in ("elp", "hsp"))
    if table:
        elp, hsp = fastscan(points["elp"], 1e-3), fastscan(points["hsp"], 1e-3)
    raw = read_recording(kit_tree(tmp_path, elp, hsp))
    expected = mne.io.read_raw_kit(
        REAL / "kit" / "MQKIT_125_2sec.con",
        mrk=REAL / "kit" / "MQKIT_125.mrk",
        elp=REAL / "kit" / "MQKIT_125.elp",
        hsp=REAL / "kit" / "MQKIT_125.hsp",
        verbose="error",
    )
    assert not raw.preload
    kinds = Counter(raw.get_channel_types())
    assert (kinds["mag"], kinds["ref_meg"]) == (125, 3)
    assert raw.info["sfreq"] == 1000.0
    found, wanted = (r.info["dev_head_t"]["trans"] for r in (raw, expected))
    assert np.allclose(found, wanted, atol=1e-6)
    assert np.abs(found - np.eye(4)).max() > 0.1
    assert len(raw.info["dig"]) == len(expected.info["dig"])
    head = [np.array([p["r"] for p in r.info["dig"]]) for r in (raw, expected)]
    assert np.allclose(*head, atol=1e-6)


@real
def test_a_kit_recording_without_those_files_has_an_unknown_head_position(tmp_path):
    folder = meg_folder(tmp_path)
    (folder / "sub-01_ses-0_task-a_meg.con").symlink_to(REAL / "kit" / "MQKIT_125_2sec.con")
    raw = read_recording(folder / "sub-01_ses-0_task-a_meg.con")
    assert raw.info["dev_head_t"] is None


@real
def test_points_in_another_unit_are_refused(tmp_path, points):
    path = kit_tree(tmp_path, fastscan(points["elp"], 1.0), fastscan(points["hsp"], 1e-3))
    with pytest.raises(LmbrainError, match=r"ELP_headshape\.pos.* no head in millimetres"):
        read_recording(path)
