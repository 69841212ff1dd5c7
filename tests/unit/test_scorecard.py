import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lmbrain.encoding.folds import make_folds
from lmbrain.report import scorecard


def test_latent_r2_is_high_only_for_what_the_features_hold():
    rng = np.random.default_rng(0)
    n = 400
    features = rng.normal(size=(n, 5))
    latents = pd.DataFrame({"held": features[:, 0], "lacking": rng.normal(size=n)})
    folds = make_folds(np.full(n, "s"), np.arange(n, dtype=float), np.ones(n, bool), 5, 5)
    r2 = scorecard.latent_r2(features, latents, folds)
    assert r2["held"] > 0.95
    assert r2["lacking"] < 0.05


def component(name, window, mag, regressor=None):
    return {"name": name, "regressor": regressor or name, "window": window, "grad": [], "mag": mag}


def test_encoding_is_read_inside_each_place_and_where_nothing_was_planted():
    r = np.zeros((3, 4))
    r[0, 1] = 0.5
    r[1, 2] = 0.2
    place = {"sensor": ["a", "b", "c"], "time": [0.1, 0.2, 0.3, 0.4]}
    scores = xr.Dataset({"r": (("sensor", "time"), r)}, coords=place)
    truth = {
        "components": [
            component("lm_1", [0.15, 0.25], ["a"]),
            component("late", [0.25, 0.35], ["b"]),
            component("onset_visual", [0.05, 0.45], ["c"], regressor="onset"),
        ]
    }
    rows = scorecard.encoding_recovery([scores, scores], [truth, truth])
    assert [(row["component"], row["planted"]) for row in rows] == [("lm_1", 0.5), ("late", 0.2)]
    assert rows[0]["elsewhere"] == 0


def test_auc_is_one_for_a_measure_that_ranks_the_planted_words_first():
    words = pd.DataFrame(
        {
            "item": range(6),
            "sentence": [0, 0, 1, 1, 2, 2],
            "squared_error": [1, 1, 1, 1, 1, np.nan],
            "gap": [0, 0, 5, 1, 0, np.nan],
        }
    )
    sentences = pd.DataFrame({"sentence": [0, 1, 2], "squared_error": [1, 1, 1], "gap": [0, 3, 0]})
    latents = pd.DataFrame({"physical": [0, 0, -0.5, 0, 0, 0]})
    rows = {r["measure"]: r for r in scorecard.divergence_recovery(words, sentences, latents)}
    assert rows["gap"]["words"] == rows["gap"]["sentences"] == rows["gap"]["words_physical"] == 1
    assert rows["squared_error"]["words"] == 0.5


def test_a_domain_is_named_only_by_a_hypothesis_that_holds_after_correction():
    ranked = pd.DataFrame(
        {
            "text": ["It uses figurative language.", "It describes a feeling.", "It is long."],
            "p_partial_corrected": [0.2, 0.01, 0.001],
        }
    )
    named = scorecard.domains_named(ranked, ["social_emotional", "figurative", "physical"])
    assert named["social_emotional"] == "It describes a feeling."
    assert named["figurative"] is named["physical"] is None


def test_costs_are_summed_over_the_jobs_of_a_rule(tmp_path):
    for job, seconds, memory in (("encode-lm_01", 2.5, 100), ("encode-lm_02", 1.5, 300)):
        (tmp_path / f"{job}.tsv").write_text(f"s\tmax_rss\n{seconds}\t{memory}\n")
    (tmp_path / "folds.tsv").write_text("s\tmax_rss\n0.1\t-\n")
    rows = {row["rule"]: row for row in scorecard.costs(tmp_path)}
    assert rows["encode"] == {"rule": "encode", "jobs": 2, "seconds": 4.0, "peak_mb": 300}
    assert rows["folds"]["peak_mb"] is None


def test_the_lines_hold_every_number_of_the_card():
    card = {
        "measure": "gap",
        "latent_r2": {"physical": 0.123},
        "encoding": [{"component": "lm_1", "planted": 0.111, "elsewhere": 0.004}],
        "divergence": [{"measure": "gap", "words": 0.777, "sentences": None}],
        "named": {"physical": None},
        "tuning": [
            {"model": "physical", "accuracy": 0.91, "gain_physical": 0.5, "p_physical": 0.001}
        ],
        "checks": [
            {"claim": "it finds <b>", "found": True, "expected": False, "detail": "3 of 4"},
            {"claim": "divergence finds", "found": False, "expected": True, "detail": "AUC 0.5"},
        ],
        "costs": [{"rule": "encode", "jobs": 2, "seconds": 4.0, "peak_mb": 300}],
    }
    text = "\n".join(scorecard.scorecard_lines(card))
    for part in (
        "0.123",
        "0.111 / 0.004",
        "0.777 /",
        "<- ranks",
        "not named",
        "0.91",
        "+0.500",
        "FALSE FIND  it finds <b>: yes (3 of 4)",
        "missed      divergence finds",
    ):
        assert part in text


@pytest.mark.parametrize("domain", ["social_emotional", "figurative", "physical"])
def test_the_statistical_proposer_can_name_every_domain(domain):
    from lmbrain.hypotheses.properties import PROPERTIES

    texts = [p.statement.lower() for p in PROPERTIES.values()]
    assert any(stem in text for text in texts for stem in scorecard.NAMED_BY[domain])
