"""Control features against counts by hand."""

import numpy as np
import pandas as pd
import pytest
from wordfreq import zipf_frequency

from lmbrain.errors import LmbrainError
from lmbrain.features.controls import control_features, paced
from lmbrain.words import make_words

TEXT = ["+", '"Stop!', "don\u2019t,", "she", "whispered.", "--", "Zxqvkj", "slept.", "The", "end."]
STORY = ["a"] * 8 + ["b"] * 2
RUN = ["1"] * 4 + ["2"] * 4 + ["1"] * 2
RSVP = np.array([0, 0.5, 1, 1.5, 0, 0.5, 1, 1.5, 0, 0.5])
HEARD = np.array([0.1, 0.5, 0.6, 1.55, 0.2, 0.3, 0.9, 2.5, 0.1, 3.0])


def words(onset=RSVP, duration=0.5, text=TEXT, story=STORY, run=RUN):
    return make_words(story, run, text, onset, np.broadcast_to(duration, len(text)))


def test_each_control_equals_a_count_by_hand():
    table = words()
    got = control_features(table, surprisal=np.arange(10.0))
    is_word = table["is_word"].to_numpy()
    assert (got.index == table.index).all()
    np.testing.assert_array_equal(got.notna().all(axis=1), is_word)
    assert got[~is_word].isna().all(axis=None)
    got = got[is_word]
    expected = {
        "length": [4, 5, 3, 9, 6, 5, 3, 3],
        "capitalised": [1, 0, 0, 0, 1, 0, 1, 0],
        "position_in_sentence": [1, 2, 3, 4, 1, 2, 1, 2],
        "sentence_length": [4, 4, 4, 4, 2, 2, 2, 2],
        "sentence_start": [1, 0, 0, 0, 1, 0, 1, 0],
        "position_in_story": [1, 2, 3, 4, 5, 6, 1, 2],
        "position_in_run": [1, 2, 3, 1, 2, 3, 1, 2],
        "surprisal": [1, 2, 3, 4, 6, 7, 8, 9],
    }
    for name, values in expected.items():
        assert got[name].tolist() == values, name
    assert set(got.columns) == {*expected, "log_frequency"}


def test_log_frequency_is_zipf_and_zero_for_unlisted_words():
    got = control_features(words())["log_frequency"]
    assert got[3] == zipf_frequency("she", "en") > 5
    assert got[2] == zipf_frequency("don't", "en") > 5
    assert got[6] == 0


def test_paced_words_have_neither_rate_nor_duration():
    jitter = np.random.default_rng(0).uniform(-0.004, 0.004, len(TEXT))
    for table in (words(), words(RSVP + jitter, 0.5 + jitter)):
        assert not {"word_rate", "duration"} & set(control_features(table).columns)


def test_a_few_pauses_do_not_make_paced_words_heard():
    assert paced(np.r_[np.full(95, 0.5), np.full(5, 20.0)])
    assert not paced(np.random.default_rng(0).gamma(4, 0.08, 100))


def test_heard_words_get_their_rate_and_duration():
    duration = np.linspace(0.1, 0.6, len(TEXT))
    table = words(HEARD, duration)
    got = control_features(table)
    heard = table[table["is_word"]]
    for row, word in heard.iterrows():
        same = heard[(heard["story"] == word["story"]) & (heard["run"] == word["run"])]
        near = (same["onset"] - word["onset"]).abs() <= 1
        assert got["word_rate"][row] == near.sum() / 2
        assert got["duration"][row] == duration[row]


def test_an_unknown_duration_leaves_the_column_out():
    duration = np.r_[np.nan, np.nan, np.linspace(0.1, 0.6, len(TEXT) - 2)]
    assert "duration" not in control_features(words(HEARD, duration))
    assert "word_rate" in control_features(words(HEARD, duration))


def test_constant_columns_are_left_out():
    table = words(text=["the", "sea", "and", "sky"], story=["a"] * 4, run=["1"] * 4, onset=RSVP[:4])
    got = control_features(table, surprisal=np.full(4, 3.0))
    assert set(got.columns) == {
        "log_frequency",
        "position_in_sentence",
        "position_in_story",
        "sentence_start",
    }


def test_onset_of_words_in_another_index_order_is_kept():
    table = words(HEARD)
    moved = table.set_index(pd.Index(range(100, 110)))
    np.testing.assert_array_equal(control_features(moved), control_features(table))


def test_surprisal_must_fit_the_table_and_be_finite():
    with pytest.raises(LmbrainError, match="10 rows"):
        control_features(words(), surprisal=np.zeros(9))
    surprisal = np.arange(10.0)
    surprisal[[0, 3]] = np.nan  # item 0 is no word
    with pytest.raises(LmbrainError, match=r"Item 3 \('she'\)"):
        control_features(words(), surprisal=surprisal)


def test_a_word_without_a_sentence_stops():
    table = words()
    table.loc[4, "sentence"] = -1
    with pytest.raises(LmbrainError, match=r"Item 4 \('whispered\.'\)"):
        control_features(table)


def test_user_columns_join_the_controls_under_their_own_names():
    table = words().assign(valence=list("0123456789"))
    table.loc[0, "valence"] = "n/a"  # item 0 is no word
    got = control_features(table, user_columns=["valence"])
    is_word = table["is_word"].to_numpy()
    assert got["valence"][is_word].tolist() == [1, 2, 3, 4, 6, 7, 8, 9]
    assert got["valence"][~is_word].isna().all()
    assert "valence" not in control_features(table)


@pytest.mark.parametrize("value", ["n/a", "", "high", "inf", "nan"])
def test_a_user_column_without_a_number_for_a_word_stops_with_column_item_and_word(value):
    table = words().assign(valence="1.5")
    table.loc[3, "valence"] = value
    with pytest.raises(LmbrainError, match=rf"'valence'.*'{value}' for item 3 \('she'\)"):
        control_features(table, user_columns=["valence"])


def test_a_user_column_that_is_missing_or_bears_another_ones_name_is_refused():
    with pytest.raises(LmbrainError, match=r"'valence', but the words table has only .*sentence"):
        control_features(words(), user_columns=["valence"])
    for name in ("onset", "length", "log_frequency"):
        with pytest.raises(LmbrainError, match=f"'{name}', which is"):
            control_features(words().assign(length="1"), user_columns=[name])
