"""LibriBrain: events, HDF5 read in pieces, and what is refused."""

import json
import subprocess
import sys
from urllib.parse import unquote

import h5py
import mne
import numpy as np
import pandas as pd
import pytest

from configs import PROJECT, merge, read_config
from formats.libribrain import RATE, RECORDINGS, SENSORS, events, paths, write, write_recording
from lmbrain.config import load_study
from lmbrain.datasets import libribrain
from lmbrain.datasets.downloads import read_downloads, row_of
from lmbrain.datasets.inventory import missing_files
from lmbrain.errors import LmbrainError

BINNING = {"window": {"start": -0.1, "stop": 0.4}, "bin_width": 0.025, "picks": ["grad", "mag"]}


@pytest.fixture
def data(tmp_path):
    config = merge(read_config(), write(tmp_path, words=24))
    assert not load_study(config).data.continuous
    return tmp_path, config["data"]["libribrain"]


def words_of(data, subjects=("0",), lacking=None):
    folder, settings = data
    return libribrain.words_table(folder, list(subjects), "holmes", settings, lacking or {})


def responses_of(data, words=None, subject="0", lacking=None, binning=BINNING, **changes):
    folder, settings = data
    words = words_of(data, lacking=lacking) if words is None else words
    return libribrain.responses(folder, subject, words, settings | changes, lacking or {}, binning)


def change_events(data, change, number=0):
    _, tsv = paths(data[0], "0", RECORDINGS[number])
    table = pd.read_csv(tsv, sep="\t", dtype=str, keep_default_na=False, index_col=0)
    change(table).to_csv(tsv, sep="\t", index_label="idx")


def test_words_are_those_of_the_events_and_a_book_is_a_story(data):
    words = words_of(data)
    tables = [events(24, i) for i in range(3)]
    spoken = [t[t["kind"] == "word"] for t in tables]
    assert words["text"].tolist() == [text for t in spoken for text in t["segment"]]
    assert words["onset"].tolist() == [time for t in spoken for time in t["timemeg"]]
    assert words["story"].unique().tolist() == ["Sherlock1", "Sherlock2"]
    assert words["run"].unique().tolist() == ["Sherlock1_1_1", "Sherlock1_2_2", "Sherlock2_1_1"]
    assert words["sentence"].tolist() == [i // 6 for i in range(72)]


def test_every_file_that_is_missing_is_named_with_where_it_is_published(data):
    folder, settings = data
    assert (
        missing_files(
            libribrain.files(folder, ["0"], settings, {}),
            PROJECT / "config" / "downloads.tsv",
            folder,
        )
        == []
    )
    for path in paths(folder, "0", RECORDINGS[1]):
        path.unlink()
    wanted = libribrain.files(folder, ["0"], settings, {})
    found = missing_files(wanted, PROJECT / "config" / "downloads.tsv", folder)
    assert len(found) == 2 and all("pnpl/LibriBrain" in sentence for sentence in found)
    lacking = {"0": ["Sherlock1_2_2"]}
    wanted = libribrain.files(folder, ["0"], settings, lacking)
    assert missing_files(wanted, PROJECT / "config" / "downloads.tsv", folder) == []


def test_a_recording_is_fetched_from_its_place_on_the_hub(data):
    folder, settings = data
    rows = read_downloads(PROJECT / "config" / "downloads.tsv")
    for kind, files in libribrain.files(folder, ["0"], settings, {}).items():
        row = row_of(rows, kind, files[1], folder)
        hub = "https://huggingface.co/datasets/pnpl/LibriBrain/resolve/main/"
        assert unquote(row["url"]) == hub + files[1].relative_to(folder).as_posix()


@pytest.mark.parametrize("piece", [300.0, 2.0])
def test_bins_are_means_of_the_recordings_samples_whatever_the_pieces(data, monkeypatch, piece):
    monkeypatch.setattr(libribrain, "PIECE", piece)
    epochs = responses_of(data)
    assert epochs.metadata["usable"].all()
    words = words_of(data)
    meg = mne.channels.read_meg_canonical_info("neuromag")
    assert epochs.ch_names == [f"MEG {sensor}" for sensor in SENSORS]
    for name, channel in zip(epochs.ch_names, epochs.info["chs"], strict=True):
        np.testing.assert_array_equal(channel["loc"], meg["chs"][meg.ch_names.index(name)]["loc"])
    for row in (0, 5, 23, 24, 47, 71):
        number = row // 24
        rng = np.random.default_rng(number)
        samples = round((events(24, number)["timemeg"].max() + 2.0) * RATE)
        values = rng.standard_normal((6, samples)).astype(np.float32).astype(float) * 1e-12
        clock = np.round(1000 * np.arange(samples) / RATE)
        for i in range(20):
            begin = round(1000 * words["onset"][row]) - 100 + 25 * i
            mean = values[:, (clock >= begin) & (clock < begin + 25)].mean(axis=1)
            np.testing.assert_allclose(epochs.get_data()[row, :, i], mean, rtol=1e-4, atol=1e-18)


def test_words_outside_the_recording_and_runs_that_are_lacking_are_lost(data):
    h5, _ = paths(data[0], "0", RECORDINGS[0])
    last = events(24, 0)["timemeg"].max()
    write_recording(h5, np.random.default_rng(0).normal(size=(6, int(last * RATE))) * 1e-12)
    lost = responses_of(data).metadata["lost"].to_numpy()
    assert lost[23] == "outside the recording" and (lost[:20] == "").all()
    lacking = {"0": ["Sherlock1_2_2"]}
    made = responses_of(data, words_of(data), lacking=lacking)
    assert (made.metadata["lost"][24:48] == "not recorded").all()
    assert not made.get_data()[24:48].any()
    with pytest.raises(LmbrainError, match="leaves nobody with run Sherlock1_2_2"):
        words_of(data, lacking=lacking)


def test_slips_of_the_forced_alignment_are_mended_and_told(data, caplog):
    caplog.set_level("INFO")

    def slip(table):
        rows = np.flatnonzero(table["kind"] == "word")
        table.iloc[rows[4], table.columns.get_loc("duration")] = "-0.04"
        before = float(table["timemeg"].iloc[rows[6]])
        table.iloc[rows[7], table.columns.get_loc("timemeg")] = str(round(before - 0.04, 3))
        return table

    change_events(data, slip)
    words = words_of(data)
    assert words["duration"][4] == 0 and words["onset"][7] == words["onset"][6]
    assert "1 durations below 0 set to 0, 1 onsets moved by up to 0.040 s" in caplog.text


def test_awkward_words_stay_and_words_without_sentences_are_cut_by_punctuation(data):
    def rename(table):
        rows = np.flatnonzero(table["kind"] == "word")
        for row, text in zip(rows, ["null", "NA", "nan.", "True"], strict=False):
            table.iloc[row, table.columns.get_loc("segment")] = text
        return table.assign(sentenceidx="", wordidx="")

    for number in range(3):
        change_events(data, rename, number)
    words = words_of(data)
    assert words["text"].tolist()[:4] == ["null", "NA", "nan.", "True"]
    assert words["sentence"].tolist()[:4] == [0, 0, 0, 1]


def at(table, row, column, value):
    place = np.flatnonzero(table["kind"] == "word")[row]
    table.iloc[place, table.columns.get_loc(column)] = value
    return table


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="timemeg"), "no column 'timemeg'"),
        (lambda t: t[t["kind"] != "word"], "no row of the kind 'word'"),
        (lambda t: at(t, 2, "timemeg", "soon"), r"row 6: timemeg is 'soon', not a number"),
        (lambda t: at(t, 2, "timemeg", ""), "row 6: a word lacks its text or time"),
        (lambda t: at(t, 2, "segment", ""), "row 6: a word lacks its text or time"),
        (lambda t: at(t, 2, "wordidx", "0.0"), "row 6: sentenceidx 0, wordidx 0 follow 0, 1"),
        (lambda t: at(t, 8, "sentenceidx", "0"), "wordidx 2 follow 1, 1"),
        (lambda t: at(t, 8, "timemeg", "1.0"), r"begins \d\.\d\d s before a word ahead of it"),
    ],
)
def test_events_out_of_order_or_incomplete_are_refused_by_row(data, change, said):
    change_events(data, change)
    with pytest.raises(LmbrainError, match=rf"ses-1_task-Sherlock1_run-1_events\.tsv.*{said}"):
        words_of(data)


def test_people_who_heard_other_words_are_refused(data):
    for recording in RECORDINGS:
        for mine, theirs in zip(
            paths(data[0], "1", recording), paths(data[0], "0", recording), strict=True
        ):
            mine.write_bytes(theirs.read_bytes())
    assert len(words_of(data, ("0", "1"))) == 72
    change_events(data, lambda table: at(table, 3, "segment", "else"))
    with pytest.raises(LmbrainError, match=r"sub-1_ses-1.* differs from .*sub-0.* from word 4 on"):
        words_of(data, ("0", "1"))


GOOD = np.random.default_rng(0).normal(size=(6, 8000)) * 1e-12


@pytest.mark.parametrize(
    ("values", "changes", "said"),
    [
        (GOOD, {"sample_frequency": None}, "lacks 'sample_frequency'"),
        (GOOD.T[:100], {"names": ["MEG0111"] * 6}, r"shape \(100, 6\) for 6 channels"),
        (GOOD, {"names": ["EEG001", *SENSORS[1:]]}, "neuromag has no sensor 'EEG001'"),
        (GOOD * 1e15, {}, "magnetometers have an SD of .* T, which no brain gives"),
        (np.where(np.arange(8000) == 900, np.nan, GOOD), {}, r"MEG 0113 at 3\.600 s: the value is"),
    ],
)
def test_recordings_of_another_form_are_refused_by_file(data, values, changes, said):
    h5, _ = paths(data[0], "0", RECORDINGS[0])
    write_recording(h5, values, **changes)
    with pytest.raises(LmbrainError, match=rf"run-1_proc.*_meg\.h5.*{said}"):
        responses_of(data)


def test_values_in_another_unit_are_read_with_the_unit_that_the_config_names(data):
    before = responses_of(data).get_data()
    for number, recording in enumerate(RECORDINGS):
        h5, _ = paths(data[0], "0", recording)
        samples = round((events(24, number)["timemeg"].max() + 2.0) * RATE)
        values = np.random.default_rng(number).standard_normal((6, samples)) * 1e3
        write_recording(h5, values, channel_names=",".join(f"MEG{s}" for s in SENSORS))
    np.testing.assert_allclose(
        responses_of(data, unit=1e-15).get_data(), before, rtol=1e-4, atol=1e-18
    )


def test_a_file_that_is_no_hdf5_or_counts_time_from_elsewhere_is_refused(data):
    h5, _ = paths(data[0], "0", RECORDINGS[0])
    with h5py.File(h5, "r+") as file:
        file["times"][:] += 5.0
    with pytest.raises(LmbrainError, match="times do not count from the first"):
        responses_of(data)
    h5.write_bytes(b"something else" * 100)
    with pytest.raises(LmbrainError, match="no readable HDF5 file"):
        responses_of(data)


def test_the_files_of_data_sets_can_be_listed_where_mne_and_h5py_are_not_installed(tmp_path):
    kinds = ["harry_potter", "moth", "libribrain", "alice", "epochs", "arrays"]
    settings = {kind: read_config()["data"][kind] for kind in kinds}
    script = (
        "import json, sys; sys.modules['mne'] = sys.modules['h5py'] = None\n"
        "from pathlib import Path; from lmbrain.datasets.sources import source\n"
        "for kind, settings in json.loads(sys.argv[1]).items():\n"
        "    print(len(source(kind).files(Path(sys.argv[2]), ['01'], settings, {})))\n"
    )
    command = [sys.executable, "-c", script, json.dumps(settings), str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert all(int(count) >= 1 for count in ran.stdout.split())
