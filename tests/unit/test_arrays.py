"""Running responses as arrays: clocks, names, runs that are lacking, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from configs import PROJECT, merge, read_config
from formats.arrays import INTERVAL, word_times, write
from lmbrain.artefacts import write_netcdf
from lmbrain.config import load_study
from lmbrain.datasets import arrays
from lmbrain.datasets.inventory import missing_files
from lmbrain.errors import LmbrainError
from lmbrain.responses import read_responses
from lmbrain.samples import common_samples
from lmbrain.words import read_words

SETTINGS = {
    **{"root": None, "words": "words.tsv", "responses": "sub-{subject}.npy", "sensors": None},
    **{"interval": 2.0, "first_sample": 1.0, "pause": None},
}
WORDS = "text\tonset\nOne\t1.0\ntwo\t2.5\nnull.\t3.0\nFour\t9.0\nfive\t9.4\n"


def words_of(folder, text=WORDS, **changes):
    (folder / "words.tsv").write_text(text)
    return arrays.words_table(folder, ["01"], "tale", SETTINGS | changes, {})


def responses_of(folder, words, subject="01", lacking=None, **changes):
    return arrays.responses(folder, subject, words, SETTINGS | changes, lacking or {}, {})


@pytest.fixture
def values(tmp_path):
    values = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    np.save(tmp_path / "sub-01.npy", values)
    return values


@pytest.fixture
def written(tmp_path):
    config = merge(read_config("arrays"), write(tmp_path, words=96, lacking=True))
    return load_study(config).data, config["data"]["arrays"], config["data"]["missing"]


def test_the_written_format_is_read_with_the_config_that_it_names(tmp_path, written):
    data, given, lacking = written
    assert data.continuous and data.sampling_interval == INTERVAL
    words = arrays.words_table(tmp_path, data.subjects, "tale", given, lacking)
    expected = word_times(96, 4)
    assert words["text"].tolist() == expected["text"].tolist()
    assert words["sentence"].tolist() == [i // 6 for i in range(len(expected))]
    people = [arrays.responses(tmp_path, s, words, given, lacking, {}) for s in data.subjects]
    first = np.load(tmp_path / "a1_run2.npy")
    rows = people[0]["run"].to_numpy() == "2"
    np.testing.assert_allclose(people[0].to_numpy()[rows, :, 0], first, rtol=1e-6)
    assert people[0]["sensor"].to_numpy().tolist() == ["G1", "G2", "G3", "G4"]
    np.testing.assert_allclose(people[0]["seconds"][rows], INTERVAL * np.arange(len(first)))
    assert (
        missing_files(
            arrays.files(tmp_path, data.subjects, given, lacking),
            PROJECT / "config" / "downloads.tsv",
            tmp_path,
        )
        == []
    )


def test_a_run_that_a_person_lacks_is_as_long_as_the_others_and_not_usable(tmp_path, written):
    data, given, lacking = written
    words = arrays.words_table(tmp_path, data.subjects, "tale", given, lacking)
    has, lacks = (arrays.responses(tmp_path, s, words, given, lacking, {}) for s in data.subjects)
    assert len(has) == len(lacks)
    last = lacks["run"].to_numpy() == "4"
    assert not lacks["usable"].to_numpy()[last].any() and not lacks.to_numpy()[last].any()
    assert lacks["usable"].to_numpy()[~last].all() and has["usable"].to_numpy().all()
    samples = common_samples([has, lacks], words, ["a", "b"])
    assert len(samples.story) == len(has)


def test_every_missing_file_of_a_run_is_named_but_not_those_of_a_lacking_one(tmp_path, written):
    data, given, lacking = written
    (tmp_path / "a1_run3.npy").unlink()
    found = missing_files(
        arrays.files(tmp_path, data.subjects, given, lacking),
        PROJECT / "config" / "downloads.tsv",
        tmp_path,
    )
    assert len(found) == 1 and "a1_run3.npy" in found[0]


def test_samples_are_on_the_words_clock_and_survive_their_file(tmp_path, values):
    words = words_of(tmp_path)
    responses = responses_of(tmp_path, words)
    assert responses["seconds"].to_numpy().tolist() == [1.0 + 2.0 * k for k in range(8)]
    assert responses["sensor"].to_numpy().tolist() == ["s1", "s2", "s3"]
    write_netcdf(responses.to_dataset(), tmp_path / "sub-01.nc", {})
    np.testing.assert_array_equal(read_responses(tmp_path / "sub-01.nc")[:, :, 0], values)


@pytest.mark.parametrize(("suffix", "separator"), [("tsv", "\t"), ("csv", ",")])
def test_tables_bring_the_names_of_their_columns(tmp_path, values, suffix, separator):
    table = pd.DataFrame(values, columns=["L hand", "R", "Cz"])
    table.to_csv(tmp_path / f"sub-01.{suffix}", sep=separator, index=False)
    responses = responses_of(tmp_path, words_of(tmp_path), responses=f"sub-{{subject}}.{suffix}")
    assert responses["sensor"].to_numpy().tolist() == ["L hand", "R", "Cz"]
    np.testing.assert_allclose(responses[:, :, 0], values, rtol=1e-5)


def test_what_the_table_of_words_does_not_say_is_taken_from_the_config(tmp_path):
    words = words_of(tmp_path)
    words.to_csv(tmp_path / "back.tsv", sep="\t", index=False, na_rep="n/a")
    words = read_words(tmp_path / "back.tsv")
    assert words["text"].tolist() == ["One", "two", "null.", "Four", "five"]
    assert set(words["story"]) == {"tale"} and set(words["run"]) == {"01"}
    assert words["sentence"].tolist() == [0, 0, 0, 1, 1]
    assert words["duration"].isna().all()


def test_sentences_come_from_the_table_or_from_pauses_inside_a_run(tmp_path):
    text = "text\tonset\tduration\trun\nOne\t1\t0.5\t1\ntwo\t1.6\t0.2\t1\n+\t2\t0.2\t1\n"
    text += "three\t4\t0.5\t1\nfour\t1\t0.5\t2\nfive\t1.7\t0.5\t2\n"
    words = words_of(tmp_path, text, pause=0.3)
    assert words["sentence"].tolist() == [0, 0, -1, 1, 2, 2]
    lines = text.splitlines()
    numbered = [f"{line}\t{end}" for line, end in zip(lines, ["sentence", *"445566"], strict=True)]
    assert words_of(tmp_path, "\n".join(numbered) + "\n")["sentence"].tolist() == [4, 4, 5, 5, 6, 6]


def test_categories_and_flags_of_the_table_are_kept(tmp_path):
    text = "text\tonset\tis_word\temotion\nOne\t1\tTrue\t0.5\nhm\t2\tFalse\t1\n"
    words = words_of(tmp_path, text)
    assert words["is_word"].tolist() == [True, False]
    assert words["emotion"].tolist() == ["0.5", "1"]
    assert words["sentence"].tolist() == [0, -1]


def test_an_array_of_sensors_by_time_is_noticed(tmp_path, values):
    np.save(tmp_path / "sub-01.npy", values.T)
    with pytest.raises(LmbrainError, match=r"sub-01\.npy lasts 1 to 5 s \(3 samples\).*time x"):
        responses_of(tmp_path, words_of(tmp_path, WORDS.replace("2.5", "8").replace("3.0", "8.5")))
    (tmp_path / "names.txt").write_text("A\nB\nC\n")
    with pytest.raises(LmbrainError, match="has 8 columns, .*names 3 sensors"):
        responses_of(tmp_path, words_of(tmp_path), sensors="names.txt")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([["a", "b"]]), "holds <U1 values"),
        (np.ones(5), r"values of shape \(5,\)"),
        (np.ones((5, 2), complex), "complex128"),
        (np.array([[1, None]], dtype=object), "no array of numbers"),
    ],
)
def test_arrays_of_something_else_are_refused(tmp_path, array, said):
    np.save(tmp_path / "sub-01.npy", array, allow_pickle=True)
    with pytest.raises(LmbrainError, match=rf"sub-01\.npy .*{said}"):
        responses_of(tmp_path, words_of(tmp_path))


def test_values_that_are_no_numbers_are_refused_by_place(tmp_path, values):
    words = words_of(tmp_path)
    values[4, 1] = np.inf
    np.save(tmp_path / "sub-01.npy", values)
    with pytest.raises(LmbrainError, match=r"subject 01\), row 5, sensor s2"):
        responses_of(tmp_path, words)
    (tmp_path / "sub-01.csv").write_text("a,b\n1,2\n3,oops\n")
    with pytest.raises(LmbrainError, match=r"sub-01\.csv, row 2: b is 'oops'"):
        responses_of(tmp_path, words, responses="sub-{subject}.csv")
    np.save(tmp_path / "sub-01.npy", np.ones((8, 3)))
    with pytest.raises(LmbrainError, match=r"every sensor is constant.*data\.exclude"):
        responses_of(tmp_path, words)


def test_a_sensor_named_twice_and_a_missing_word_column_are_refused(tmp_path, values):
    (tmp_path / "names.txt").write_text("A\nB\nA\n")
    with pytest.raises(LmbrainError, match="names A twice"):
        responses_of(tmp_path, words_of(tmp_path), sensors="names.txt")
    with pytest.raises(LmbrainError, match=r"words\.tsv has no column 'text'"):
        words_of(tmp_path, "word\tonset\na\t1\n")


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (["1"], "the run '1' of subject '01'; the runs are 01"),
        (["01"], "leaves subject '01' no run"),
    ],
)
def test_a_run_that_no_word_is_in_is_not_lacking(tmp_path, lacking, said):
    (tmp_path / "words.tsv").write_text(WORDS)
    with pytest.raises(LmbrainError, match=said):
        arrays.words_table(tmp_path, ["01"], "tale", SETTINGS, {"01": lacking})
