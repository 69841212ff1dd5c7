"""Reading an events file: words stay words, and what is no item does not become one."""

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import read_config
from lmbrain.datasets.bids_events import parse_dictionary, read_events, words_of_run
from lmbrain.errors import LmbrainError

PLAIN = read_config()["data"]["bids"]["events"]
ARMENI, MASC = (read_config(name)["data"]["bids"]["events"] for name in ("armeni", "meg_masc"))


def write(folder: Path, header: str, *rows: str) -> Path:
    path = folder / "sub-01_task-a_events.tsv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def items(folder: Path, settings: dict, header: str, *rows: str) -> pd.DataFrame:
    return words_of_run(read_events(write(folder, header, *rows)), "tale", "1", **settings)


def test_only_words_are_items_where_phonemes_and_sounds_stand_beside_them(tmp_path):
    words = items(
        tmp_path,
        ARMENI,
        "onset\tduration\tsample\ttype\tvalue",
        '0.0\t0.0\t0\twav_onset\t"x"',
        '1.3\t0.2\t1560\tword_onset_01\t"ADVENTURES"',
        '1.0\t0.1\t1200\tword_onset_01\t"THE"',
        '1.0\t0.05\t1200\tphoneme_onset_01\t"DH"',
        '1.1\t0.2\t1320\tword_onset_01\t"sp"',
        '2.0\t0.2\t2400\tword_onset_02\t"DON\'T"',
    )
    assert words["text"].tolist() == ["THE", "ADVENTURES", "DON'T"]
    assert words["is_word"].all()
    assert words["onset"].tolist() == [1.0, 1.3, 2.0]
    assert words["sentence"].tolist() == [0, 0, 1]
    assert "value" not in words


def test_quotes_are_taken_off_only_as_the_config_says(tmp_path):
    header = "onset\tduration\ttrial_type\tword"
    rows = ['1\t0.4\tword\t"Stop!"', '2\t0.4\tword\t"He said ""no"""']
    quoted = items(tmp_path, PLAIN | {"quoted": True}, header, *rows)
    assert quoted["text"].tolist() == ["Stop!", 'He said "no"']
    with pytest.raises(LmbrainError, match=r"every text stands in double quotes.*quoted to true"):
        items(tmp_path, PLAIN, header, *rows)
    speech = items(tmp_path, PLAIN, header, rows[0], "2\t0.4\tword\tshe")
    assert speech["text"].tolist() == ['"Stop!"', "she"]
    with pytest.raises(LmbrainError, match=r"row 2: a text without the double quotes"):
        items(tmp_path, PLAIN | {"quoted": True}, header, rows[0], "2\t0.4\tword\tshe")


@pytest.mark.parametrize(
    ("quoted", "rows"),
    [
        (False, ["1\t0.4\tword\t ", "2\t0.4\tword\t\u00a0", "3\t0.4\tword\t sun "]),
        (True, ['1\t0.4\tword\t""', '2\t0.4\tword\t"n/a"', '3\t0.4\tword\t " sun "']),
    ],
)
def test_a_text_of_blanks_is_none_and_blanks_around_it_are_no_part_of_it(tmp_path, quoted, rows):
    words = items(tmp_path, PLAIN | {"quoted": quoted}, "onset\tduration\ttrial_type\tword", *rows)
    assert words["text"].tolist() == ["sun"]
    assert words["onset"].tolist() == [3.0]


def test_an_item_listed_twice_is_refused_by_row(tmp_path):
    header = "onset\tduration\ttrial_type\tword"
    rows = ["2\t0.4\tword\tboat", "1\t0.4\tword\tthe", "2.0\t0.3\tword\tboat"]
    with pytest.raises(LmbrainError, match=r"events\.tsv, row 3: 'boat' at 2 s a second time"):
        items(tmp_path, PLAIN, header, *rows)
    rows[2] = "2.0\t0.3\tphoneme\tboat"  # of a kind that is not asked for
    words = items(tmp_path, PLAIN | {"other_kinds": []}, header, *rows)
    assert words["text"].tolist() == ["the", "boat"]


def test_kinds_may_be_patterns_or_hold_the_signs_of_patterns(tmp_path):
    header = "onset\tduration\ttrial_type\tword"
    rows = ["1\t0.4\tword[a]\tOne", "2\t0.4\tword_b\tday", "3\t0.4\tcross\t+"]
    words = items(tmp_path, PLAIN | {"word_kinds": ["word[a]", "word_*"]}, header, *rows)
    assert words["is_word"].tolist() == [True, True, False]
    narrow = PLAIN | {"word_kinds": ["word_*"], "other_kinds": ["cross"]}
    assert items(tmp_path, narrow, header, *rows)["text"].tolist() == ["day", "+"]


def masc_row(onset: float, **values) -> str:
    return f"{onset}\t0.2\t{values!r}\t1\t{int(1000 * onset)}"


NAN = math.nan
SPOKEN = {"story": "lw1", "kind": "word", "condition": "sentence"}


def test_dicts_as_text_serve_as_columns(tmp_path):
    rows = [
        masc_row(0.5, story="lw1", kind="sound", sound="a.wav", word=NAN, condition=NAN),
        masc_row(1.0, **SPOKEN, word="Tara", sequence_id=0.0, pronounced=1.0),
        masc_row(1.0, **SPOKEN | {"kind": "phoneme"}, phoneme="t_B", sequence_id=NAN),
        masc_row(1.4, **SPOKEN, word="didn't", sequence_id=0.0),
        masc_row(2.0, **SPOKEN, word="nan", sequence_id=1.0),
        masc_row(3.0, **SPOKEN | {"condition": "word_list"}, word="hat", sequence_id=2.0),
        masc_row(4.0, **SPOKEN, word="None", sequence_id=3.0),
    ]
    words = items(tmp_path, MASC, "\ufeffonset\tduration\ttrial_type\tvalue\tsample", *rows)
    assert words["text"].tolist() == ["Tara", "didn't", "nan", "hat", "None"]
    assert words["is_word"].tolist() == [True, True, True, False, True]
    assert words["sentence"].tolist() == [0, 0, 1, -1, 2]
    assert (words["story"] == "lw1").all()
    kept = items(
        tmp_path,
        MASC | {"user_columns": ["pronounced"]},
        "onset\tduration\ttrial_type\tvalue\tsample",
        *rows,
    )
    assert kept["pronounced"].tolist() == ["1.0", "n/a", "n/a", "n/a", "n/a"]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("word", "row 2: trial_type holds no Python dict"),
        ("{'kind': 'word', 'kind': 'x'}", "the key 'kind' twice"),
        ("{'onset': 1.0}", "have a key 'onset', which is a column of its own"),
        ("{'value': 'word'}", "have a key 'value', which is a column of its own"),
    ],
)
def test_a_cell_that_is_no_plain_dict_is_named_with_its_row(tmp_path, cell, said):
    rows = [masc_row(1.0, **SPOKEN, word="Tara"), f"2\t0.2\t{cell}\t1\t2000"]
    with pytest.raises(LmbrainError, match=said):
        items(tmp_path, MASC, "onset\tduration\ttrial_type\tvalue\tsample", *rows)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch {path}')",
        "{'a': __import__('os').system('touch {path}')}",
        "{__import__('os').system('touch {path}'): 1}",
        "{**{'a': 1}}",
        "{'a': [1, 2]}",
        "{'a': {'b': 1}}",
        "{'a': f'{1}'}",
        "{'a': b'x'}",
        "{'a': 1j}",
        "{'a': ...}",
        "{'a': inf}",
        "{'a': x}",
        "{'a': -'b'}",
        "{'a': -True}",
        "{'a': ~1}",
        "{'a': 1 + 1}",
        "{'a': 9 ** 9 ** 9}",
        "{1: 'a'}",
        "{'a'}",
        "{k: 1 for k in 'ab'}",
        "[1]",
        "",
        "{'a': 1",
        "{'a': 1}\nimport os",
        "\x00",
        "(" * 10000,
        "{'a': " + "-" * 100000 + "1}",
        "{'a': " + "9" * 100000 + "}",
    ],
)
def test_nothing_but_plain_dicts_is_let_through_and_nothing_is_run(text, tmp_path):
    victim = tmp_path / "touched"
    with pytest.raises(ValueError, match=r"no Python dict|a value|a key"):
        parse_dictionary(text.replace("{path}", str(victim)))
    assert not victim.exists()


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.text(),
        st.one_of(
            st.text(),
            st.integers(),
            st.floats(allow_infinity=False),
            st.booleans(),
            st.none(),
        ),
    )
)
def test_any_plain_dict_is_read_back(values):
    expected = {
        key: "n/a" if value is None or value != value else str(value)
        for key, value in values.items()
    }
    assert parse_dictionary(repr(values)) == expected


def test_each_event_may_name_its_story(tmp_path):
    header = "onset\tduration\tword\tpart"
    settings = PLAIN | {"kind_columns": [], "story_column": "part"}
    words = items(tmp_path, settings, header, "1\t0.4\tOne\ta", "2\t0.4\tday\ta", "3\t0.4\tTwo\tb")
    assert words["story"].tolist() == ["a", "a", "b"]
    assert words["sentence"].tolist() == [0, 0, 1]
    between = items(
        tmp_path,
        settings,
        header,
        *("0.5\t0.4\t+\tn/a", "1\t0.4\tOne\ta", "2\t0.4\t+\t", "3\t0.4\tTwo\tb"),
    )
    assert between["story"].tolist() == ["a", "a", "a", "b"]
    with pytest.raises(LmbrainError, match="row 2: a word without a part"):
        items(tmp_path, settings, header, "1\t0.4\tOne\ta", "2\t0.4\tday\tn/a")


def test_sentences_by_a_column_or_by_pauses_need_what_they_rest_on(tmp_path):
    header = "onset\tduration\tword\ts"
    by_column = PLAIN | {"kind_columns": [], "sentence_column": "s"}
    rows = ["1\t0.4\tOne\t5", "1.5\t0.4\t+\tn/a", "2\t0.4\tday\t5", "3\t0.4\tTwo\t2"]
    assert items(tmp_path, by_column, header, *rows)["sentence"].tolist() == [0, -1, 0, 1]
    with pytest.raises(LmbrainError, match="row 2: a word without s"):
        items(tmp_path, by_column, header, rows[0], "2\t0.4\tday\t")
    by_pause = PLAIN | {"kind_columns": [], "sentence_pause": 0.7}
    assert items(tmp_path, by_pause, header, *rows)["sentence"].tolist() == [0, -1, 0, 0]
    with pytest.raises(LmbrainError, match="row 2: a word without a duration"):
        items(tmp_path, by_pause, header, rows[0], "2\tn/a\tday\t5")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"word_column": "text"}, "no column 'text' .*events.word_column"),
        ({"kind_columns": ["kind"]}, "no column 'kind' .*events.kind_columns"),
        ({"story_column": "part"}, "no column 'part' .*events.story_column"),
        ({"sentence_column": "s"}, "no column 's' .*events.sentence_column"),
        ({"dictionary_column": "d"}, "no column 'd' .*events.dictionary_column"),
        ({"word_kinds": ["spoken"]}, r"holds no word .*\['spoken'\]"),
    ],
)
def test_a_setting_that_does_not_fit_the_file_is_named(tmp_path, change, said):
    with pytest.raises(LmbrainError, match=said):
        items(tmp_path, PLAIN | change, "onset\tduration\ttrial_type\tword", "1\t0.4\tword\tOne")


@pytest.mark.parametrize("rows", [[], ["1\t0.4\tword\tn/a"], ["1\t0.4\tword\tsp"]])
def test_a_file_without_any_item_is_refused(tmp_path, rows):
    settings = PLAIN | {"silences": ["sp"]}
    with pytest.raises(LmbrainError, match="holds no word"):
        items(tmp_path, settings, "onset\tduration\ttrial_type\tword", *rows)


def test_lines_may_end_as_on_windows(tmp_path):
    path = tmp_path / "sub-01_task-a_events.tsv"
    path.write_bytes(b"onset\tduration\tword\r\n1\t0.4\tOne\r\n2\t0.4\tday.\r\n")
    words = words_of_run(read_events(path), "tale", "1", **PLAIN | {"kind_columns": []})
    assert words["text"].tolist() == ["One", "day."]
