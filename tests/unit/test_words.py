import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmbrain.artefacts import write_table
from lmbrain.errors import LmbrainError
from lmbrain.words import bare, is_word, make_words, number_sentences, read_words


def sentences(text: str) -> list[int]:
    items = text.split()
    return number_sentences(
        items, np.array([is_word(i) for i in items]), ["s"] * len(items)
    ).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He ran. She sat.", [0, 0, 1, 1]),
        ("Mr. Hill met Dr. Oak. He left.", [0, 0, 0, 0, 0, 1, 1]),
        ('"Stop!" he said. "Why?" She ran.', [0, 0, 0, 1, 2, 2]),
        ("So did I. Then J. Doe came.", [0, 0, 0, 1, 1, 1, 1]),
        ("One + two - three. + Four", [0, -1, 0, -1, 0, -1, 1]),
        ("It ended\u2026 Then more.", [0, 0, 1, 1]),
        ("no end at all", [0, 0, 0, 0]),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text, expected):
    assert sentences(text) == expected


# Sentences parted by |; whoever joins or parts them otherwise is in the trap.
TRAPS = {
    "titles": "Mrs. Figg met Prof. Binns and Lt. Col. Ray on St. Ives Road. | Nobody saw it.",
    "title in quotes": '"Mr. Hill?" | "(Dr. Oak is out.)" | They left.',
    "abbreviations inside": "He took fruit, e.g. Pears, vs. Apples. | She ate.",
    "etc. inside and at the end": "Ropes, nets, etc. were there. | He sold ropes, etc. | She sat.",
    "initials": "J. K. Rowling and J.R.R. Tolkien wrote. | \u00c9. Zola did.",
    "I ends": "He is as tall as I. | She is not.",
    "one letter in lower case ends": "Mark it with an x. | Then go.",
    "time": "At 5 p.m. the bell rang. | It was 6 a.m. | She slept.",
    "numbers": "It cost 3.50 at No. 5 there. | He said no. | 40 men came. | See p. 3. | So!",
    "a number ends": "It fell by 2.5. | It rose in 1991. | Then 3 came.",
    "ellipsis inside": "He... well, he \u2026 ran. | She sat... | Nobody spoke.",
    "letter with ellipsis": "It was A... | Then nothing.",
    "dialogue, lower case": "'Stop!' she said. | \u201cWhy?\u201d he asked. | They ran.",
    "dialogue, the speaker named": '"Stop!" Harry said. | "Why?" Mr. Vernon K. Dursley asked.',
    "dialogue, I": '"Stop!" I cried. | "I..." Harry whispered. | It rang.',
    "dialogue, full stop": '"It is late." | Harry said nothing.',
    "dialogue, others act": '"Stop!" | Harry ran. | "Who?" | Ron, said Ann.',
    "dialogue, a new sentence": '"Why?" | She said so. | "What?" | They asked again.',
    "dialogue, too many names": '"Ha!" | One Two Three Four Five said it.',
    "dialogue, answered": '"Why?" | "Because." | "I see."',
    "without quotes": "He shouted: stop! | Harry said so.",
    "marks inside brackets": "She ran (at last!) and won. | (He did not.) | It was over.",
    "several marks": "What?! | No!!! | Yes.",
    "italics": "He was @late.@ | It was *so* _late!_ | He ran.",
    "marks as items": 'He ran . | " Stop ! " he said . | So Mr . Hill + left ... | Then more',
    "a cross at the end": "He ran. + | She + sat.",
    "other scripts": "\u0935\u0939 \u0917\u092f\u093e\u0964 | \u0935\u0939 \u0906\u092f\u093e",
    "no capitals anywhere": "he ran. | she sat. | mr. hill left... | and so on.",
    "capitals of names only": "we left. | then I slept. | harry Potter came. | it rained.",
    "no capitals, dialogue": '"stop!" said he. | it rang.',
    "abbreviations of numbers as words": "She ate a fig. | Then he said: No. | She left.",
    "no end": "He ran, and -- she sat;",
}


@pytest.mark.parametrize("trap", TRAPS)
def test_no_trap_parts_or_joins_sentences(trap):
    expected = [part.split() for part in TRAPS[trap].split("|")]
    items = [item for part in expected for item in part]
    words = np.array([is_word(item) for item in items])
    numbers = number_sentences(items, words, ["s"] * len(items))
    found = [[i for i, n in zip(items, numbers, strict=True) if n == k] for k in range(len(items))]
    assert [part for part in found if part] == [[i for i in e if is_word(i)] for e in expected]


def test_only_words_of_the_same_story_decide_whether_a_sentence_ends():
    items = ["He", 'ran?"', "Harry", "said", "so", "Mr.", "it", "ends."]
    story = ["a", "a", "b", "b", "b", "b", "c", "c"]
    numbers = number_sentences(items, np.ones(8, bool), story)
    assert numbers.tolist() == [0, 0, 1, 1, 1, 1, 2, 2]


def test_a_story_ends_its_last_sentence():
    numbers = number_sentences(["a", "b"], np.array([True, True]), ["one", "two"])
    assert numbers.tolist() == [0, 1]


@given(st.lists(st.sampled_from(["a", "B.", "+", "c!", '"D?"', "Mr."]), max_size=30))
def test_sentence_numbers_never_go_back_and_skip_none(items):
    flags = np.array([is_word(i) for i in items], bool)
    numbers = number_sentences(items, flags, ["s"] * len(items))
    used = numbers[flags]
    assert (numbers[~flags] == -1).all()
    assert set(np.diff(used)) <= {0, 1}
    assert len(used) == 0 or used[0] == 0


@pytest.mark.parametrize(
    ("item", "core"),
    [
        ('"Don\'t!"', "Don't"),
        ("well-known,", "well-known"),
        ("caf\u00e9.", "caf\u00e9"),
        ("cafe\u0301.", "cafe\u0301"),  # an accent of its own
        ("(\u0939\u093f\u0928\u094d\u0926\u0940)", "\u0939\u093f\u0928\u094d\u0926\u0940"),
        ("\u200bword\u200b_", "word"),
        ("--", ""),
    ],
)
def test_only_punctuation_around_a_word_is_removed(item, core):
    assert bare(item) == core


@pytest.mark.parametrize("item", ["+", "...", "--", '"', "@"])
def test_crosses_and_punctuation_are_no_words(item):
    assert not is_word(item)


@pytest.fixture
def table():
    return make_words(["s"] * 3, ["01"] * 3, ["NA", "null", "+"], np.arange(3.0), np.ones(3))


def test_a_words_table_survives_its_file(tmp_path, table):
    write_table(table, tmp_path / "words.tsv", {})
    back = read_words(tmp_path / "words.tsv")
    assert back.to_dict() == table.to_dict()


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("onset", [0.0, 2.0, 1.0], "row 3"),
        ("onset", [0.0, np.nan, 1.0], "row 2: onset is missing"),
        ("item", [0, 2, 1], "row 2: item is 2, expected 1"),
    ],
)
def test_a_table_out_of_order_is_refused_by_row(tmp_path, table, column, values, said):
    write_table(table.assign(**{column: values}), tmp_path / "words.tsv", {})
    with pytest.raises(LmbrainError, match=said):
        read_words(tmp_path / "words.tsv")


def test_a_missing_column_is_named(tmp_path, table):
    write_table(table.drop(columns="text"), tmp_path / "words.tsv", {})
    with pytest.raises(LmbrainError, match="'text'"):
        read_words(tmp_path / "words.tsv")
