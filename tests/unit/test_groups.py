import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbrain.artefacts import write_table
from lmbrain.errors import LmbrainError
from lmbrain.hypotheses.groups import choose_groups, members, read_groups


def table(divergence):
    numbers = range(10, 10 + len(divergence))
    return pd.DataFrame(
        {
            "sentence": list(numbers),
            "text": [f"Sentence {n}." for n in numbers],
            "divergence": np.asarray(divergence, float),
        }
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(24, 80), st.integers(2, 6), st.integers(0, 1000))
def test_every_divergent_sentence_exceeds_every_other_of_its_half(n, blocks, seed):
    groups = choose_groups(table(np.random.default_rng(seed).normal(size=n)), 4, blocks)
    for half, part in groups.groupby("half"):
        highest, lowest = members(groups, half, "divergent"), members(groups, half, "convergent")
        between = part.loc[part["group"] == "between", "divergence"]
        assert len(highest) == len(lowest) == 4
        assert highest["divergence"].min() >= between.max() or between.empty
        assert lowest["divergence"].max() <= between.min() or between.empty
        assert highest["divergence"].min() > lowest["divergence"].max()


def test_halves_are_alternate_contiguous_blocks_of_equal_size():
    groups = choose_groups(table(np.arange(40)), 4, 4)
    assert groups["half"].tolist() == (["research"] * 10 + ["validation"] * 10) * 2
    assert groups["block"].tolist() == [0] * 10 + [1] * 10 + [2] * 10 + [3] * 10


def test_divergent_means_high_and_convergent_low_in_both_halves():
    groups = choose_groups(table(np.arange(40)), 4, 2)
    assert members(groups, "research", "divergent")["divergence"].tolist() == [16, 17, 18, 19]
    assert members(groups, "research", "convergent")["divergence"].tolist() == [0, 1, 2, 3]
    assert members(groups, "validation", "divergent")["divergence"].tolist() == [36, 37, 38, 39]
    assert members(groups, "validation", "convergent")["divergence"].tolist() == [20, 21, 22, 23]


def test_equal_divergences_go_by_order():
    groups = choose_groups(table(np.zeros(20)), 4, 2)
    assert members(groups, "research", "divergent")["sentence"].tolist() == [10, 11, 12, 13]
    assert members(groups, "research", "convergent")["sentence"].tolist() == [16, 17, 18, 19]


def test_sentences_without_score_take_no_part():
    divergence = np.arange(40.0)
    divergence[[0, 39]] = np.nan
    groups = choose_groups(table(divergence), 4, 2)
    assert len(groups) == 38
    assert not groups["sentence"].isin([10, 49]).any()


def test_too_few_sentences_are_refused_with_the_numbers():
    with pytest.raises(LmbrainError, match=r"has 7 scored sentences.* 4 need 8"):
        choose_groups(table(np.arange(15)), 4, 2)


def test_infinite_divergence_is_refused_with_the_sentence():
    with pytest.raises(LmbrainError, match="Sentence 12"):
        choose_groups(table([0, 1, np.inf, *range(20)]), 4, 2)


def test_groups_survive_writing_and_reading(tmp_path):
    groups = choose_groups(table(np.arange(40)), 4, 4)
    write_table(groups, tmp_path / "groups.tsv", {})
    back = read_groups(tmp_path / "groups.tsv")
    pd.testing.assert_frame_equal(back, groups, check_dtype=False)
