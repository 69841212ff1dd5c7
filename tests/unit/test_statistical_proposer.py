import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from lmbrain.errors import LmbrainError
from lmbrain.hypotheses.backends import propose, verify
from lmbrain.hypotheses.groups import choose_groups
from lmbrain.hypotheses.hypothesis import Hypothesis, read_hypotheses, write_hypotheses
from lmbrain.hypotheses.joint import MINIMAL_OCCURRENCES
from lmbrain.hypotheses.properties import PROPERTIES, evaluate, values
from lmbrain.hypotheses.statistical import property_effects
from lmbrain.hypotheses.validity import rank

NEUTRAL = re.findall(
    r"\w+",
    """the a clerk lady uncle farmer cousin king he she they we it morning evening soon north
    church river bridge dog horse bread dinner coat never could must and but which saw seen went
    came walked said bought green of with by in on for from was is had house road street year""",
)
TOPICS = {
    "feelings": ["grief", "joy", "scared", "jealous", "lonely"],
    "physical": ["bent", "copper", "scraped", "mud", "squeezed", "rubber", "folded"],
    "figurative": ["as if", "like a", "as though"],
    "none": [],
}
OPENAI = {"model": "m", "base_url": "http://127.0.0.1:9/v1", "cache": "unused"}
PROPOSER = {
    **OPENAI,
    "backend": "statistical",
    "threshold": 2.0,
    "hypotheses": 8,
    "temperature": 1.0,
    "sentences_per_prompt": 5,
    "prompt": "{group_a} {group_b} {count}",
}
VERIFIER = {**OPENAI, "backend": "statistical", "prompt": "{hypothesis} {sentence}"}


def story(strengths, seed, n=400):
    """Sentences of four kinds in random order; divergence = strength of the kind + noise."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(list(TOPICS), n)
    texts = [sentence(kind, rng) for kind in kinds]
    divergence = np.array([strengths.get(k, 0.0) for k in kinds]) + rng.normal(size=n)
    return pd.DataFrame({"sentence": range(n), "text": texts, "divergence": divergence})


def sentence(kind, rng):
    """Neutral words in random order, some of them replaced by the kind's own."""
    words = list(rng.choice(NEUTRAL, rng.integers(7, 12)))
    if TOPICS[kind]:
        for place in rng.choice(len(words), 2, replace=False):
            words[place] = rng.choice(TOPICS[kind])
    return " ".join(words).capitalize() + "."


PLANTED = {"feelings": 1.8, "physical": 1.8, "figurative": 1.8}


@pytest.mark.parametrize("seed", range(4))
def test_all_three_planted_topics_are_proposed_and_confirmed(seed):
    groups = choose_groups(story(PLANTED, seed), 60, 8)
    hypotheses = propose(groups, 0, **PROPOSER)
    assert {h.property for h in hypotheses} >= set(PLANTED)
    ranked = rank(hypotheses, verify(hypotheses, groups, **VERIFIER), groups, 999, 0)
    confirmed = ranked.loc[ranked["p_partial_corrected"] < 0.05, "property"]
    assert set(confirmed) >= set(PLANTED)
    assert set(ranked["property"][:3]) == set(PLANTED)


def test_random_divergence_confirms_nothing_in_most_stories():
    confirmed = np.zeros(2)
    for seed in range(8):
        groups = choose_groups(story({}, seed, n=240), 30, 8)
        hypotheses = propose(groups, 0, **{**PROPOSER, "threshold": 1.0})
        ranked = rank(hypotheses, verify(hypotheses, groups, **VERIFIER), groups, 199, 0)
        assert len(ranked) > 0
        confirmed += (ranked[["p_corrected", "p_partial_corrected"]] < 0.05).any().to_numpy()
    assert (confirmed <= 2).all()


def test_z_is_calibrated_when_divergence_is_random():
    z = np.concatenate(
        [property_effects(choose_groups(story({}, s, n=240), 30, 8))["z"] for s in range(8)]
    )
    assert 0.8 < z.std() < 1.2


def test_effects_equal_least_squares_computed_by_hand():
    groups = choose_groups(story(PLANTED, 3), 60, 8)
    effects = property_effects(groups).set_index("property")
    research = groups[groups["half"] == "research"]
    table = values(list(effects.index), research["text"].tolist())
    n = len(research)
    order = np.argsort(np.argsort(research["divergence"].to_numpy()))
    y = norm.ppf((order + 0.5) / n)
    X = np.column_stack([np.ones(n), np.linspace(-1, 1, n), table])
    bread = np.linalg.inv(X.T @ X)
    beta = bread @ X.T @ y
    leverage = np.einsum("ij,jk,ik->i", X, bread, X)
    meat = (X * ((y - X @ beta) ** 2 / (1 - leverage))[:, None]).T @ X
    z = beta / np.sqrt(np.diag(bread @ meat @ bread))
    np.testing.assert_allclose(effects["coefficient"], beta[2:], rtol=1e-6)
    np.testing.assert_allclose(effects["z"], z[2:], rtol=1e-6)


def test_proposer_sees_only_the_research_half():
    groups = choose_groups(story(PLANTED, 0), 60, 8)
    changed = groups.copy()
    validation = changed["half"] == "validation"
    changed.loc[validation, "divergence"] = -changed.loc[validation, "divergence"]
    changed.loc[validation, "text"] = "Something else."
    assert propose(changed, 0, **PROPOSER) == propose(groups, 0, **PROPOSER)


def test_hypotheses_are_the_largest_effects_above_the_threshold_in_order():
    groups = choose_groups(story(PLANTED, 1), 60, 8)
    effects = property_effects(groups)
    found = propose(groups, 0, **{**PROPOSER, "hypotheses": 2})
    assert [h.property for h in found] == effects["property"][:2].tolist()
    assert [h.name for h in found] == ["h01", "h02"]
    assert found[0].text == PROPERTIES[found[0].property].statement
    assert found[0].provenance["z"] == effects["z"][0]
    assert propose(groups, 0, **{**PROPOSER, "threshold": 99.0}) == []


def test_properties_that_cannot_be_told_apart_enter_once():
    sentences = story({}, 0)
    sentences.loc[::4, "text"] = "The dog saw seven?"
    effects = property_effects(choose_groups(sentences, 60, 8))
    kept = set(effects["property"])
    assert np.isfinite(effects["z"]).all()
    assert "numbers" in kept and "question" not in kept


def test_rare_properties_stay_out_of_the_regression():
    groups = choose_groups(story(PLANTED, 0), 60, 8)
    effects = property_effects(groups)
    assert (effects["occurrences"] >= MINIMAL_OCCURRENCES).all()
    assert "question" not in set(effects["property"])


def test_verifier_scores_the_validation_half_by_the_rule():
    groups = choose_groups(story(PLANTED, 0), 10, 8)
    hypotheses = [Hypothesis("h01", "t", "feelings", {}), Hypothesis("h02", "t", "place", {})]
    verdicts = verify(hypotheses, groups, **VERIFIER)
    tested = groups[groups["half"] == "validation"]
    assert set(verdicts["sentence"]) == set(tested["sentence"])
    texts = groups.set_index("sentence")["text"]
    names = {"h01": "feelings", "h02": "place"}
    expected = [
        evaluate(names[h], texts[s])
        for h, s in zip(verdicts["hypothesis"], verdicts["sentence"], strict=True)
    ]
    assert verdicts["score"].tolist() == expected
    assert len(verdicts) == 2 * len(tested)


def test_statement_without_property_cannot_be_verified_by_rule():
    groups = choose_groups(story({}, 0), 10, 8)
    with pytest.raises(LmbrainError, match=r"h01.*openai"):
        verify([Hypothesis("h01", "It is odd.", None, {})], groups, **VERIFIER)


def test_short_story_and_equal_divergence_are_refused():
    with pytest.raises(LmbrainError, match="The research half has 10 sentences"):
        propose(choose_groups(story({}, 0, n=20), 4, 2), 0, **PROPOSER)
    flat = story({}, 0)
    flat["divergence"] = 1.0
    with pytest.raises(LmbrainError, match="same divergence"):
        propose(choose_groups(flat, 4, 2), 0, **PROPOSER)


def test_unknown_backends_are_refused():
    groups = choose_groups(story({}, 0), 10, 8)
    with pytest.raises(LmbrainError, match="'oracle'"):
        propose(groups, 0, **{**PROPOSER, "backend": "oracle"})
    with pytest.raises(LmbrainError, match="'oracle'"):
        verify([Hypothesis("h", "t", None, {})], groups, **{**VERIFIER, "backend": "oracle"})


def test_hypotheses_survive_writing_and_reading(tmp_path):
    found = propose(choose_groups(story(PLANTED, 0), 60, 8), 0, **PROPOSER)
    path = tmp_path / "hypotheses.jsonl"
    write_hypotheses(found, path, {"rule": "propose"})
    assert read_hypotheses(path) == found
    write_hypotheses([], path, {"rule": "propose"})
    assert read_hypotheses(path) == []
    assert '"rule": "propose"' in (tmp_path / "hypotheses.json").read_text()


def test_broken_hypotheses_file_is_refused_with_the_line(tmp_path):
    path = tmp_path / "hypotheses.jsonl"
    path.write_text('{"name": "h01"}\n')
    with pytest.raises(LmbrainError, match="line 1"):
        read_hypotheses(path)
    with pytest.raises(LmbrainError, match="does not exist"):
        read_hypotheses(tmp_path / "none.jsonl")
