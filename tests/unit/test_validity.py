from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from lmbrain.errors import LmbrainError
from lmbrain.hypotheses.groups import choose_groups, members
from lmbrain.hypotheses.hypothesis import Hypothesis
from lmbrain.hypotheses.joint import joint_effects
from lmbrain.hypotheses.validity import COLUMNS, exchange_p_values, rank


@pytest.fixture
def groups():
    n = 80
    return choose_groups(
        pd.DataFrame(
            {
                "sentence": range(n),
                "text": [f"Sentence {i}." for i in range(n)],
                "divergence": np.random.default_rng(0).normal(size=n),
            }
        ),
        10,
        4,
    )


def hypotheses(count):
    return [Hypothesis(f"h{i}", f"Statement {i}.", None, {}) for i in range(count)]


def judged(groups, score):
    """Verdicts on the validation half; `score(hypothesis number, sentence, is divergent)`."""
    validation = groups[groups["half"] == "validation"]
    return pd.DataFrame(
        [
            {"hypothesis": f"h{i}", "sentence": s, "score": score(i, s, g == "divergent")}
            for s, g in zip(validation["sentence"], validation["group"], strict=True)
            for i in range(4)
        ]
    )


@pytest.fixture
def verdicts(groups):
    rng = np.random.default_rng(1)
    return judged(groups, lambda i, s, a: np.clip(0.15 * i * a + rng.uniform(0, 0.6), 0, 1))


def split(verdicts, groups, name):
    scores = verdicts[verdicts["hypothesis"] == name].set_index("sentence")["score"]
    return [
        scores[members(groups, "validation", g)["sentence"]].to_numpy()
        for g in ("divergent", "convergent")
    ]


def test_published_columns_follow_their_formulas(groups, verdicts):
    table = rank(hypotheses(4), verdicts, groups, 99, 0).set_index("hypothesis")
    for name, row in table.iterrows():
        a, b = split(verdicts, groups, name)
        t, p = stats.ttest_ind(a, b, alternative="greater")
        assert row["validity"] == pytest.approx(a.mean() - b.mean())
        assert row["se"] == pytest.approx(np.sqrt(np.var(a) / 10 + np.var(b) / 10))
        assert (row["t"], row["p_published"]) == pytest.approx((t, p))
        assert (row["n_a"], row["n_b"]) == (10, 10)


def test_ranked_by_validity_and_corrected_over_all(groups, verdicts):
    table = rank(hypotheses(4), verdicts, groups, 499, 0)
    assert tuple(table.columns) == COLUMNS
    assert table["rank"].tolist() == [1, 2, 3, 4]
    assert table["validity"].is_monotonic_decreasing
    holm = multipletests(table["p"], method="holm")[1]
    np.testing.assert_allclose(table["p_corrected"], holm)
    assert table["hypothesis"][0] == "h3"
    assert table["p_corrected"][0] < 0.05


def test_same_seed_gives_the_same_table(groups, verdicts):
    first = rank(hypotheses(4), verdicts, groups, 99, 5)
    pd.testing.assert_frame_equal(first, rank(hypotheses(4), verdicts, groups, 99, 5))


def test_exact_p_counts_all_exchanges():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, (3, 4)) / 3, rng.integers(0, 4, (3, 5)) / 3
    scores = np.hstack([a, b])
    for row, p in enumerate(exchange_p_values(a, b, 126, 0)):
        differences = []
        for chosen in combinations(range(9), 4):
            mask = np.isin(np.arange(9), chosen)
            differences.append(scores[row, mask].mean() - scores[row, ~mask].mean())
        observed = a[row].mean() - b[row].mean()
        assert p == pytest.approx(np.mean(np.array(differences) >= observed - 1e-9))


def test_random_exchanges_approach_the_exact_p():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.6, 1, (2, 6)), rng.normal(0, 1, (2, 6))
    exact = exchange_p_values(a, b, 924, 0)
    np.testing.assert_allclose(exchange_p_values(a, b, 923, 0), exact, atol=0.05)
    np.testing.assert_allclose(
        exchange_p_values(np.tile(a, 3), np.tile(b, 3), 4000, 0),
        stats.permutation_test(
            (np.tile(a, 3), np.tile(b, 3)),
            lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
            axis=1,
            alternative="greater",
            n_resamples=4000,
            rng=1,
        ).pvalue,
        atol=0.03,
    )


def test_p_is_uniform_when_groups_do_not_differ():
    rng = np.random.default_rng(3)
    p = exchange_p_values(rng.random((400, 12)), rng.random((400, 12)), 199, 0)
    assert 0.02 < (p <= 0.05).mean() < 0.09
    assert p.min() >= 1 / 200


def test_lower_in_divergent_sentences_is_no_evidence(groups):
    table = rank(hypotheses(4), judged(groups, lambda i, s, a: float(not a)), groups, 199, 0)
    assert (table["validity"] == -1).all()
    assert (table["p"] == 1).all()


def test_constant_scores_give_p_1_and_no_t(groups):
    table = rank(hypotheses(4), judged(groups, lambda i, s, a: 0.5), groups, 99, 0)
    assert (table["p"] == 1).all()
    assert table["t"].isna().all()
    assert table["z_partial"].isna().all()


def test_examples_are_the_best_scored_sentences_of_each_group(groups, verdicts):
    table = rank(hypotheses(4), verdicts, groups, 99, 0).set_index("hypothesis")
    scores = verdicts[verdicts["hypothesis"] == "h2"].set_index("sentence")["score"]
    for column, group in (("examples_for", "divergent"), ("examples_against", "convergent")):
        best = scores[members(groups, "validation", group)["sentence"]].nlargest(3).index
        assert table.loc["h2", column] == ",".join(map(str, best))


def test_sentences_for_which_nothing_holds_are_no_examples(groups):
    table = rank(hypotheses(4), judged(groups, lambda i, s, a: float(a)), groups, 99, 0)
    assert (table["examples_against"] == "").all()
    assert (table["examples_for"] != "").all()


def test_no_hypothesis_gives_an_empty_table_with_its_columns(groups):
    verdicts = pd.DataFrame({"hypothesis": [], "sentence": [], "score": []})
    table = rank([], verdicts, groups, 99, 0)
    assert table.empty
    assert tuple(table.columns) == COLUMNS


def test_incomplete_doubled_and_impossible_verdicts_are_refused(groups, verdicts):
    with pytest.raises(LmbrainError, match="lack h"):
        rank(hypotheses(4), verdicts.iloc[1:], groups, 99, 0)
    with pytest.raises(LmbrainError, match="twice"):
        rank(hypotheses(4), pd.concat([verdicts, verdicts.iloc[:1]]), groups, 99, 0)
    wrong = verdicts.copy()
    wrong.loc[0, "score"] = 1.5
    with pytest.raises(LmbrainError, match=r"is 1\.5"):
        rank(hypotheses(4), wrong, groups, 99, 0)


def test_partial_effect_finds_a_kind_that_others_crowd_out_of_the_top_group():
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 300)
    sentences = pd.DataFrame(
        {
            "sentence": range(300),
            "text": "Some words.",
            "divergence": np.array([0, 1.5, 4])[kinds] + rng.normal(size=300),
        }
    )
    groups = choose_groups(sentences, 40, 6)
    verdicts = judged(groups, lambda i, s, a: float(kinds[s] == i))
    table = rank(hypotheses(4)[1:3], verdicts, groups, 199, 0).set_index("hypothesis")
    assert table.loc["h1", "p"] > 0.5
    assert (table["p_partial_corrected"] < 0.001).all()


def test_partial_effect_is_calibrated_when_scores_are_random():
    rng = np.random.default_rng(0)
    z = [joint_effects(rng.normal(size=60), rng.random((60, 6)))[1] for _ in range(60)]
    assert abs(np.mean(z)) < 0.25
    assert 0.8 < np.std(z) < 1.25


def test_paraphrase_has_no_partial_effect_of_its_own(groups, verdicts):
    twin = verdicts[verdicts["hypothesis"] == "h3"].assign(hypothesis="h0")
    twice = pd.concat([verdicts[verdicts["hypothesis"] != "h0"], twin])
    table = rank(hypotheses(4), twice, groups, 99, 0).set_index("hypothesis")
    assert table["z_partial"].isna().tolist() == [name == "h3" for name in table.index]
    assert table["p_partial_corrected"].isna().sum() == 1
