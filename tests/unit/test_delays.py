import numpy as np
import pytest

from lmbrain.encoding.delays import (
    LOBES,
    delay_samples,
    delayed,
    nearest_samples,
    needed_gap,
    resampling_matrix,
)
from lmbrain.encoding.folds import Folds, gap_note
from lmbrain.errors import LmbrainError

TR = 2.0
ONE = np.array(["a"])


def placed(features, onsets, word_segment, times, segment):
    return resampling_matrix(onsets, word_segment, times, segment, TR) @ features


def test_resampling_is_the_kernel_written_out():
    rng = np.random.default_rng(0)
    onsets, times = np.sort(rng.uniform(-20, 100, 60)), TR * np.arange(40) + 0.3
    said, segment = rng.choice(["a", "b"], 60), np.repeat(["a", "b"], 20)
    features = rng.standard_normal((60, 4))
    u = (times[:, None] - onsets) / TR
    kernel = np.where(np.abs(u) < LOBES, np.sinc(u) * np.sinc(u / LOBES), 0)
    kernel *= segment[:, None] == said
    found = placed(features, onsets, said, times, segment)
    np.testing.assert_allclose(found, kernel @ features, atol=1e-12)


def test_slow_features_are_sampled_and_fast_ones_suppressed():
    onsets = np.arange(0, 400, 0.1)
    times = TR * np.arange(200)
    slow, fast = np.sin(2 * np.pi * onsets / 40), np.sin(2 * np.pi * onsets / 2.6)
    both = np.stack([slow, fast], 1)
    found = placed(both, onsets, ONE.repeat(4000), times, ONE.repeat(200))
    middle = slice(5, -5)
    expected = 20 * np.sin(2 * np.pi * times / 40)  # 20 words a volume
    np.testing.assert_allclose(found[middle, 0], expected[middle], atol=0.3)
    assert np.abs(found[middle, 1]).max() < 3


def test_a_word_touches_no_sample_of_another_stretch_nor_beyond_the_kernel():
    segment = np.repeat(["a", "b"], 20)
    times = np.tile(TR * np.arange(20), 2)
    found = placed(np.ones((1, 1)), np.array([20.0]), ONE, times, segment)
    touched = np.flatnonzero(np.abs(found[:, 0]) > 1e-12)
    np.testing.assert_array_equal(touched, [10])  # the kernel is 0 at the other samples
    found = placed(np.ones((1, 1)), np.array([21.0]), ONE, times, segment)
    np.testing.assert_array_equal(np.flatnonzero(found[:, 0]), np.arange(8, 14))


def test_a_word_starts_during_the_nearest_sample_of_its_stretch_or_none():
    segment, times = np.repeat(["a", "b"], 3), np.array([0, 2, 4, 4, 6, 8.0])
    onsets = np.array([-1.5, -0.9, 1.1, 4.9, 5.2, 2.5, 8.0])
    said = np.array(["a", "a", "a", "a", "a", "b", "b"])
    found = nearest_samples(onsets, said, times, segment, TR)
    np.testing.assert_array_equal(found, [-1, 0, 1, 2, -1, -1, 5])


def test_delays_are_the_whole_samples_inside_the_window():
    assert delay_samples(0.0, 12.0, TR) == [0, 1, 2, 3, 4, 5, 6]
    assert delay_samples(1.0, 5.9, TR) == [1, 2]
    assert delay_samples(0.3, 0.9, 0.1) == [3, 4, 5, 6, 7, 8, 9]
    assert len(delay_samples(0.025, 1.0, 0.025)) == 40
    with pytest.raises(LmbrainError, match="no multiple of the repetition time 2 s"):
        delay_samples(2.5, 3.5, TR)


def test_delayed_copies_stay_inside_their_stretch():
    segment = np.array(list("aaabbb"))
    values = np.arange(1.0, 7.0)[:, None]
    design = delayed(values, [0, 2, -1], segment)
    np.testing.assert_array_equal(design[:, 0], values[:, 0])
    np.testing.assert_array_equal(design[:, 1], [0, 0, 1, 0, 0, 4])
    np.testing.assert_array_equal(design[:, 2], [2, 3, 0, 5, 6, 0])


def test_the_gap_adds_context_delays_and_kernel():
    position = np.array([0, 1, 2, 10, 11, 0, 1, 30.0])
    story = np.array(list("aaaaabbb"))

    def gap(context, start, stop):
        return needed_gap(position, story, context, {"start": start, "stop": stop}, TR)

    kernel = 2 * LOBES * TR
    assert gap(1, 0, 0) == kernel
    assert gap(2, 0, 0) == 29 + kernel  # 1 to 30 s in story b
    assert gap(20, 0, 0) == 30 + kernel  # never over two stories
    assert gap(1, 0, 7) == 6 + kernel  # whole samples
    assert gap(1, -4, 6) == 10 + kernel
    assert gap(1, 4, 6) == 6 + kernel
    assert needed_gap(position, story, 20, None, None) == 20


@pytest.mark.parametrize("context", [1, 2, 5, 20])
def test_a_gap_is_noted_just_where_context_windows_share_a_word_with_a_test_block(context):
    n = 150
    position, story = np.arange(1.0, n + 1), np.repeat("a", n)
    heard = [set(range(max(0, i - context + 1), i + 1)) for i in range(n)]
    needed = needed_gap(position, story, context, None, None)
    for gap in range(context + 2):
        folds = Folds(np.repeat([0, 1, 2], n // 3), position, story, story, gap)
        trained = set().union(*(heard[i] for i in np.flatnonzero(folds.train(1))))
        tested = set().union(*(heard[i] for i in np.flatnonzero(folds.test(1))))
        assert bool(trained & tested) == bool(gap_note(gap, needed, "words")), gap
    assert not trained & tested
    assert needed == context
