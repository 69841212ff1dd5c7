import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from lmbrain.calibration import study
from lmbrain.calibration.recovery import auc, auc_interval


def test_auc_is_the_chance_that_a_planted_value_beats_another():
    rng = np.random.default_rng(0)
    values, positive = rng.integers(0, 6, 200).astype(float), rng.random(200) < 0.3
    values[::17] = np.nan
    finite = np.isfinite(values)
    one, other = values[finite & positive], values[finite & ~positive]
    expected = stats.mannwhitneyu(one, other).statistic / (len(one) * len(other))
    assert auc(values, positive) == pytest.approx(expected)
    assert np.isnan(auc(values, np.zeros(200, bool)))


def test_the_interval_of_an_auc_is_wider_where_neighbours_are_alike():
    rng, blocks = np.random.default_rng(1), np.repeat(np.arange(40), 10)
    positive = np.repeat(rng.random(40) < 0.4, 10)
    alike = np.repeat(rng.standard_normal(40), 10)
    low, high = auc_interval(alike, positive, blocks, 0)
    assert low < auc(alike, positive) < high
    alone = auc_interval(alike, positive, np.arange(400), 0)
    assert high - low > 2 * (alone[1] - alone[0])


def test_intervals_of_useless_scores_hold_one_half():
    rng, blocks = np.random.default_rng(2), np.repeat(np.arange(60), 5)
    held = 0
    for seed in range(30):
        low, high = auc_interval(rng.standard_normal(300), rng.random(300) < 0.2, blocks, seed)
        held += low <= 0.5 <= high
    assert held >= stats.binom.ppf(0.0005, 30, 0.93)


def significance(found):
    return xr.Dataset({"p_fwe": (("sensor", "time"), np.where(found, 0.01, 0.5))})


def test_encoding_found_beside_what_was_planted_is_a_false_find():
    planted = np.array([[True, False], [True, True]])
    inside, beside = study.encoding_checks(significance(planted), planted)
    assert inside.found and inside.expected and not beside.found
    _, beside = study.encoding_checks(significance(~planted), planted)
    assert beside.found and not beside.expected
    nothing = study.encoding_checks(significance(np.zeros((2, 2), bool)), np.zeros((2, 2), bool))
    assert all(check.found == check.expected for check in nothing)


def test_planted_words_are_found_by_a_score_that_follows_them_only():
    rng = np.random.default_rng(3)
    latents = pd.DataFrame({"physical": (rng.random(400) < 0.1) * 0.7})
    blocks = np.repeat(np.arange(40), 10)
    noise = rng.standard_normal(400)
    follows = noise + 2 * latents["physical"].to_numpy()
    found = study.divergence_check(follows, latents, blocks, 0)
    missed = study.divergence_check(noise, latents, blocks, 0)
    assert found.found and found.expected
    assert missed.expected and not missed.found


def comparison(p):
    return xr.Dataset({"window_p_corrected": ("window", [p]), "window_gain": ("window", [0.01])})


def test_a_gain_of_an_unplanted_domain_is_a_false_find():
    table = pd.DataFrame(
        {
            "model": ["a", "a", "b"],
            "category": ["a", "b", "b"],
            "gain": [0.01, 0.0, 0.01],
            "p_corrected": [0.01, 0.9, 0.01],
        }
    )
    models = {"a": comparison(0.9), "b": comparison(0.9)}
    checks = study.tuning_checks(models, table, ["a"])
    assert [(c.found, c.expected) for c in checks] == [(True, True), (True, False)]
    without = study.tuning_checks(models, None, ["a"])
    assert [(c.found, c.expected) for c in without] == [(False, True), (False, False)]


def test_what_holds_in_a_null_cohort_is_a_false_find():
    assert study.beyond_check(comparison(0.01), planted=False).found
    held = study.hypothesis_check(["The sentence names a colour."], [])
    assert held.found and not held.expected and "colour" in held.detail
