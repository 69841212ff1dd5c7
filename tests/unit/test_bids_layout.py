"""Where the files of a MEG-BIDS folder are: found as written, never guessed."""

import json
from pathlib import Path

import pytest

from lmbrain.datasets.bids import missing_recordings
from lmbrain.datasets.bids_layout import (
    calibration_paths,
    channels_path,
    empty_room_path,
    events_path,
    position_files,
    recording_files,
    recording_path,
)
from lmbrain.errors import LmbrainError


def touch(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).mkdir() if name.endswith(".ds") else (folder / name).touch()
    return [folder / name for name in names]


def test_recordings_are_found_whole_or_split_and_missing_ones_named(tmp_path):
    folder = tmp_path / "sub-01" / "meg"
    whole, part, second = touch(
        folder,
        "sub-01_task-read_run-01_meg.fif",
        "sub-01_task-read_run-02_split-01_meg.fif",
        "sub-01_task-read_run-02_split-02_meg.fif",
    )
    assert recording_path(tmp_path, "01", None, "read", "01") == whole
    assert recording_path(tmp_path, "01", None, "read", "02") == part
    assert recording_files(part) == [part, second]
    with pytest.raises(LmbrainError, match=r"run-03_meg\.fif does not exist.*run-01_meg\.fif"):
        recording_path(tmp_path, "01", None, "read", "03")
    with pytest.raises(LmbrainError, match="no recording"):
        recording_path(tmp_path, "02", None, "read", "01")
    with pytest.raises(LmbrainError, match=r"is no folder; correct data\.bids\.root"):
        recording_path(tmp_path / "nowhere", "01", None, "read", "01")
    with pytest.raises(LmbrainError, match=r"run-01_events\.tsv does not exist"):
        events_path(tmp_path, "01", None, "read", "01")


@pytest.mark.parametrize(
    ("name", "session", "task", "run"),
    [
        ("sub-01_ses-0_task-2_meg.con", "0", "2", None),
        ("sub-01_ses-001_task-compr_meg.ds", "001", "compr", None),
        ("sub-01_task-RDR_run-7_meg.fif", None, "RDR", "7"),
        ("sub-01_ses-a_task-x_run-07_meg.sqd", "a", "x", "07"),
    ],
)
def test_recordings_of_every_system_are_found_by_session_task_and_run(
    tmp_path, name, session, task, run
):
    parts = ["sub-01", *([] if session is None else [f"ses-{session}"]), "meg"]
    folder = tmp_path.joinpath(*parts)
    (path,) = touch(folder, name)
    touch(folder, "sub-01_acq-crosstalk_meg.fif", "sub-01_task-rest_meg.json")
    assert recording_path(tmp_path, "01", session, task, run) == path


def test_runs_are_compared_as_written(tmp_path):
    touch(tmp_path / "sub-01" / "meg", "sub-01_task-read_run-1_meg.fif")
    with pytest.raises(LmbrainError, match=r"holds sub-01_task-read_run-1_meg\.fif"):
        recording_path(tmp_path, "01", None, "read", "01")
    with pytest.raises(LmbrainError, match=r"holds sub-01_task-read_run-1_meg\.fif"):
        recording_path(tmp_path, "01", None, "read", None)


def test_two_recordings_of_one_run_are_refused_but_a_plain_name_is_preferred(tmp_path):
    folder = tmp_path / "sub-01" / "meg"
    sss, tsss = touch(folder, "sub-01_task-a_proc-sss_meg.fif", "sub-01_task-a_proc-tsss_meg.fif")
    with pytest.raises(LmbrainError, match=rf"several recordings .*{sss.name}, {tsss.name}"):
        recording_path(tmp_path, "01", None, "a", None)
    tsss.unlink()
    assert recording_path(tmp_path, "01", None, "a", None) == sss
    (plain,) = touch(folder, "sub-01_task-a_meg.fif")
    assert recording_path(tmp_path, "01", None, "a", None) == plain
    touch(folder, "sub-01_task-a_meg.con")
    with pytest.raises(LmbrainError, match="several recordings"):
        recording_path(tmp_path, "01", None, "a", None)


def test_events_are_taken_from_the_nearest_folder_that_has_them(tmp_path):
    shared, *_ = touch(
        tmp_path, "task-a_events.tsv", "task-b_events.tsv", "task-a_run-9_events.tsv"
    )
    folder = tmp_path / "sub-01" / "ses-1" / "meg"
    touch(folder, "sub-01_ses-1_task-b_events.tsv", "sub-01_ses-1_task-a_run-2_events.tsv")
    assert events_path(tmp_path, "01", "1", "a", "1") == shared
    own = folder / "sub-01_ses-1_task-a_run-2_events.tsv"
    assert events_path(tmp_path, "01", "1", "a", "2") == own
    with pytest.raises(LmbrainError, match=r"sub-01_ses-1_task-c_events\.tsv does not exist"):
        events_path(tmp_path, "01", "1", "c", None)


def test_tables_of_channels_belong_to_their_run(tmp_path):
    folder = tmp_path / "sub-01" / "meg"
    first, second = touch(
        folder, "sub-01_task-a_run-1_split-01_meg.fif", "sub-01_task-a_run-2_meg.fif"
    )
    (table,) = touch(folder, "sub-01_task-a_run-1_channels.tsv")
    assert channels_path(first) == table
    assert channels_path(second) is None
    assert recording_files(first) == [first, table]
    assert channels_path(tmp_path / "any_raw.fif") is None


def test_tables_of_channels_are_inherited_from_the_root_of_the_data_set(tmp_path):
    (tmp_path / "task-a_channels.tsv").touch()  # another data set's, which holds this one
    root = tmp_path / "study"
    folder = root / "sub-01" / "ses-1" / "meg"
    path, system = touch(folder, "sub-01_ses-1_task-a_meg.fif", "sub-01_ses-1_task-b_meg.ds")
    assert channels_path(path) is None
    (shared,) = touch(root, "task-a_channels.tsv")
    assert channels_path(path) == shared
    assert shared in recording_files(path)
    assert channels_path(system) is None
    (person,) = touch(root / "sub-01", "sub-01_channels.tsv")
    assert channels_path(path) == person
    assert channels_path(system) == person


def test_calibration_files_are_found_where_bids_keeps_them(tmp_path):
    folder = tmp_path / "sub-01" / "ses-1" / "meg"
    (recording,) = touch(folder, "sub-01_ses-1_task-a_run-1_meg.fif")
    assert calibration_paths(recording) == {"calibration": None, "cross_talk": None}
    fine, crosstalk, _ = touch(
        folder,
        "sub-01_ses-1_acq-calibration_meg.dat",
        "sub-01_ses-1_acq-crosstalk_meg.fif",
        "sub-02_ses-1_acq-calibration_meg.dat",
    )
    assert calibration_paths(recording) == {"calibration": fine, "cross_talk": crosstalk}
    assert recording_files(recording) == [recording, fine, crosstalk]


def test_head_position_files_are_found_under_the_names_in_use(tmp_path):
    masc = tmp_path / "masc"
    touch(masc, "sub-01_ses-0_task-1_meg.con", "sub-01_ses-0_task-2_meg.con")
    elp, hsp, first, second = touch(
        masc,
        "sub-01_ses-0_acq-ELP_headshape.pos",
        "sub-01_ses-0_acq-HSP_headshape.pos",
        "sub-01_ses-0_task-1_markers.mrk",
        "sub-01_ses-0_task-2_markers.mrk",
    )
    assert position_files(masc / "sub-01_ses-0_task-1_meg.con") == [elp, hsp, first]
    assert position_files(masc / "sub-01_ses-0_task-2_meg.con") == [elp, hsp, second]
    runs = tmp_path / "runs"
    recording = touch(runs, "sub-01_task-a_run-02_meg.sqd")[0]
    elp, hsp, _, before, after = touch(
        runs,
        "sub-01_headpoints.txt",
        "sub-01_headshape.hsp",
        "sub-01_task-a_acq-run1pre_markers.sqd",
        "sub-01_task-a_acq-run2pre_markers.sqd",
        "sub-01_task-a_acq-run2post_markers.sqd",
    )
    assert position_files(recording) == [elp, hsp, before, after]
    assert recording_files(recording) == [recording, elp, hsp, before, after]


def test_head_position_files_that_are_incomplete_or_ambiguous_are_refused(tmp_path):
    (recording,) = touch(tmp_path, "sub-01_task-a_meg.con")
    assert position_files(recording) == []
    (marker,) = touch(tmp_path, "sub-01_task-a_markers.mrk")
    with pytest.raises(LmbrainError, match=r"no coil positions .* and no head shape"):
        position_files(recording)
    touch(tmp_path, "sub-01_acq-ELP_headshape.pos", "sub-01_acq-HSP_headshape.pos")
    touch(tmp_path, "sub-01_markers.mrk")
    with pytest.raises(LmbrainError, match="several files for one thing"):
        position_files(recording)
    marker.unlink()
    assert len(position_files(recording)) == 3


def test_the_empty_room_is_the_one_that_the_recording_names(tmp_path):
    folder = tmp_path / "sub-01" / "meg"
    (recording,) = touch(folder, "sub-01_task-a_meg.fif")
    assert empty_room_path(tmp_path, recording) is None
    (room,) = touch(tmp_path / "sub-emptyroom" / "ses-1" / "meg", "sub-emptyroom_ses-1_meg.fif")
    relative = room.relative_to(tmp_path).as_posix()
    for named in (f"bids::{relative}", f"/{relative}", [f"bids::{relative}"]):
        recording.with_suffix(".json").write_text(json.dumps({"AssociatedEmptyRoom": named}))
        assert empty_room_path(tmp_path, recording) == room
    recording.with_suffix(".json").write_text("{")
    with pytest.raises(LmbrainError, match=r"meg\.json is no JSON file"):
        empty_room_path(tmp_path, recording)
    recording.with_suffix(".json").write_text(json.dumps({"AssociatedEmptyRoom": f"/{relative}"}))
    room.unlink()
    with pytest.raises(LmbrainError, match=r"sub-emptyroom_ses-1_meg\.fif, which is not in"):
        empty_room_path(tmp_path, recording)


def test_the_inventory_names_every_missing_file_and_heeds_runs_known_to_lack(tmp_path):
    folder = tmp_path / "sub-01" / "meg"
    touch(folder, "sub-01_task-a_run-1_meg.con", "sub-01_task-a_run-1_events.tsv")
    touch(folder, "sub-01_task-a_run-1_markers.mrk", "sub-01_task-a_run-2_meg.fif")
    runs = {run: {"session": None, "task": "a", "run": run} for run in ("1", "2", "3")}

    def missing(root, lacking, subjects=("01",), **audio):
        settings = dict.fromkeys(("words", "anchors", "sound")) | {"anchor_kinds": []} | audio
        return missing_recordings(root, subjects, runs, lacking, "tale", None, settings)

    said = missing(str(tmp_path), {"01": ["3"]})
    assert len(said) == 2
    assert "no coil positions" in said[0]
    assert "run-2_events.tsv does not exist" in said[1]
    assert len(missing(str(tmp_path), {})) == 4
    assert "LMBRAIN_DATA" in missing(None, {})[0]
    assert len(missing(str(tmp_path / "nowhere"), {})) == 1
    assert "holds no folder sub-02" in missing(str(tmp_path), {"01": ["1", "3"]}, ["02"])[0]
    touch(tmp_path, "run-2.tsv")
    heard = missing(str(tmp_path), {"01": ["1"]}, words="run-{run}.tsv")
    assert [path.split()[0] for path in heard[-1:]] == [str(tmp_path / "run-3.tsv")]
    assert len(heard) == 2, heard
