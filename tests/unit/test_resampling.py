import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbrain.encoding.folds import make_folds
from lmbrain.errors import LmbrainError
from lmbrain.inference.resampling import (
    block_length,
    block_sums,
    contiguous_blocks,
    draw_shifts,
    sign_flips,
)


def folds_of(n, outer=4, usable=None, step=1.0):
    usable = np.ones(n, bool) if usable is None else usable
    return make_folds(np.full(n, "a"), step * np.arange(n), usable, outer, 0.0)


def test_shifts_keep_the_minimal_distance_from_both_sides_and_reach_it():
    shifts = draw_shifts(folds_of(200), 5000, 10, 0)
    assert shifts.shape == (4, 5000)
    assert shifts.min() == 10
    assert shifts.max() == 40


def test_minimal_shift_in_seconds_is_rounded_up_to_samples():
    assert draw_shifts(folds_of(400, step=2.0), 5000, 19.0, 0).min() == 10


def test_a_fold_too_short_for_the_minimal_shift_is_refused():
    with pytest.raises(LmbrainError, match="minimal_shift"):
        draw_shifts(folds_of(40), 100, 6, 0)


@settings(max_examples=50, deadline=None)
@given(
    length=st.floats(1, 60),
    unusable=st.lists(st.integers(0, 119), max_size=40, unique=True),
)
def test_blocks_are_contiguous_inside_folds_and_long_enough(length, unusable):
    usable = np.ones(120, bool)
    usable[unusable] = False
    folds = folds_of(120, 3, usable)
    blocks = contiguous_blocks(folds, length)
    assert (blocks[~usable] == -1).all()
    numbers = blocks[usable]
    assert (np.diff(numbers) >= 0).all()
    assert set(numbers) == set(range(numbers.max() + 1))
    for number in range(numbers.max() + 1):
        assert len(set(folds.block[blocks == number])) == 1


def test_block_sums_match_a_loop():
    rng = np.random.default_rng(0)
    usable = rng.random(100) > 0.2
    folds = folds_of(100, 4, usable)
    blocks = contiguous_blocks(folds, 7)
    values = rng.standard_normal((100, 3))
    values[~usable] = np.nan
    sums, sizes = block_sums(values, blocks)
    for number in range(blocks.max() + 1):
        assert sizes[number] == (blocks == number).sum()
        np.testing.assert_allclose(sums[number], values[blocks == number].sum(axis=0))


def test_blocks_span_the_length_asked():
    blocks = contiguous_blocks(folds_of(200), 20)
    assert (np.bincount(blocks) >= 20).all()
    assert len(np.bincount(blocks)) == 8


def test_a_block_is_as_long_as_the_slowest_waves_or_three_times_the_autocorrelation():
    folds = folds_of(400, step=2.0)
    decay = np.full(100, 5)
    assert block_length(None, decay, folds, None) == 3 * 5 * 2.0
    assert block_length(None, decay, folds, 40.0) == 40.0
    assert block_length(None, 5 * decay, folds, 40.0) == 150.0
    assert block_length(7.0, decay, folds, 40.0) == 7.0
    # Without drift to remove and autocorrelation, words stand alone.
    assert block_length(None, 0 * decay, folds, None) == 2.0


def test_few_units_get_every_flip_once_and_many_a_random_draw():
    signs, exact = sign_flips(3, 8, 0)
    assert exact
    assert len({tuple(row) for row in signs}) == 8
    signs, exact = sign_flips(4, 15, 0)
    assert not exact
    assert signs.shape == (15, 4)
    assert set(np.unique(signs)) == {-1.0, 1.0}


def test_people_share_shifts_where_they_have_the_same_samples():
    n = 120
    folds = make_folds(np.full(n, "a"), np.arange(n), np.ones(n, bool), 4, 0.0)
    usable = ~folds.test(1)
    usable[65:75] = False  # ten of the thirty samples of block 2
    own = folds.of_person(usable)
    study = draw_shifts(folds, 2000, 4, 0)
    hers = draw_shifts(folds, 2000, 4, 0, own)
    assert own.study_block.tolist() == [0, 2, 3]
    np.testing.assert_array_equal(hers[[0, 2]], study[[0, 3]])
    assert np.unique(hers[1]).tolist() == list(range(4, 17))
    assert (np.diff(hers[1][np.argsort(study[2])]) >= 0).all()
