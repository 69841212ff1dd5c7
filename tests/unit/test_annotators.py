import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lmbrain.datasets.annotators import (
    agreement_table,
    alpha,
    circular_blocks,
    majority,
    read_votes,
)
from lmbrain.errors import LmbrainError

ITEMS = ["+", "The", "old", "man,", "ran."]
COLUMNS = ["Emotion", "Physical"]


def write(path, cells, words=ITEMS):
    rows = [f'"{w}",{c},,,\n' for w, c in zip(words, cells, strict=False)]
    path.write_text("Word,Emotion,Physical,x,y,z\n" + "".join(rows))
    return path


def by_pairs(votes):
    """Krippendorff's alpha from its definition: disagreeing pairs within words and overall."""
    annotators, words = votes.shape
    within = sum(
        votes[a, w] != votes[b, w]
        for w in range(words)
        for a in range(annotators)
        for b in range(annotators)
        if a != b
    ) / (annotators - 1)
    flat = votes.ravel()
    overall = sum(
        flat[i] != flat[j] for i in range(flat.size) for j in range(flat.size) if i != j
    ) / (flat.size - 1)
    return 1 - within / overall


@given(arrays(bool, st.tuples(st.integers(2, 4), st.integers(2, 12))))
def test_alpha_is_one_minus_observed_over_expected_disagreement(votes):
    found = alpha(votes.sum(axis=0), len(votes))
    if votes.all() or not votes.any():
        assert np.isnan(found)
    else:
        assert found == pytest.approx(by_pairs(votes))


def test_alpha_of_krippendorffs_worked_example():
    # Krippendorff 2011, section A: two observers, ten items, binary; alpha = .095
    first = np.array([0, 1, 0, 0, 0, 0, 0, 0, 1, 0])
    second = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0])
    assert alpha(first + second, 2) == pytest.approx(0.095, abs=5e-4)


def test_the_majority_is_more_than_half_of_any_number():
    votes = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 1, 1]], bool)[:, :, None]
    assert majority(votes)[:, 0].tolist() == [False, True, False], "two of four are no majority"
    assert majority(votes[:3])[:, 0].tolist() == [True, True, False]


def test_full_agreement_is_one_with_no_width_and_the_share_is_that_of_the_words():
    votes = np.repeat(np.random.default_rng(0).random((1, 300, 1)) < 0.3, 3, axis=0)
    [row] = agreement_table(votes, ["same"], seed=0, resamples=50).to_dict("records")
    assert (row["alpha"], row["low"], row["high"]) == (1, 1, 1)
    assert row["share"] == pytest.approx(votes[0].mean())
    assert (row["category"], row["annotators"], row["words"]) == ("same", 3, 300)


def test_blocks_cover_chance_agreement_on_stretches_of_words_as_single_words_do_not():
    # each annotator marks scenes of 10 words at random: alpha is 0 in truth
    generator = np.random.default_rng(1)
    covered = {40: 0, 1: 0}
    for _ in range(60):
        votes = np.repeat(generator.random((3, 80, 1)) < 0.3, 10, axis=1)
        for block in covered:
            row = agreement_table(votes, ["scene"], seed=0, block=block, resamples=100).iloc[0]
            covered[block] += row["low"] < 0 < row["high"]
    assert covered[40] > 50
    assert covered[1] < 35


@given(st.integers(1, 60), st.integers(1, 80))
def test_drawn_blocks_are_neighbours_and_as_many_as_there_are_words(n, block):
    drawn = circular_blocks(n, block, resamples=3, seed=0)
    assert drawn.shape == (3, n)
    inside = np.arange(1, n) % block != 0
    assert ((np.diff(drawn, axis=1) % n == 1 % n) | ~inside).all()


def test_a_table_may_end_one_row_early_and_blank_means_no(tmp_path):
    path = write(tmp_path / "a.csv", [",", "1,", ",0", "0,1"])
    assert read_votes(path, COLUMNS, ITEMS).tolist() == [
        [False, False],
        [True, False],
        [False, False],
        [False, True],
        [False, False],
    ]


def test_a_value_that_is_neither_one_nor_zero_is_refused_by_file_and_row(tmp_path):
    path = write(tmp_path / "a.csv", [",", ",", "1,x", ",", ","])
    with pytest.raises(LmbrainError, match=r"a\.csv, row 3: Physical is 'x'"):
        read_votes(path, COLUMNS, ITEMS)


def test_a_table_in_another_encoding_is_refused_by_file(tmp_path):
    (tmp_path / "a.csv").write_text("Word,Emotion\ncaf\u00e9,1\n", encoding="latin-1")
    with pytest.raises(LmbrainError, match=r"a\.csv is no text in UTF-8"):
        read_votes(tmp_path / "a.csv", COLUMNS, ITEMS)


def test_a_table_of_another_length_or_without_a_category_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", [","] * 3)
    with pytest.raises(LmbrainError, match="3 rows for 5 items"):
        read_votes(path, COLUMNS, ITEMS)
    with pytest.raises(LmbrainError, match="no column 'Figurative'"):
        read_votes(path, ["Figurative"], ITEMS)


def test_a_table_shifted_by_a_row_is_refused_but_not_one_that_leaves_out_signs(tmp_path):
    bare = write(tmp_path / "bare.csv", [","] * 5, ["", "the", "old", "man", '""ran""'])
    read_votes(bare, COLUMNS, ITEMS)
    shifted = write(tmp_path / "shifted.csv", [","] * 5, [*ITEMS[1:], "+"])
    with pytest.raises(LmbrainError, match=r"shifted\.csv belongs to other items.*row 1 \('The'"):
        read_votes(shifted, COLUMNS, ITEMS)
