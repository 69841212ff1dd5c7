from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbrain.encoding.folds import (
    MINIMAL_SAMPLES,
    folds_of_people,
    gap_note,
    make_folds,
    read_folds,
    write_folds,
)
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


def test_whole_runs_stay_together_when_there_are_too_few_stories():
    story = np.repeat(["a", "b"], [90, 60])
    run = np.repeat(["01", "02", "03", "01", "02"], 30)
    position = np.concatenate([np.arange(90), np.arange(60)])
    folds = make_folds(story, position, np.ones(150, bool), 5, 4, run=run)
    np.testing.assert_array_equal(folds.block, np.repeat(np.arange(5), 30))
    # the context crosses the runs of a story, so their edges have a gap; stories have none
    expected = ((folds.block == 2) & (position > 63)) | (story == "b") | (folds.block == 0)
    expected &= ~((folds.block == 0) & (position > 25))
    np.testing.assert_array_equal(folds.train(1), expected)
    cut = make_folds(story, position, np.ones(150, bool), 6, 4, run=run)  # too few runs
    assert set(np.bincount(cut.block)) == {25}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(5, 40), min_size=3, max_size=8), st.integers(3, 5))
def test_no_other_cut_between_whole_stories_gives_more_equal_blocks(sizes, outer):
    outer = min(outer, len(sizes))
    story = np.repeat([f"story{i}" for i in range(len(sizes))], sizes)
    position = np.concatenate([np.arange(n) for n in sizes])
    folds = make_folds(story, position, np.ones(len(story), bool), outer, 2)
    assert (np.diff(folds.block) >= 0).all()
    assert all(len(np.unique(folds.block[story == name])) == 1 for name in story)
    least = min(
        sum(sum(sizes[a:b]) ** 2 for a, b in zip((0, *cut), (*cut, len(sizes)), strict=True))
        for cut in combinations(range(1, len(sizes)), outer - 1)
    )
    assert np.square(np.bincount(folds.block)).sum() == least


def test_a_cut_story_no_longer_than_the_gap_is_refused_by_name():
    story = np.repeat(["long", "short", "other"], [62, 14, 62])
    position = np.concatenate([np.arange(62), np.arange(14), np.arange(62)])
    with pytest.raises(LmbrainError, match=r"Story short spans 13.*gap of 13.*blocks 1 and 2"):
        make_folds(story, position, np.ones(138, bool), 4, 13)
    make_folds(story, position, np.ones(138, bool), 4, 12)
    make_folds(story, position, np.ones(138, bool), 3, 30)  # held out as a whole


def test_a_gap_that_context_windows_reach_over_is_noted():
    assert gap_note(20.0, 20.0, "words") == ""
    assert gap_note(38.0, 35.7, "s") == ""
    assert "gap is 0 words" in gap_note(0.0, 20.0, "words")
    assert "reach over 20 words" in gap_note(0.0, 20.0, "words")


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
    np.testing.assert_array_equal(again.run, folds.run)
    np.testing.assert_allclose(again.position, folds.position, rtol=1e-15)
    assert again.gap == folds.gap
    np.testing.assert_array_equal(again.train(1, 3), folds.train(1, 3))


def test_a_folds_file_without_its_columns_is_refused(tmp_path):
    (tmp_path / "folds.tsv").write_text("story\tblock\tgap\na\t0\t1\n")
    with pytest.raises(LmbrainError, match="position"):
        read_folds(tmp_path / "folds.tsv")


def test_a_folds_file_with_an_empty_block_is_refused_by_its_number(tmp_path):
    rows = "".join(f"a\t01\t{i}\t{[0, 1, 3][i // 10]}\t0\n" for i in range(30))
    (tmp_path / "folds.tsv").write_text("story\trun\tposition\tblock\tgap\n" + rows)
    with pytest.raises(LmbrainError, match="Block 2 of the folds holds no sample"):
        read_folds(tmp_path / "folds.tsv")


def three_runs(lengths=(60, 60, 60), outer=6, gap=2.0):
    run = np.repeat(["1", "2", "3"], lengths)
    position = np.arange(len(run), dtype=float)
    story = np.full(len(run), "s")
    return make_folds(story, position, np.ones(len(run), bool), outer, gap, run=run)


def test_a_person_with_all_samples_has_the_folds_of_the_study():
    folds = three_runs()
    extra = np.ones(180, bool)
    assert folds.of_person(extra) is folds
    assert folds.study_block.tolist() == list(range(6))
    assert folds.onto_study(np.arange(6)).dtype == int


def test_a_person_without_a_run_keeps_the_study_s_blocks_of_the_other_runs():
    folds = three_runs()
    usable = folds.run != "2"
    usable[[3, 150]] = False  # lost words of no consequence for others
    own = folds.of_person(usable)
    assert own.study_block.tolist() == [0, 1, 4, 5]
    for number, block in enumerate(own.study_block):
        np.testing.assert_array_equal(own.test(number), folds.test(block) & usable)
    on_study = own.onto_study(np.arange(8.0).reshape(4, 2))
    assert on_study[[0, 1, 4, 5]].tolist() == np.arange(8.0).reshape(4, 2).tolist()
    assert np.isnan(on_study[[2, 3]]).all()
    again = own.of_person(own.usable)
    assert again is own


def test_a_person_s_folds_are_those_of_a_study_of_that_person_alone():
    folds = three_runs()
    usable = folds.run != "2"
    own = folds.of_person(usable)
    alone = make_folds(folds.story, folds.position, usable, 4, folds.gap, run=folds.run)
    np.testing.assert_array_equal(own.block, alone.block)
    for outer in range(4):
        np.testing.assert_array_equal(own.train(outer), alone.train(outer))


def test_less_than_half_a_stretch_or_block_is_left_out():
    folds = three_runs((50, 20, 110), outer=6)  # block 1: 20 samples of run 1, 10 of run 2
    usable = np.ones(180, bool)
    usable[52:60] = False  # 2 of the 10 samples of run 2 are left in block 1
    usable[92:120] = False  # 2 of 30 in block 3
    usable[150:165] = False  # just half of block 5
    own = folds.of_person(usable)
    assert own.study_block.tolist() == [0, 1, 2, 4, 5]
    assert np.flatnonzero(own.test(1)).tolist() == list(range(30, 50))
    assert own.test(4).sum() == 15


def test_a_person_with_too_few_blocks_stops_by_name():
    folds = three_runs()
    with pytest.raises(LmbrainError, match=r"sub-03 .* only 2 of its 6 blocks.* data.exclude"):
        folds.of_person(folds.run == "1", "sub-03")
    scarce = three_runs(gap=20.0)
    with pytest.raises(LmbrainError, match=r"sub-03, who has not all.*held out"):
        scarce.of_person(np.isin(scarce.block, [0, 1, 2]), "sub-03")


def test_a_block_that_nobody_keeps_stops_by_run():
    folds = three_runs()
    first = np.ones(180, bool)
    first[70:90] = False  # ten samples of block 2 are left of thirty
    second = np.ones(180, bool)
    second[60:78] = False
    people = {"sub-01": first, "sub-02": second}
    with pytest.raises(LmbrainError, match="half of the samples of block 2 .*run 2"):
        folds_of_people(folds, people)
    own = folds_of_people(folds, people | {"sub-03": np.ones(180, bool)})
    assert [len(person.study_block) for person in own.values()] == [5, 5, 6]
