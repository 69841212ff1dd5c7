"""Detection, leaks, coverage and power: what they measure is what is there."""

import numpy as np
import pandas as pd
import pytest

from lmbrain.calibration import leaks
from lmbrain.calibration.cohorts import Plan, generator
from lmbrain.calibration.coverage import coverage, interval_samples
from lmbrain.calibration.detection import (
    DECOYS,
    PEOPLE,
    detect,
    make_cohort,
    recovery,
    summarise_detection,
)
from lmbrain.calibration.power import (
    BINS,
    SENSORS,
    grid,
    planted_targets,
    power,
    power_curves,
)
from lmbrain.divergence import MEASURES
from lmbrain.errors import LmbrainError

SMALL = Plan(words=400, stories=2, cohorts=4, features=8, folds=5, gap=5.0, resamples=99)


def test_planted_words_and_decoys_are_apart_and_as_many_as_stated():
    cohort = make_cohort(800, 1.0, 0.3, np.random.default_rng(0))
    masks = np.array([cohort.planted, *cohort.decoys.values()])
    assert (masks.sum(axis=0) <= 1).all()
    assert masks.sum(axis=1).tolist() == [50, 40, 40, 40]


def shared_energy(cohort, words):
    """Mean product of two people's responses, over pairs, at some words."""
    mean = [y - y.mean(axis=0) for y in cohort.responses]
    total = np.sum(mean, axis=0)
    own = sum(np.square(y) for y in mean)
    return float((np.square(total) - own)[words].mean() / (PEOPLE * (PEOPLE - 1)))


def test_people_share_planted_and_explained_responses_and_no_private_ones():
    cohort = make_cohort(4000, 1.0, 0.3, np.random.default_rng(1))
    plain = ~(cohort.planted | np.any(list(cohort.decoys.values()), axis=0))
    beyond = {
        name: shared_energy(cohort, mask) - shared_energy(cohort, plain)
        for name, mask in {"planted": cohort.planted, **cohort.decoys}.items()
    }
    assert beyond["planted"] > 0.03
    assert beyond["explained_by_lm"] > 0.1
    assert beyond["explained_by_controls"] > 0.1
    assert abs(beyond["private"]) < 0.02
    energy = np.mean([np.square(y).mean(axis=(1, 2)) for y in cohort.responses], axis=0)
    assert energy[cohort.decoys["private"]].mean() > energy[plain].mean() + 0.05


def test_nothing_is_planted_at_strength_0():
    with_words, without = (
        make_cohort(2000, strength, 0.3, np.random.default_rng(2)) for strength in (1.0, 0.0)
    )
    # The same draws: only planted words (and the decoys' strength) differ.
    apart = [
        np.abs(a - b).max(axis=(1, 2))
        for a, b in zip(with_words.responses, without.responses, strict=True)
    ]
    planted = with_words.planted
    assert (np.min(apart, axis=0)[planted] > 0).all()
    plain = ~(planted | np.any(list(with_words.decoys.values()), axis=0))
    assert np.max(apart, axis=0)[plain].max() < 1e-6


def test_recovery_scores_a_perfect_and_a_reversed_measure():
    cohort = make_cohort(400, 1.0, 0.3, np.random.default_rng(0))
    energy = np.random.default_rng(1).random(400)
    scores = pd.DataFrame(
        {"gap": cohort.planted + 0.1, "skill": cohort.planted + energy, "response_energy": energy}
    )
    found = recovery(scores, cohort).set_index("measure")
    assert found.loc["gap", ["auc_words", "auc_sentences"]].tolist() == [1, 1]
    assert found.loc["gap", [f"auc_{name}" for name in DECOYS]].tolist() == [1, 1, 1]
    # High skill is low divergence.
    assert found.loc["skill", "auc_words"] < 0.1


def test_strong_planted_words_are_found_by_the_default_measure_and_not_by_squared_error():
    found = detect(1000, 1.0, 0.3, 3, 0)
    assert set(found["people"]) == {"group", "average", "single"}
    group = found[found["people"] == "group"].set_index("measure")
    assert set(MEASURES) <= set(group.index)
    assert group.loc["residual_product_generalised", "auc_words"] > 0.75
    assert group.loc["squared_error", "auc_words"] < 0.65
    assert group.loc["squared_error", "energy"] > 0.8
    table = summarise_detection(pd.concat([found, found.assign(auc_words=1 - found["auc_words"])]))
    assert (table["cohorts"] == 2).all()
    np.testing.assert_allclose(table["auc_words"], 0.5)


@pytest.mark.parametrize("name", leaks.ATTACKS)
def test_an_attack_leaks_where_it_may_and_nowhere_else(name):
    attempts = 3 if name == "window_straddling" else 6
    r = np.array([leaks.ATTACKS[name](generator(1, name, i)) for i in range(attempts)])
    honest, leaky = r.mean(axis=0)
    error = r[:, 0].std(ddof=1) / np.sqrt(len(r))
    assert abs(honest) < 4 * error + 0.01
    assert leaky > 0.1


def test_denoising_that_ignores_the_folds_is_caught_within_twenty_attempts(monkeypatch):
    monkeypatch.setattr(leaks, "ATTACKS", {"denoising": leaks.denoising})
    monkeypatch.setattr(leaks, "DENOISED", 20)
    row = leaks.leak_tests(6, 0).iloc[0]
    assert row["error"] * np.sqrt(6 / 20) < 0.05
    assert abs(row["r"]) < row["r_leaky"] / 3
    assert row["tight"]
    whole = leaks.denoised_targets

    def ignores(*data, within_folds):
        return whole(*data, within_folds=False)

    monkeypatch.setattr(leaks, "denoised_targets", ignores)
    assert not leaks.leak_tests(6, 0)["tight"].any()


def test_a_step_that_leaks_is_called_so(monkeypatch):
    def leaks_everywhere(rng):
        return 0.3 + 0.01 * rng.standard_normal(), 0.3 + 0.01 * rng.standard_normal()

    def attack_without_teeth(rng):
        return 0.01 * rng.standard_normal(), 0.01 * rng.standard_normal()

    attacks = {"open": leaks_everywhere, "toothless": attack_without_teeth}
    monkeypatch.setattr(leaks, "ATTACKS", attacks)
    table = leaks.leak_tests(20, 0).set_index("attack")
    assert table["tight"].to_dict() == {"open": False, "toothless": False}


def intervals(half, stories=400, size=5):
    """Intervals of means of standard normal values."""
    rng = np.random.default_rng(0)
    estimate = rng.standard_normal(stories * size)
    return pd.DataFrame(
        {
            "noise": "ar0",
            "words": 400,
            "effect": "r",
            "strength": 0.1,
            "story": np.repeat(np.arange(stories), size),
            "estimate": estimate,
            "low": estimate - half,
            "high": estimate + half,
        }
    )


@pytest.mark.parametrize(
    ("half", "inside", "holds"), [(1.96, True, True), (1.4, False, False), (3.0, False, True)]
)
def test_intervals_too_narrow_fail_and_too_wide_ones_are_said(half, inside, holds):
    table = coverage(intervals(half))
    assert table["holds"].tolist() == [holds]
    assert table["inside"].tolist() == [inside]
    if inside:
        assert table["coverage"][0] == pytest.approx(0.95, abs=0.015)


def test_no_interval_is_no_coverage():
    with pytest.raises(LmbrainError, match="no interval"):
        coverage(intervals(1.96).iloc[:0])


def test_interval_samples_hold_every_effect_of_every_story():
    table = interval_samples("ar0", SMALL, [0.1, 0.8], 0)
    assert table.groupby(["effect", "strength", "story"]).size().min() >= 1
    r = table[table["effect"] == "r"].groupby("strength")
    assert r.size().tolist() == [8, 8]
    assert r["estimate"].mean()[0.8] > r["estimate"].mean()[0.1] + 0.3
    assert (table["low"] <= table["estimate"]).all() and (table["estimate"] <= table["high"]).all()


def test_the_grid_joins_neighbours_in_space_and_in_time():
    adjacency = grid().toarray()
    here = 3 * BINS + 4
    expected = {2 * BINS + 4, 4 * BINS + 4, 3 * BINS + 3, 3 * BINS + 5}
    assert set(np.flatnonzero(adjacency[here])) == expected
    assert np.flatnonzero(planted_targets()).min() == 2 * BINS + 3


def test_power_curves_set_thresholds_on_null_cohorts():
    rng = np.random.default_rng(0)
    null = pd.DataFrame({"strength": 0.0, "smallest": rng.random(200), "smallest_planted": 1.0})
    effect = pd.DataFrame({"strength": 1.0, "smallest": 0.0, "smallest_planted": rng.random(100)})
    cohorts = pd.concat([null, effect]).assign(noise="ar0", words=400, question="chance", test="a")
    cohorts["story"] = np.arange(len(cohorts)) // 10
    table = power_curves(cohorts).set_index("strength")
    threshold = table.loc[1.0, "threshold"]
    assert (null["smallest"] <= threshold).sum() == 10
    assert table.loc[1.0, "equal"] == (effect["smallest_planted"] <= threshold).mean()
    assert table.loc[1.0, "nominal"] == (effect["smallest_planted"] <= 0.05).mean()


def test_power_finds_strong_effects_and_is_drawn_for_every_test_and_strength():
    plan = Plan(words=1600, stories=1, cohorts=3, features=8, folds=5, gap=5.0, resamples=99)
    cohorts = power("ar0", plan, [0.0, 1.0], 0)
    assert len(cohorts.groupby("test")) == 9
    assert set(power_curves(cohorts)["test"]) == set(cohorts["test"])
    assert (cohorts.groupby(["test", "strength"]).size() == 3).all()
    strong = cohorts[(cohorts["strength"] == 1.0)].groupby("test")["smallest_planted"].max()
    assert strong["jackknife, window as planted"] < 0.05
    assert strong["block flips, maximum"] < 0.05
    assert len(planted_targets()) == SENSORS * BINS
