import numpy as np
import pandas as pd
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.responses import continuous, read_responses
from lmbrain.samples import common_samples, segment_names
from lmbrain.words import make_words

ONE = make_words(["s"], ["01"], ["a"], np.zeros(1), np.ones(1))


def made(n=6, story=None, run=None, times=None):
    values = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    times = 2.0 * np.arange(n) if times is None else times
    return continuous(pd.DataFrame(values, columns=["left", "right"]), times, story, run)


def two_stories():
    """Story a in two runs, story b in the second of them, behind a on the same clock."""
    story = ["a"] * 4 + ["a"] * 3 + ["b"] * 3
    run = ["01"] * 4 + ["02"] * 6
    times = np.array([10, 12, 14, 16, 5, 7, 9, 11, 13, 15.0])
    words = make_words(
        ["a", "a", "a", "b"],
        ["01", "01", "02", "02"],
        ["one", "two", "three", "four"],
        np.array([10.5, 15, 6, 12]),
        np.full(4, 0.5),
    )
    return made(10, story, run, times), words


def test_people_with_other_samples_are_refused_by_file():
    with pytest.raises(LmbrainError, match="second"):
        common_samples([made(), made(5)], ONE, ["first", "second"])
    with pytest.raises(LmbrainError, match="second differs from first in the seconds"):
        common_samples([made(), made(times=2.0 * np.arange(6) + 1)], ONE, ["first", "second"])
    labelled = made(story=["s"] * 6)
    with pytest.raises(LmbrainError, match="second differs from first in the story"):
        common_samples([made(), labelled], ONE, ["first", "second"])


def test_a_sample_of_the_study_is_usable_in_somebody():
    first, second = made(), made()
    first["usable"][2:4] = False
    second["usable"][1:3] = False
    samples = common_samples([first, second], ONE, ["first", "second"])
    assert samples.usable.tolist() == [True, True, False, True, True, True]
    assert samples.position.tolist() == [0, 2, 4, 6, 8, 10]
    assert set(samples.story) == {"s"}
    assert set(samples.run) == {"01"}


def test_a_run_that_nobody_was_recorded_for_stops_by_name():
    responses, words = two_stories()
    responses["usable"][4:6] = False
    common_samples([responses], words, ["bold"])
    responses["usable"][6] = False
    with pytest.raises(LmbrainError, match="Nobody has a usable response to story a, run 02"):
        common_samples([responses], words, ["bold"])
    other = responses.copy()
    other["usable"] = ~responses["usable"]
    common_samples([responses, other], words, ["bold", "other"])
    epochs = made(4).drop_vars("seconds")
    epochs["usable"][3] = False
    with pytest.raises(LmbrainError, match="story b, run 02"):
        common_samples([epochs], words, ["epo"])


def test_runs_of_a_story_lie_end_to_end_and_another_story_keeps_its_clock():
    responses, words = two_stories()
    samples = common_samples([responses], words, ["bold"])
    # run 02 of story a begins at 5 s on its clock, one volume after 16 s of run 01
    assert samples.position.tolist() == [10, 12, 14, 16, 18, 20, 22, 11, 13, 15]
    assert samples.item_position.tolist() == [10.5, 15, 19, 12]
    assert samples.run.tolist() == ["01"] * 4 + ["02"] * 6


def test_story_and_run_survive_the_file(tmp_path):
    responses, words = two_stories()
    responses.to_dataset().to_netcdf(tmp_path / "sub-01.nc")
    read = common_samples([read_responses(tmp_path / "sub-01.nc")], words, ["sub-01.nc"])
    made_up = common_samples([responses], words, ["bold"])
    np.testing.assert_array_equal(read.story, made_up.story)
    np.testing.assert_array_equal(read.position, made_up.position)


def test_labels_that_are_missing_or_do_not_fit_the_words_are_refused():
    responses, words = two_stories()
    with pytest.raises(LmbrainError, match="which story each sample belongs to.*has 2"):
        common_samples([responses.drop_vars("story")], words, ["bold"])
    with pytest.raises(LmbrainError, match="which run each sample belongs to"):
        common_samples([responses.drop_vars("run")], words, ["bold"])
    with pytest.raises(LmbrainError, match="samples of story b, run 02 but the words table"):
        common_samples([responses], words.iloc[:3], ["bold"])
    with pytest.raises(LmbrainError, match="no sample of story b, run 02"):
        common_samples([responses.isel(sample=slice(7))], words, ["bold"])


@pytest.mark.parametrize("times", [[0, 2, 4, 8, 10, 12.0], [0, 2, 4, 3, 5, 7.0]])
def test_a_clock_with_a_hole_or_a_step_back_is_refused_by_row(times):
    with pytest.raises(LmbrainError, match=r"bold, row 4 \(story s, run 01\)"):
        common_samples([made(times=np.array(times))], ONE, ["bold"])


def test_trimming_takes_seconds_off_both_ends_of_every_run_and_story():
    responses, words = two_stories()
    samples = common_samples([responses], words, ["bold"]).trimmed(2.0, 1.0)
    kept = [False, True, True, False, False, True, False, False, True, False]
    assert samples.usable.tolist() == kept
    with pytest.raises(LmbrainError, match=r"encoding\.trim.*story a, run 02"):
        samples.trimmed(4.0, 2.0)


def test_word_locked_samples_are_counted_in_words_over_the_runs_of_a_story():
    words = make_words(
        ["a", "a", "a", "b"], ["01", "01", "02", "02"], ["one", "+", "two", "x"],
        np.array([1.0, 2, 1, 3]), np.ones(4),
    )  # fmt: skip
    epochs = made(4).drop_vars("seconds")
    samples = common_samples([epochs], words, ["epo"])
    assert samples.position.tolist() == [1, 1, 2, 1]
    assert samples.run.tolist() == ["01", "01", "02", "02"]
    assert segment_names(samples.story, samples.run).tolist()[-1] == "b\t02"
