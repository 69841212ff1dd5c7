"""The reduced calibration: every judged test keeps its level, and a broken one is caught."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lmbrain.calibration import false_positives as calibrated
from lmbrain.calibration.cohorts import Plan
from lmbrain.calibration.false_positives import LEVELS, chain, false_positives, parametric_p
from lmbrain.calibration.rates import PART_LEVEL, summarise
from lmbrain.inference.fits import Fit

PLAN = Plan(words=500, stories=4, cohorts=8, features=12, folds=10, gap=10.0, resamples=999)


@pytest.fixture(scope="module")
def counted():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrated, "_PEOPLE_VALUES", 0)
        return false_positives("ar80", PLAN, 0)


def test_every_test_is_counted_once_a_story_and_level(counted):
    counts, measured = counted
    sizes = counts.groupby(["test", "level"]).size()
    assert (sizes == PLAN.stories).all()
    assert sizes.index.get_level_values("level").unique().tolist() == sorted(LEVELS)
    tests = counts.drop_duplicates("test").set_index("test")["tests"]
    assert tests["chance: target"] == PLAN.cohorts * calibrated.TARGETS
    assert tests["chance: family"] == PLAN.cohorts
    assert tests["chance, unequal people: target"] == calibrated.TARGETS
    assert measured["lag1"][0] == pytest.approx(0.8, abs=0.05)
    assert measured["lag1_cleared"][0] < measured["lag1"][0]


def test_judged_tests_hold_and_the_published_ones_are_shown_to_fail(counted):
    table = summarise(counted[0])
    assert table.loc[table["judged"], "holds"].all()
    beside = table[~table["judged"] & (table["level"] == 0.05)].set_index("test")["rate"]
    assert beside["chance, parametric: target"] > 0.15
    assert beside["chance, permuted words: target"] > 0.15
    assert (table["bound"] == PART_LEVEL / table["judged"].sum()).all()


def test_the_same_seed_gives_the_same_counts_and_another_one_others(monkeypatch):
    monkeypatch.setattr(calibrated, "_PEOPLE_VALUES", 0)
    small = Plan(words=400, stories=2, cohorts=4, features=8, folds=5, gap=5.0, resamples=99)
    first, again, other = (false_positives("ar0", small, seed)[0] for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["rejections"].equals(other["rejections"])
    assert first["level"].unique().tolist() == [0.05]  # 99 resamples cannot give p of .001


def test_a_test_that_forgets_what_folds_share_is_caught(monkeypatch):
    # Without the correction of Nadeau & Bengio some 12% reject at .05.
    monkeypatch.setattr("lmbrain.inference.significance.counted_twice", lambda folds: 1.0)
    plan = Plan(words=1500, stories=24, cohorts=8, features=12, folds=5, gap=5.0, resamples=99)
    monkeypatch.setattr(calibrated, "_comparison", lambda *arguments: iter(()))
    monkeypatch.setattr(calibrated, "_people", lambda *arguments: iter(()))
    monkeypatch.setattr(calibrated, "_unequal", lambda *arguments: iter(()))
    table = summarise(false_positives("ar0", plan, 0)[0])
    target = table[(table["test"] == "chance: target") & (table["level"] == 0.05)]
    assert not target["holds"].any()


def test_tests_over_people_of_whom_half_lack_half_of_the_story_keep_their_level(monkeypatch):
    for other in ("_chance", "_comparison", "_people"):
        monkeypatch.setattr(calibrated, other, lambda *arguments: iter(()))
    plan = Plan(words=500, stories=4, cohorts=80, features=8, folds=10, gap=10.0, resamples=199)
    table = summarise(false_positives("ar80", plan, 0)[0]).set_index("test")
    assert len(table) == 2
    assert (table["tests"] == 400).all()
    assert table["holds"].all()
    assert table["rate"].between(0.002, 0.05).all()
    # What folds share is counted for these people, too.
    monkeypatch.setattr("lmbrain.inference.significance.counted_twice", lambda folds: 1.0)
    kept = table.loc["chance, unequal people: target", "rate"]
    table = summarise(false_positives("ar80", plan, 0)[0]).set_index("test")
    assert table.loc["chance, unequal people: target", "rate"] > kept + 0.03


def test_parametric_p_is_that_of_a_correlation_of_all_words():
    rng = np.random.default_rng(0)
    y, x = rng.standard_normal((2, 60))
    r = np.corrcoef(y, x)[0, 1]
    fit = Fit(x[:, None], np.full((3, 1), r), np.full((3, 1), r))
    expected = stats.pearsonr(y, x, alternative="greater").pvalue
    assert parametric_p(y[:, None], fit, np.ones(60, bool))[0] == pytest.approx(expected)


def test_targets_of_a_chain_touch_the_next_ones():
    np.testing.assert_array_equal(chain(4).toarray(), np.eye(4, k=1) + np.eye(4, k=-1) > 0)
