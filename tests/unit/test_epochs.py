"""Epochs of a lab's own: words over people, bins, and what is refused."""

import mne
import numpy as np
import pandas as pd
import pytest

from configs import PROJECT, merge, read_config
from formats.epochs import info, metadata, write
from lmbrain.config import load_study
from lmbrain.datasets import epochs as source
from lmbrain.datasets.inventory import missing_files
from lmbrain.errors import LmbrainError
from lmbrain.meg.word_locked import word_locked, write_epochs
from lmbrain.responses import read_responses
from lmbrain.words import make_words, read_words

COLUMNS = {
    **{"text": "shown", "onset": "onset", "duration": None},
    **{"story": None, "run": "block", "is_word": None, "item": "number"},
}
BINNING = {"window": {"start": 0.0, "stop": 0.4}, "bin_width": 0.025, "picks": ["grad", "mag"]}


def settings(file="{subject}-epo.fif", words=None, **columns):
    return {"root": None, "file": file, "words": words, "columns": COLUMNS | columns}


def save(folder, subject, table, *, rate=200.0, tmin=-0.1, samples=121, values=None, baseline=None):
    if values is None:
        values = np.random.default_rng(len(subject)).standard_normal((len(table), 6, samples))
    starts = np.arange(len(values)) * 80 + 1
    events = np.column_stack([starts, starts * 0, starts * 0 + 1])
    arguments = {"tmin": tmin, "metadata": table, "baseline": baseline, "verbose": "error"}
    made = mne.EpochsArray(values, info(6, rate), events, **arguments)
    made.save(folder / f"{subject}-epo.fif", overwrite=True, fmt="double", verbose="error")
    return values


def words_of(folder, subjects=("01",), words=None, **columns):
    return source.words_table(folder, subjects, "tale", settings(words=words, **columns), {})


def responses_of(folder, subject, words, lacking=None, binning=BINNING, **columns):
    given = settings(**columns)
    return source.responses(folder, subject, words, given, lacking or {}, binning)


@pytest.fixture
def table():
    return metadata(24)


def test_the_written_format_is_read_with_the_config_that_it_names(tmp_path):
    config = merge(read_config(), write(tmp_path, words=24))
    study = load_study(config)
    assert not study.data.recorded and not study.data.continuous
    given = config["data"]["epochs"]
    words = source.words_table(tmp_path, ["01", "02"], "tale", given, {})
    assert words["text"].tolist() == metadata(24)["shown"].tolist()
    assert words["run"].unique().tolist() == ["01", "02"]
    assert (
        missing_files(
            source.files(tmp_path, ["01", "02"], given, {}),
            PROJECT / "config" / "downloads.tsv",
            tmp_path,
        )
        == []
    )
    for subject, gone in (("01", 7), ("02", 8)):
        made = source.responses(tmp_path, subject, words, given, {}, BINNING)
        assert np.flatnonzero(made.metadata["lost"] == "rejected").tolist() in ([gone],)


def test_words_of_people_who_lost_different_epochs_keep_their_places(tmp_path, table):
    first = save(tmp_path, "01", table.drop(index=[0, 5]))
    second = save(tmp_path, "02", table.drop(index=[9]).sample(frac=1, random_state=0))
    for columns in ({}, {"item": None}):
        words = words_of(tmp_path, ("01", "02"), **columns)
        assert words["text"].tolist() == table["shown"].tolist()
        assert words["onset"].tolist() == table["onset"].tolist()
        assert words["sentence"].tolist() == [i // 6 for i in range(24)]
        made = responses_of(tmp_path, "01", words, **columns)
        lost = np.flatnonzero(made.metadata["lost"] == "rejected").tolist()
        assert lost == [0, 5]
        assert made.metadata["usable"].to_numpy().sum() == 22
        assert not made.get_data()[lost].any()
        kept = np.delete(np.arange(24), lost)
        np.testing.assert_allclose(made.get_data()[kept, :, 0], first[:, :, 20:25].mean(axis=2))
        other = responses_of(tmp_path, "02", words, **columns)
        shuffled = table.drop(index=[9]).sample(frac=1, random_state=0)["number"].to_numpy()
        np.testing.assert_allclose(
            other.get_data()[shuffled, :, 0], second[:, :, 20:25].mean(axis=2)
        )
        assert other.metadata["lost"][9] == "rejected"


@pytest.mark.parametrize(("rate", "tmin"), [(1000.0, -0.1), (200.0, 0.0), (250.0, -0.052)])
def test_bins_of_epochs_equal_those_of_the_recording_they_were_cut_from(tmp_path, rate, tmin):
    onsets = np.round(0.5 + 0.4 * np.arange(8), 3)
    values = np.random.default_rng(0).standard_normal((6, round(5 * rate)))
    raw = mne.io.RawArray(values, info(6, rate), verbose="error")
    text = ["one", "two", "three", "four"] * 2
    words = make_words(["tale"] * 8, ["01"] * 8, text, onsets, onsets * np.nan)
    samples = np.round(onsets * rate).astype(int)
    arguments = BINNING["window"], BINNING["bin_width"], BINNING["picks"]
    expected = word_locked({"01": raw}, words, {"01": samples / rate}, *arguments)
    events = np.column_stack([samples, samples * 0, samples * 0 + 1])
    made = mne.Epochs(
        raw, events, tmin=tmin, tmax=0.45, baseline=None, preload=True, verbose="error"
    )
    made.metadata = pd.DataFrame(
        {"shown": text, "onset": onsets, "block": "01", "number": range(8)}
    )
    made.save(tmp_path / "01-epo.fif", fmt="double", verbose="error")
    back = responses_of(tmp_path, "01", words_of(tmp_path))
    np.testing.assert_allclose(back.get_data(), expected.get_data(), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(back.times, expected.times)


def test_a_bin_is_the_mean_that_mne_computes_of_its_samples(tmp_path, table):
    save(tmp_path, "01", table, rate=1000.0, tmin=-0.1, samples=601)
    back = responses_of(tmp_path, "01", words_of(tmp_path)).get_data()
    epochs = mne.read_epochs(tmp_path / "01-epo.fif", verbose="error")
    for i in range(16):
        cut = epochs.copy().crop(0.025 * i, 0.025 * (i + 1), include_tmax=False, verbose="error")
        assert len(cut.times) == 25
        mean = cut.get_data().mean(axis=2)
        np.testing.assert_allclose(back[:, :, i], mean, rtol=1e-6, atol=1e-12)


def test_epochs_that_are_bins_already_pass_unchanged(tmp_path, table):
    values = save(tmp_path, "01", table, rate=40.0, tmin=-0.1, samples=24)
    back = responses_of(tmp_path, "01", words_of(tmp_path))
    np.testing.assert_array_equal(back.get_data(), values[:, :, 4:20])


def test_many_epochs_are_read_in_stretches_with_the_same_bins(tmp_path, table, monkeypatch):
    save(tmp_path, "01", table)
    whole = responses_of(tmp_path, "01", words_of(tmp_path)).get_data()
    monkeypatch.setattr(source, "EPOCHS_AT_ONCE", 5)
    parts = responses_of(tmp_path, "01", words_of(tmp_path)).get_data()
    np.testing.assert_allclose(parts, whole, rtol=1e-9)


def test_words_and_responses_survive_their_files(tmp_path, table):
    table = table.assign(shown=["null", "NA", "nan", "true"] * 6)
    save(tmp_path, "01", table)
    words = words_of(tmp_path)
    words.to_csv(tmp_path / "words.tsv", sep="\t", index=False, na_rep="n/a")
    words = read_words(tmp_path / "words.tsv")
    assert words["text"].tolist()[:4] == ["null", "NA", "nan", "true"]
    made = responses_of(tmp_path, "01", words)
    write_epochs(made, tmp_path / "sub-01-epo.fif", {})
    back = read_responses(tmp_path / "sub-01-epo.fif")
    np.testing.assert_allclose(back.to_numpy(), made.get_data(), rtol=1e-6)
    np.testing.assert_allclose(back["time"], np.arange(16) * 0.025 + 0.0125, atol=1e-9)


def test_a_word_that_all_people_lost_is_known_from_the_table_of_words(tmp_path, table, caplog):
    caplog.set_level("INFO")
    for subject in ("01", "02"):
        save(tmp_path, subject, table.drop(index=[4, 5]))
    assert len(words_of(tmp_path, ("01", "02"))) == 22
    assert "2 item numbers are in no metadata" in caplog.text
    table.to_csv(tmp_path / "story.tsv", sep="\t", index=False)
    for columns in ({}, {"item": None}):
        given = {"words": str(tmp_path / "story.tsv"), **columns}
        words = words_of(tmp_path, ("01", "02"), **given)
        assert words["text"].tolist() == table["shown"].tolist()
        lost = responses_of(tmp_path, "02", words, **columns).metadata["lost"]
        assert lost.tolist()[3:7] == ["", "rejected", "rejected", ""]


def test_numbers_of_words_are_one_whether_whole_or_with_a_point(tmp_path, table):
    save(tmp_path, "01", table.drop(index=[4]))
    save(tmp_path, "02", table.assign(number=table["number"].astype(float)))
    table.assign(number=[f"{n}.0" for n in table["number"]]).to_csv(
        tmp_path / "story.tsv", sep="\t", index=False
    )
    words = words_of(tmp_path, ("01", "02"), words=str(tmp_path / "story.tsv"))
    assert words["text"].tolist() == table["shown"].tolist()
    assert responses_of(tmp_path, "02", words).metadata["usable"].all()
    save(tmp_path, "02", table.assign(number=table["number"] / 2))
    with pytest.raises(LmbrainError, match=r"02-epo\.fif, row 2: the item is .*0\.5"):
        words_of(tmp_path, ("01", "02"))


def test_items_that_are_no_words_are_marked_by_their_letters_or_by_a_column(tmp_path, table):
    table["shown"] = ["+", *table["shown"][1:]]
    save(tmp_path, "01", table)
    assert words_of(tmp_path)["is_word"].tolist() == [False] + [True] * 23
    save(tmp_path, "01", table.assign(lexical=["no" not in t for t in table["shown"]]))
    marked = words_of(tmp_path, is_word="lexical")
    assert marked["is_word"].tolist() == [True] * 24
    save(tmp_path, "01", table.assign(lexical=[0] * 3 + [1] * 21))
    words = words_of(tmp_path, is_word="lexical")
    assert words["is_word"].tolist() == [False] * 3 + [True] * 21
    made = responses_of(tmp_path, "01", words, is_word="lexical")
    assert made.metadata["lost"].tolist()[:4] == ["no word"] * 3 + [""]
    save(tmp_path, "01", table.assign(lexical="maybe"))
    with pytest.raises(LmbrainError, match=r"01-epo\.fif, row 1: lexical is 'maybe'"):
        words_of(tmp_path, is_word="lexical")


def test_a_run_that_a_person_lacks_must_be_named(tmp_path, table):
    save(tmp_path, "01", table)
    save(tmp_path, "02", table[table["block"] == "01"])
    words = words_of(tmp_path, ("01", "02"))
    assert len(words) == 24
    made = responses_of(tmp_path, "02", words, lacking={"02": ["02"]})
    assert made.metadata["lost"].tolist() == [""] * 12 + ["not recorded"] * 12
    with pytest.raises(LmbrainError, match=r"02-epo\.fif has no epoch of run 02.*data\.missing"):
        responses_of(tmp_path, "02", words)


def test_a_run_named_as_lacking_must_be_one_that_the_person_lacks(tmp_path, table):
    save(tmp_path, "01", table)
    words = words_of(tmp_path)
    with pytest.raises(
        LmbrainError, match=r"01-epo\.fif has epochs of run 02, which data\.missing"
    ):
        responses_of(tmp_path, "01", words, lacking={"01": ["02"]})
    for lacking, said in (
        (["2"], "the run '2' of subject '01'; the runs are 01, 02"),
        (["02", "01"], "leaves subject '01' no run"),
    ):
        with pytest.raises(LmbrainError, match=said):
            source.words_table(tmp_path, ["01"], "tale", settings(), {"01": lacking})
    excluded = {"02": ["3"]}
    assert len(source.words_table(tmp_path, ["01"], "tale", settings(), excluded)) == 24


def test_runs_keep_the_order_of_whoever_has_all_of_them(tmp_path):
    table = metadata(36, runs=3)
    save(tmp_path, "01", table[table["block"] != "02"])
    save(tmp_path, "02", table)
    words = words_of(tmp_path, ("01", "02"), item=None)
    assert words["run"].unique().tolist() == ["01", "02", "03"]
    assert words["text"].tolist() == table["shown"].tolist()
    save(tmp_path, "02", table[table["block"] != "03"])
    with pytest.raises(LmbrainError, match=r"place of run 02 \(story tale\) in the story is not"):
        words_of(tmp_path, ("01", "02"), item=None)
    assert words_of(tmp_path, ("01", "02"))["run"].unique().tolist() == ["01", "02", "03"]


def test_onsets_that_jitter_between_people_need_an_item_column(tmp_path, table):
    save(tmp_path, "01", table)
    save(tmp_path, "02", table.assign(onset=table["onset"] + 0.012))
    with pytest.raises(LmbrainError, match=r"'The' at 0\.000 s and 'The' at 0\.012 s.*item"):
        words_of(tmp_path, ("01", "02"), item=None)
    assert words_of(tmp_path, ("01", "02"))["onset"].tolist() == table["onset"].tolist()


def test_other_words_at_the_same_place_are_refused(tmp_path, table):
    save(tmp_path, "01", table)
    save(tmp_path, "02", table.assign(shown=["A", *table["shown"][1:]]))
    with pytest.raises(LmbrainError, match=r"02-epo\.fif, row 1: item 0 is 'A', but 'The'"):
        words_of(tmp_path, ("01", "02"))
    with pytest.raises(LmbrainError, match=r"'The' at 0\.000 s and 'A' at 0\.000 s"):
        words_of(tmp_path, ("01", "02"), item=None)


def test_numbers_against_the_order_of_onsets_are_refused(tmp_path, table):
    save(tmp_path, "01", table.assign(onset=table["onset"].to_numpy()[::-1]))
    with pytest.raises(LmbrainError, match="By their item numbers 'The' at"):
        words_of(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metadata": None}, r"01-epo\.fif has no metadata"),
        ({"shown": None}, r"row 3: the metadata lack the word"),
        ({"onset": np.nan}, r"row 3: the metadata lack the word or its onset"),
        ({"number": 0}, r"row 3: the word 0 is there twice"),
    ],
)
def test_metadata_that_lack_something_are_refused_by_epoch(tmp_path, table, change, said):
    column, value = next(iter(change.items()))
    table = table.astype({"shown": object})
    table.loc[2, column] = value
    save(tmp_path, "01", None if column == "metadata" else table, values=np.ones((24, 6, 121)))
    with pytest.raises(LmbrainError, match=said):
        words_of(tmp_path)


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path, table):
    save(tmp_path, "01", table)
    with pytest.raises(LmbrainError, match=r"no column 'word' of metadata \(it has number, shown"):
        words_of(tmp_path, text="word")


def test_other_sensors_in_one_person_are_refused(tmp_path, table):
    save(tmp_path, "01", table)
    made = mne.EpochsArray(
        np.ones((24, 5, 121)), info(5), tmin=-0.1, metadata=table, verbose="error"
    )
    made.save(tmp_path / "02-epo.fif", verbose="error")
    with pytest.raises(LmbrainError, match=r"02-epo\.fif has other sensors.*MEG"):
        words_of(tmp_path, ("01", "02"))


def test_values_windows_and_sensors_that_cannot_be_used_are_refused(tmp_path, table):
    values = save(tmp_path, "01", table)
    words = words_of(tmp_path)
    longer = BINNING | {"window": {"start": 0.0, "stop": 0.8}}
    with pytest.raises(LmbrainError, match=r"-0\.1 to 0\.5 s around each word, less than"):
        responses_of(tmp_path, "01", words, binning=longer)
    with pytest.raises(LmbrainError, match="200 Hz leave a bin without a sample"):
        fine = {"window": {"start": 0.0, "stop": 0.4}, "bin_width": 0.004}
        responses_of(tmp_path, "01", words, binning=BINNING | fine)
    values[4, 2, 40] = np.nan
    save(tmp_path, "01", table, values=values)
    with pytest.raises(LmbrainError, match=r"epoch 5, sensor MEG.*not a finite number"):
        responses_of(tmp_path, "01", words)
    made = mne.read_epochs(tmp_path / "01-epo.fif", verbose="error")
    made.info["bads"] = made.ch_names[1:2]
    made.save(tmp_path / "01-epo.fif", overwrite=True, verbose="error")
    with pytest.raises(LmbrainError, match="is still marked bad"):
        responses_of(tmp_path, "01", words)


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "01-epo.fif").write_bytes(b"not a fif file" * 20)
    with pytest.raises(LmbrainError, match=r"01-epo\.fif is no readable file of MNE Epochs"):
        words_of(tmp_path)
    with pytest.raises(LmbrainError, match="absent-epo.fif does not exist"):
        words_of(tmp_path, ("absent",))


def test_baseline_trend_and_rejection_of_the_config_are_applied_to_the_epochs(tmp_path, table):
    values = save(tmp_path, "01", table)
    values[3, 1, 40] = 50.0
    save(tmp_path, "01", table, values=values)
    words = words_of(tmp_path)
    more = {"baseline": {"start": -0.1, "stop": 0.0}, "detrend": None}
    more["reject"] = {"grad": 30.0, "mag": 30.0}
    made = responses_of(tmp_path, "01", words, binning=BINNING | more)
    assert np.flatnonzero(made.metadata["lost"] == "amplitude").tolist() == [3]
    assert not made.get_data()[3].any()
    plain = responses_of(tmp_path, "01", words).get_data()
    before = values[:, :, :20].mean(axis=2, keepdims=True)
    np.testing.assert_allclose(made.get_data()[4:], (plain - before)[4:], atol=1e-12)
    more["baseline"] = {"start": -0.2, "stop": 0.0}
    with pytest.raises(LmbrainError, match=r"less than responses\.window and baseline \(-0\.2 to"):
        responses_of(tmp_path, "01", words, binning=BINNING | more)
