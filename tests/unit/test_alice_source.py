import numpy as np
import pandas as pd
import pytest

from lmbrain.datasets import alice
from lmbrain.errors import LmbrainError

SETTINGS = {"pause": 0.15, "first_volume": 20.0, "repetition_time": 2.0}


@pytest.fixture
def listening(tmp_path):
    (tmp_path / "words.tsv").write_text(
        "onset\tduration\tword\n20.1\t0.5\tAlice\n20.6\t0.2\twas\n21.0\t0.2\tnull\n"
    )
    values = pd.DataFrame(np.random.default_rng(0).normal(100, 1, size=(30, 2)), columns=["L", "R"])
    values.to_csv(tmp_path / "sub-01_bold.tsv", sep="\t", index=False)
    (values * 0).to_csv(tmp_path / "sub-02_bold.tsv", sep="\t", index=False)
    return tmp_path


def responses(folder, subject):
    words = alice.words_table(folder, [subject], "alice", SETTINGS, {})
    return alice.responses(folder, subject, words, SETTINGS, {}, {})


def test_heard_words_and_volumes_share_one_clock(listening):
    words = alice.words_table(listening, ["01"], "alice", SETTINGS, {})
    assert words["text"].tolist() == ["Alice", "was", "null"]
    assert words["sentence"].tolist() == [0, 0, 1], "a silence of 0.2 s ends a sentence"
    found = responses(listening, "01")
    assert found["seconds"].to_numpy()[:3].tolist() == [20.0, 22.0, 24.0]
    assert found.shape == (30, 2, 1)


def test_items_that_are_no_words_are_in_no_sentence_and_unknown_durations_end_none(listening):
    (listening / "words.tsv").write_text(
        "onset\tduration\tword\n1.0\t0.1\tAlice\n1.05\t0.4\t--\n1.2\tn/a\twas\n1.3\t0.1\tnot\n"
        "1.6\t0.1\tasleep\n"
    )
    words = alice.words_table(listening, ["01"], "alice", SETTINGS, {})
    assert words["is_word"].tolist() == [True, False, True, True, True]
    assert words["sentence"].tolist() == [0, -1, 0, 0, 1]


def test_an_all_zero_person_stops_by_name_with_the_mend(listening):
    with pytest.raises(LmbrainError, match=r"subject 02.*every sensor is constant.*data\.exclude"):
        responses(listening, "02")


def test_a_value_that_is_no_number_is_refused_by_file_row_and_column(listening):
    text = (listening / "sub-01_bold.tsv").read_text().splitlines()
    text[4] = "oops\t1.0"
    (listening / "sub-01_bold.tsv").write_text("\n".join(text))
    with pytest.raises(LmbrainError, match=r"sub-01_bold\.tsv, row 4: L is 'oops'"):
        responses(listening, "01")
