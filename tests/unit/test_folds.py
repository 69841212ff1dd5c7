import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbrain.encoding.folds import MINIMAL_SAMPLES, make_folds, read_folds, write_folds
from lmbrain.errors import LmbrainError

ONE_STORY = np.array(["garden"] * 100)


@st.composite
def samples(draw):
    """Several stories of uneven length with unusable samples."""
    lengths = draw(st.lists(st.integers(35, 60), min_size=1, max_size=6))
    story = np.repeat([f"story{i}" for i in range(len(lengths))], lengths)
    position = np.concatenate([np.arange(length) * 0.5 for length in lengths])
    seed = draw(st.integers(0, 2**16))
    usable = np.random.default_rng(seed).random(len(story)) > 0.1
    return story, position, usable, draw(st.sampled_from([0.0, 0.5, 1.0, 1.3]))


@settings(max_examples=40, deadline=None)
@given(samples())
def test_training_samples_are_exactly_those_beyond_the_gap(data):
    story, position, usable, gap = data
    folds = make_folds(story, position, usable, 3, gap)
    for held_out in ((0,), (1,), (0, 2)):
        train = folds.train(*held_out)
        held = np.isin(folds.block, held_out)
        for sample in range(len(story)):
            same = held & (story == story[sample])
            distance = np.abs(position[same] - position[sample]).min(initial=np.inf)
            expected = usable[sample] and not held[sample] and distance > gap + 1e-9
            assert train[sample] == expected


@settings(max_examples=40, deadline=None)
@given(samples())
def test_blocks_partition_the_usable_samples_and_inner_training_is_symmetric(data):
    story, position, usable, gap = data
    folds = make_folds(story, position, usable, 3, gap)
    tests = np.sum([folds.test(k) for k in range(3)], axis=0)
    np.testing.assert_array_equal(tests, usable.astype(int))
    np.testing.assert_array_equal(folds.train(0, 1), folds.train(1, 0))
    scored = folds.score(1, 0) | folds.score(2, 0)
    np.testing.assert_array_equal(scored, folds.train(0))


def test_stretches_are_contiguous_and_of_equal_size():
    usable = np.ones(100, bool)
    usable[40:47] = False
    folds = make_folds(ONE_STORY, np.arange(100), usable, 5, 2)
    used = folds.block[usable]
    assert (np.diff(used) >= 0).all()
    assert set(np.bincount(used)) <= {18, 19}
    assert (folds.block[~usable] == -1).all()


def test_whole_stories_stay_together_when_there_are_enough():
    story = np.repeat(list("abcdef"), [50, 10, 40, 20, 30, 30])
    position = np.concatenate([np.arange(n) for n in (50, 10, 40, 20, 30, 30)])
    folds = make_folds(story, position, np.ones(180, bool), 3, 15)
    assert all(len(np.unique(folds.block[story == name])) == 1 for name in "abcdef")
    np.testing.assert_array_equal(np.bincount(folds.block), [60, 60, 60])
    assert folds.train(0).sum() == 120  # other stories: no gap is lost


def test_a_gap_does_not_reach_into_another_story():
    story = np.repeat(["a", "b"], 60)
    position = np.tile(np.arange(60), 2)
    folds = make_folds(story, position, np.ones(120, bool), 4, 5)
    expected = (story == "b") | ((folds.block == 1) & (position >= 35))
    np.testing.assert_array_equal(folds.train(0), expected)


def test_too_few_samples_are_refused_with_the_numbers():
    with pytest.raises(LmbrainError, match="8 usable samples are too few for 5 folds"):
        make_folds(ONE_STORY[:8], np.arange(8), np.ones(8, bool), 5, 0)
    with pytest.raises(LmbrainError, match=r"30 usable samples in 3 folds with a gap of 20"):
        make_folds(ONE_STORY[:30], np.arange(30), np.ones(30, bool), 3, 20)
    with pytest.raises(LmbrainError, match=r"folds\.outer is 2"):
        make_folds(ONE_STORY, np.arange(100), np.ones(100, bool), 2, 0)


def test_the_smallest_folds_still_leave_a_correlation():
    size = 3 * MINIMAL_SAMPLES
    folds = make_folds(ONE_STORY[:size], np.arange(size), np.ones(size, bool), 3, 0)
    assert folds.train(0, 1).sum() == MINIMAL_SAMPLES


def test_folds_survive_the_file(tmp_path):
    position = np.cumsum(np.full(100, 1 / 3))
    folds = make_folds(ONE_STORY, position, np.arange(100) % 9 > 0, 4, 1.1)
    write_folds(folds, tmp_path / "folds.tsv", {"study": "test"})
    again = read_folds(tmp_path / "folds.tsv")
    np.testing.assert_array_equal(again.block, folds.block)
    np.testing.assert_array_equal(again.story, folds.story)
    np.testing.assert_allclose(again.position, folds.position, rtol=1e-15)
    assert again.gap == folds.gap
    np.testing.assert_array_equal(again.train(1, 3), folds.train(1, 3))


def test_a_folds_file_without_its_columns_is_refused(tmp_path):
    (tmp_path / "folds.tsv").write_text("story\tblock\tgap\na\t0\t1\n")
    with pytest.raises(LmbrainError, match="position"):
        read_folds(tmp_path / "folds.tsv")
