from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from scipy import linalg
from scipy.signal import lfilter
from sklearn.linear_model import LinearRegression

from lmbrain.divergence import (
    MEASURES,
    adjusted,
    divergence_by_person,
    divergence_diagnostics,
    person_reliability,
    rank_sentences,
    ranking_measure,
    samples_to_words,
    select_reliable_sensors,
    select_sensors,
    sentence_divergence,
    split_half_reliability,
    word_divergence,
)
from lmbrain.divergence.added import added_by_others
from lmbrain.divergence.components import (
    generalised_components,
    shared_components,
    training_residuals,
)
from lmbrain.encoding.folds import Folds, make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.errors import LmbrainError
from lmbrain.samples import segment_names
from lmbrain.words import make_words

SENSORS, BINS, FEATURES = 20, 6, 12


@dataclass
class Cohort:
    responses: list
    predictions: list
    others: list
    features: np.ndarray
    folds: Folds
    planted: np.ndarray

    def settings(self, **changes):
        everything = {
            "window": np.arange(BINS) > 0,
            "sensors": np.ones((self.folds.n_outer, SENSORS), bool),
            "components": 5,
            "others": self.others,
            "features": self.features,
        }
        return {**everything, **changes}

    def scores(self, **changes):
        settings = self.settings(**changes)
        return word_divergence(self.responses, self.predictions, self.folds, **settings)

    def by_person(self, **changes):
        settings = self.settings(**changes)
        return divergence_by_person(self.responses, self.predictions, self.folds, **settings)


def simulate(seed, n=1000, people=4, strength=1.0):
    """Shared response to features that the LM has, and to planted words that it has not.

    Noise is autocorrelated, mixed over sensors and louder on some words, privately to a person.
    """
    rng = np.random.default_rng(seed)
    features = lfilter([1], [1, -0.3], rng.standard_normal((n, FEATURES)), axis=0)
    weights = 0.1 * rng.standard_normal((FEATURES, SENSORS * BINS))
    planted = rng.random(n) < 0.1
    pattern = np.outer(np.exp(-(np.linspace(-2, 2, SENSORS) ** 2)), np.hanning(BINS + 2)[1:-1])
    signal = features @ weights + strength * np.outer(planted, pattern)
    folds = make_folds(np.full(n, "s"), np.arange(n), np.ones(n, bool), 4, 5.0)
    responses, predictions = [], []
    for _ in range(people):
        mixing = np.eye(SENSORS) + 0.15 * rng.standard_normal((SENSORS, SENSORS))
        noise = lfilter([1], [1, -0.5], rng.standard_normal((n, BINS, SENSORS)) @ mixing, axis=0)
        noise *= np.exp(0.3 * rng.standard_normal((n, 1, 1))) / noise.std()
        response = signal.reshape(n, SENSORS, BINS) + noise.transpose(0, 2, 1)
        fit = nested_ridge(features, response.reshape(n, -1), folds, [1.0, 100.0])
        responses.append(response)
        predictions.append(fit.prediction.reshape(response.shape))
    others = [cross_subject(responses, p, folds) for p in range(people)]
    return Cohort(responses, predictions, others, features, folds, planted)


def cross_subject(responses, person, folds):
    """Least squares, target by target, on the mean of the other people."""
    rest = [r for p, r in enumerate(responses) if p != person]
    if not rest:
        return None
    rest, own = np.mean(rest, axis=0), responses[person]
    prediction = np.empty_like(own)
    for fold in range(folds.n_outer):
        train, test = folds.train(fold), folds.test(fold)
        centre, mean = rest[train].mean(axis=0), own[train].mean(axis=0)
        x, y = rest[train] - centre, own[train] - mean
        prediction[test] = mean + (rest[test] - centre) * (x * y).sum(axis=0) / (x**2).sum(axis=0)
    return prediction


def auc(score, planted):
    rank = pd.Series(score).rank().to_numpy()
    ones = planted.sum()
    return (rank[planted].mean() - (ones + 1) / 2) / (len(planted) - ones)


def components(y, folds, outer, count, features, kind=shared_components):
    return kind(training_residuals(y, folds, outer, features), count)


@pytest.fixture(scope="module")
def cohort():
    return simulate(0)


def test_planted_words_are_found_by_what_people_share_and_hardly_by_squared_error(cohort):
    cohorts = [cohort, simulate(1), simulate(2)]
    found = pd.DataFrame(
        {m: auc(scores[m], c.planted) for m in MEASURES} for c in cohorts for scores in [c.scores()]
    ).mean()
    assert found["residual_product_components"] > found["squared_error"] + 0.15
    assert found["residual_product_components"] > found["residual_product"] + 0.02
    assert found["residual_product"] > found["squared_error"] + 0.1
    assert found["gap"] > found["squared_error"] + 0.08
    assert found["added_by_others"] > found["squared_error"] + 0.08


def test_nothing_is_found_where_nothing_was_planted():
    cohort = simulate(3, strength=0.0)
    scores = cohort.scores()
    for measure in MEASURES:
        assert abs(auc(scores[measure], cohort.planted) - 0.5) < 0.1


def test_only_the_published_measure_follows_the_energy_of_the_response(cohort):
    correlation = cohort.scores().corr(method="spearman")["response_energy"]
    assert correlation["squared_error"] > 0.9
    assert abs(correlation["residual_product"]) < 0.3
    assert abs(correlation["residual_product_components"]) < 0.3


def test_measures_match_their_formulas(cohort):
    sensors = np.zeros((4, SENSORS), bool)
    sensors[:, 3:9] = True
    scores = cohort.scores(sensors=sensors, controls=cohort.others)
    word = 17
    fold = cohort.folds.block[word]
    train = cohort.folds.train(fold)
    y, lm, x = [], [], []
    for p in range(4):
        inside = cohort.responses[p][:, 3:9, 1:]
        mean, sd = inside[train].mean(axis=0), inside[train].std(axis=0)
        y.append((inside[word] - mean) / sd)
        lm.append((cohort.predictions[p][word, 3:9, 1:] - mean) / sd)
        x.append((cohort.others[p][word, 3:9, 1:] - mean) / sd)
    error = np.mean([(a - b) ** 2 for a, b in zip(y, lm, strict=True)])
    apart = np.mean([(a - b) ** 2 for a, b in zip(y, x, strict=True)])
    residual = [a - b for a, b in zip(y, lm, strict=True)]
    pairs = [(residual[p] * residual[q]).mean() for p in range(4) for q in range(4) if p != q]
    expected = {
        "squared_error": error,
        "gap": error - apart,
        "skill": apart - error,
        "residual_product": np.mean(pairs),
        "response_energy": np.mean(np.square(y)),
        "prediction_energy": np.mean(np.square(lm)),
        "shared_energy": np.mean(np.square(x)),
    }
    for column, value in expected.items():
        assert scores.loc[word, column] == pytest.approx(value, abs=1e-4), column


def test_each_persons_scores_are_their_part_and_the_rest_is_the_group_without_them(cohort):
    found = cohort.by_person(controls=cohort.others)
    means = ["squared_error", "gap", "skill", "response_energy", "shared_energy"]
    average = sum(found.person[1:], start=found.person[0]) / 4
    for column in [*MEASURES, *means]:
        np.testing.assert_allclose(average[column], found.together[column], atol=1e-5)
    without = Cohort(
        **{
            **vars(cohort),
            "responses": cohort.responses[1:],
            "predictions": cohort.predictions[1:],
            "others": cohort.others[1:],
        }
    ).by_person(controls=cohort.others[1:])
    for column in [*means, "added_by_others", "residual_product", "residual_product_relative"]:
        np.testing.assert_allclose(found.rest[0][column], without.together[column], atol=1e-5)


def test_without_predictions_from_others_the_rests_shared_energy_is_that_of_their_pairs(cohort):
    found = cohort.by_person(others=None)
    three = {k: getattr(cohort, k)[1:] for k in ("responses", "predictions")}
    without = Cohort(**{**vars(cohort), **three, "others": None}).by_person(others=None)
    column = "shared_energy"
    np.testing.assert_allclose(found.rest[0][column], without.together[column], atol=1e-5)


def test_what_others_add_is_beyond_the_controls_where_there_are_any(cohort):
    sensors = np.ones((4, SENSORS), bool)
    test, train = cohort.folds.test(2), cohort.folds.train(2)
    controls = [0.5 * x + 0.1 * y for x, y in zip(cohort.others, cohort.responses, strict=True)]
    found = cohort.by_person(sensors=sensors, controls=controls).person[1]["added_by_others"]
    inside = cohort.responses[1][:, :, 1:]
    mean, sd = inside[train].mean(axis=0), inside[train].std(axis=0)
    scaled = [
        ((values[1][test][:, :, 1:] - mean) / sd).reshape(test.sum(), -1)
        for values in (cohort.responses, cohort.predictions, cohort.others, controls)
    ]
    np.testing.assert_allclose(found[test], added_by_others(*scaled), atol=1e-4)


def test_two_people_have_no_pairs_without_one_of_them(cohort):
    two = Cohort(
        **{
            **vars(cohort),
            "responses": cohort.responses[:2],
            "predictions": cohort.predictions[:2],
            "others": None,
        }
    )
    found = two.by_person(others=None)
    assert "residual_product" not in found.rest[0]
    reliability = person_reliability(found)
    expected = found.person[0]["squared_error"].corr(
        found.person[1]["squared_error"], method="spearman"
    )
    assert reliability["squared_error"] == pytest.approx([expected, expected])
    assert "residual_product" not in reliability


def test_all_components_together_give_back_the_residual_product(cohort):
    scores = cohort.scores(components=SENSORS * (BINS - 1))
    np.testing.assert_allclose(
        scores["residual_product_components"], scores["residual_product"], atol=1e-4
    )


def test_components_are_the_leading_eigenvectors_of_the_cross_person_covariance(cohort):
    y = [r.reshape(len(r), -1) for r in cohort.responses]
    basis = components(y, cohort.folds, 1, 3, None)
    train = cohort.folds.train(1)
    matrix = sum(a[train].T @ b[train] for a in y for b in y if a is not b)
    leading = np.linalg.eigh(matrix)[1][:, :-4:-1]
    np.testing.assert_allclose(np.abs((basis * leading).sum(axis=0)), 1, atol=1e-4)


@pytest.mark.parametrize("kind", [shared_components, generalised_components])
def test_no_sample_outside_the_training_fold_enters_its_components(cohort, kind):
    rng = np.random.default_rng(0)
    y = [r.reshape(len(r), -1) for r in cohort.responses]
    basis = components(y, cohort.folds, 1, 3, cohort.features, kind)
    outside = ~cohort.folds.train(1)
    assert outside.sum() > cohort.folds.test(1).sum()
    spoilt = [np.where(outside[:, None], 100 * rng.standard_normal(v.shape), v) for v in y]
    features = np.where(outside[:, None], np.nan, cohort.features)
    other = components(spoilt, cohort.folds, 1, 3, features, kind)
    np.testing.assert_array_equal(basis, other)
    assert not np.allclose(basis, components(spoilt, cohort.folds, 2, 3, cohort.features, kind))


def spoilt(cohort, words):
    """Scores when the responses and the features of these words are others."""
    responses = [r.copy() for r in cohort.responses]
    for response in responses:
        response[words] *= 3
    features = cohort.features.copy()
    features[words] += 1
    return Cohort(**{**vars(cohort), "responses": responses}).scores(features=features)


def test_a_word_score_depends_on_its_own_fold_only_through_the_word_itself(cohort):
    """The weights of what others add come from the other half of the block, which stays here."""
    words = np.flatnonzero(cohort.folds.test(1))
    word, changed = words[0], words[5 : len(words) // 2]
    before, after = cohort.scores(), spoilt(cohort, changed)
    columns = [*MEASURES, *(f"{m}_relative" for m in MEASURES), "skill", "response_energy"]
    np.testing.assert_array_equal(before.loc[word, columns], after.loc[word, columns])
    assert (before.loc[changed, "squared_error"] != after.loc[changed, "squared_error"]).all()


def test_of_the_other_half_of_its_block_only_the_weights_of_what_others_add_reach_a_word(cohort):
    words = np.flatnonzero(cohort.folds.test(1))
    word, changed = words[0], words[len(words) // 2 :]
    before, after = cohort.scores(), spoilt(cohort, changed)
    columns = [m for m in MEASURES if m != "added_by_others"]
    np.testing.assert_array_equal(before.loc[word, columns], after.loc[word, columns])


def test_what_others_add_is_the_loss_that_least_squares_with_them_saves():
    """Against scikit-learn, each half of the words weighted by the other half."""
    rng = np.random.default_rng(0)
    y, lm, x, control = rng.standard_normal((4, 41, 6))
    y += 0.5 * lm + 0.8 * x - 0.3 * control
    fitted = {False: slice(20, None), True: slice(None, 20)}
    for base in ([lm], [lm, control]):
        found = added_by_others(y, lm, x, *base[1:])
        for word in (0, 19, 20, 40):
            rows = fitted[word >= 20]
            errors = []
            for stack in (base, [*base, x]):
                model = LinearRegression(fit_intercept=False)
                model.fit(np.stack([v[rows].ravel() for v in stack], axis=1), y[rows].ravel())
                predicted = model.predict(np.stack([v[word] for v in stack], axis=1))
                errors.append(np.mean((y[word] - predicted) ** 2))
            assert found[word] == pytest.approx(errors[0] - errors[1], abs=1e-10)


def test_others_who_share_nothing_add_nothing_and_no_word_is_helped_by_itself():
    rng = np.random.default_rng(0)
    y, lm, x = rng.standard_normal((3, 2000, 4))
    gains = added_by_others(y, lm, x)
    assert gains.mean() <= 2 * gains.std() / np.sqrt(len(gains))
    # Three words: had a word entered its own weights, others would always seem to help.
    few = np.array([added_by_others(y[i : i + 3], lm[i : i + 3], x[i : i + 3]).mean()
                    for i in range(0, 1998, 3)])  # fmt: skip
    assert few.mean() < 0


def test_predictions_that_are_alike_or_constant_still_stack():
    rng = np.random.default_rng(0)
    y = rng.standard_normal((30, 4))
    nothing = np.zeros_like(y)
    assert added_by_others(y, nothing, nothing, nothing).tolist() == [0.0] * 30
    np.testing.assert_allclose(added_by_others(y, 0.5 * y, 0.5 * y, 0.5 * y), 0, atol=1e-12)


def test_the_features_are_taken_out_before_the_components_are_found():
    """A strong response that the LM explains must not use up the components."""
    rng = np.random.default_rng(0)
    n, d = 600, 30
    folds = make_folds(np.full(n, "s"), np.arange(n), np.ones(n, bool), 3, 0.0)
    features = rng.standard_normal((n, 3))
    strong = 3 * features @ rng.standard_normal((3, d))
    missed = np.outer(rng.standard_normal(n), np.eye(d)[0])
    y = [strong + missed + rng.standard_normal((n, d)) for _ in range(3)]
    with_features = components(y, folds, 0, 1, features)[0, 0]
    without = components(y, folds, 0, 1, None)[0, 0]
    assert abs(with_features) > 0.9
    assert abs(without) < 0.5


def test_more_features_than_samples_take_the_same_out(cohort):
    y = [r.reshape(len(r), -1) for r in cohort.responses]
    wide = np.tile(cohort.features, 80)
    narrow = components(y, cohort.folds, 0, 4, cohort.features)
    # Copies scale kernel and penalty alike, so both give the same fit.
    angles = np.linalg.svd(narrow.T @ components(y, cohort.folds, 0, 4, wide))[1]
    np.testing.assert_allclose(angles, 1, atol=1e-6)


def test_generalised_components_find_a_weak_shared_pattern_under_strong_private_noise():
    """Noise that is strong along a few directions draws the plain components, not these."""
    rng = np.random.default_rng(0)
    n, d = 600, 40
    folds = make_folds(np.full(n, "s"), np.arange(n), np.ones(n, bool), 3, 0.0)
    pattern = np.eye(d)[0]
    shared = np.outer(rng.standard_normal(n), pattern)
    spread = np.where(np.arange(d) >= d - 10, 10.0, 1.0)
    y = [shared + rng.standard_normal((n, d)) * spread for _ in range(3)]
    found = {
        kind: components(y, folds, 0, 1, None, kind)[:, 0]
        for kind in (shared_components, generalised_components)
    }
    angle = {kind: abs(u @ pattern) / np.linalg.norm(u) for kind, u in found.items()}
    assert angle[generalised_components] > 0.9
    assert angle[shared_components] < 0.5


def test_noise_along_generalised_components_is_white(cohort):
    y = [r.reshape(len(r), -1) for r in cohort.responses]
    residuals = training_residuals(y, cohort.folds, 0, cohort.features)
    u = generalised_components(residuals, 4)
    projected = [r @ u for r in residuals]
    centre = np.mean(projected, axis=0)
    noise = sum((p - centre).T @ (p - centre) for p in projected) / (3 * len(centre))
    np.testing.assert_allclose(noise, np.eye(4), atol=0.3)


def test_the_same_person_twice_is_refused(cohort):
    y = [cohort.responses[0].reshape(len(cohort.responses[0]), -1)] * 2
    with pytest.raises(LmbrainError, match="same responses"):
        components(y, cohort.folds, 0, 2, None, generalised_components)


def test_reliable_sensors_are_those_that_people_share_on_training_samples_alone():
    rng = np.random.default_rng(0)
    n = 300
    folds = make_folds(np.full(n, "s"), np.arange(n), np.ones(n, bool), 3, 5.0)
    shared = rng.standard_normal((n, 4, 3))
    shared[:, :2] = 0
    people = [shared + rng.standard_normal((n, 4, 3)) for _ in range(3)]
    window = np.array([False, True, True])
    masks = select_reliable_sensors(people, folds, window, 0.5)
    assert masks.tolist() == [[False, False, True, True]] * 3
    outside = ~folds.train(1)
    spoilt = [np.where(outside[:, None, None], 9 * rng.standard_normal(p.shape), p) for p in people]
    again = select_reliable_sensors(spoilt, folds, window, 0.25)
    expected = select_reliable_sensors(people, folds, window, 0.25)
    np.testing.assert_array_equal(again[1], expected[1])
    with pytest.raises(LmbrainError, match="two people"):
        select_reliable_sensors(people[:1], folds, window, 0.5)


def test_sensors_are_the_best_ones_of_the_window_in_each_fold():
    r = np.zeros((2, 4, 3))
    r[0, :, 1] = [0.1, 0.4, 0.2, 0.3]
    r[1, :, 1] = [0.4, 0.1, 0.2, 0.3]
    r[:, :, 0] = [9, 0, 0, 0]
    masks = select_sensors(r, np.array([False, True, True]), 0.5)
    assert masks.tolist() == [[False, True, False, True], [True, False, False, True]]
    with pytest.raises(LmbrainError, match="True or False"):
        select_sensors(r, np.array([0, 1, 1]), 0.5)
    with pytest.raises(LmbrainError, match="no bin"):
        select_sensors(r, np.zeros(3, bool), 0.5)


def test_unused_words_have_no_score_and_may_lack_predictions(cohort):
    usable = np.ones(1000, bool)
    usable[[3, 500]] = False
    folds = make_folds(cohort.folds.story, cohort.folds.position, usable, 4, 5.0)
    predictions = [p.copy() for p in cohort.predictions]
    for prediction in predictions:
        prediction[[3, 500]] = np.nan
    changed = Cohort(**{**vars(cohort), "folds": folds, "predictions": predictions})
    scores = changed.scores()
    assert np.flatnonzero(scores.isna().any(axis=1)).tolist() == [3, 500]
    predictions[0][7] = np.nan
    with pytest.raises(LmbrainError, match="prediction of person 0"):
        changed.scores()


def test_one_person_alone_has_squared_error_and_skill_and_says_so():
    alone = simulate(0, n=300, people=1)
    scores = alone.scores(others=None)
    assert {"squared_error", "skill"} <= set(scores)
    assert not {"gap", "residual_product", "shared_energy"} & set(scores)
    assert "One person alone" in scores.attrs["note"]
    assert ranking_measure(scores, "residual_product_components") == "squared_error"


def test_without_predictions_from_others_a_gap_is_refused_and_the_rest_stays(cohort):
    scores = cohort.scores(others=None)
    assert "gap" not in scores
    assert ranking_measure(scores, "residual_product") == "residual_product"
    with pytest.raises(LmbrainError, match="gap"):
        ranking_measure(scores, "gap")


def test_too_many_components_are_refused(cohort):
    with pytest.raises(LmbrainError, match=r"divergence\.components"):
        cohort.scores(components=1000)


def test_volumes_are_averaged_in_the_window_after_each_word_of_their_own_story_and_run():
    words = make_words(
        ["s"] * 4, ["1", "1", "2", "2"], ["a", "+", "b", "c"], np.array([0, 1, 0, 50.0]), np.ones(4)
    )
    words.loc[3, ["story", "onset"]] = "next", 1.5  # told in the same run, without a sample
    scores = pd.DataFrame({"m": [1.0, 2.0, np.nan, 8.0, 10.0, 20.0]})
    seconds = np.array([2.0, 4.0, 5.0, 6.0, 4.0, 7.0])
    segment = segment_names(np.array(["s"] * 6), np.array(["1"] * 4 + ["2"] * 2))
    mapped = samples_to_words(scores, seconds, segment, words, (4.0, 6.0))["m"]
    assert mapped[0] == 5.0
    assert mapped[2] == 10.0
    assert np.isnan(mapped[[1, 3]]).all()
    with pytest.raises(LmbrainError, match="No sample"):
        samples_to_words(scores, seconds, segment, words, (400.0, 600.0))


def test_sentences_average_their_scored_words_and_count_the_others():
    text = ["One", "two", "three.", "Four", "five.", "+", "Six", "seven", "eight", "nine."]
    n = len(text)
    words = make_words(["s"] * n, ["1"] * n, text, np.arange(float(n)), np.ones(n))
    values = np.arange(n, dtype=float)
    values[[5, 7]] = np.nan
    scores = pd.DataFrame({"m": values, "absent": np.nan})
    table = sentence_divergence(scores, words, 3)
    assert table["text"].tolist() == ["One two three.", "Six seven eight nine."]
    assert table["m"].tolist() == [1.0, (6 + 8 + 9) / 3]
    assert table["length"].tolist() == [3, 3]
    assert table["excluded_items"].tolist() == [0, 1]
    assert table[["first_item", "last_item"]].values.tolist() == [[0, 2], [6, 9]]
    with pytest.raises(LmbrainError, match="minimal_sentence_words"):
        sentence_divergence(scores, words, 9)


def test_sentences_stay_in_story_order_and_equal_scores_rank_in_it():
    sentences = pd.DataFrame(
        {"sentence": range(5), "text": list("abcde"), "m": [1.0, 3.0, 1.0, 3.0, 2.0]}
    )
    ranked = rank_sentences(sentences, "m")
    assert ranked["sentence"].tolist() == [0, 1, 2, 3, 4]
    assert ranked["rank"].tolist() == [4, 1, 5, 2, 3]
    assert ranked["divergence"].tolist() == sentences["m"].tolist()


def test_adjusted_scores_follow_neither_energies_nor_covariates(cohort):
    rng = np.random.default_rng(0)
    scores = cohort.scores()
    covariates = pd.DataFrame({"length": rng.random(1000)})
    covariates.loc[5] = np.nan
    clean = adjusted(scores, covariates)
    rows = clean["gap_adjusted"].notna()
    assert np.flatnonzero(~rows).tolist() == [5]
    for regressor in (scores["response_energy"], covariates["length"]):
        assert abs(clean["gap_adjusted"].corr(regressor)) < 1e-6
    assert auc(clean["residual_product_adjusted"][rows], cohort.planted[rows]) > 0.6


@pytest.mark.parametrize("covariate", ["length", "log_frequency", "position_in_story"])
def test_adjusting_frees_a_score_from_a_covariate_that_it_follows(cohort, covariate):
    rng = np.random.default_rng(1)
    names = ["length", "log_frequency", "position_in_story"]
    covariates = pd.DataFrame(rng.standard_normal((1000, 3)), columns=names)
    scores = cohort.scores()
    clean = adjusted(scores, covariates)["residual_product_adjusted"]
    scores["residual_product"] += 5 * covariates[covariate]
    freed = adjusted(scores, covariates)["residual_product_adjusted"]
    assert abs(freed.corr(covariates[covariate])) < 1e-6
    np.testing.assert_allclose(freed, clean, atol=1e-6)


def test_diagnostics_have_a_row_for_each_measure(cohort):
    scores = cohort.scores()
    covariates = pd.DataFrame({"length": np.arange(1000.0)})
    each = {"gap": np.array([0.1, 0.3, 0.2])}
    table = divergence_diagnostics(scores, covariates, {"gap": 0.5}, each).set_index("measure")
    expected = scores["gap"].corr(scores["shared_energy"], method="spearman")
    assert table.loc["gap", "shared_energy"] == pytest.approx(expected)
    over_people = ["split_half", "person_mean", "person_lowest", "person_highest"]
    assert table.loc["gap", over_people].tolist() == pytest.approx([0.5, 0.2, 0.1, 0.3])
    assert table.loc["squared_error", over_people].isna().all()
    assert {"gap_relative", "length"} <= set(table.index) | set(table.columns)


def test_one_persons_ranking_agrees_with_the_rest_where_something_is_shared():
    """And not where nothing is, although both sides hold the other people's responses."""
    products = ["residual_product", "residual_product_components"]
    found = person_reliability(simulate(4, strength=3.0).by_person())
    nothing = [person_reliability(simulate(s, strength=0.0).by_person()) for s in (5, 6, 7)]
    for product in products:
        assert found[product].shape == (4,)
        assert found[product].mean() > 0.1
        assert abs(np.mean([n[product] for n in nothing])) < 0.04


def test_finished_scores_are_what_both_reliabilities_compare(cohort):
    def finish(scores):
        return pd.concat([scores, adjusted(scores, covariates)], axis=1).iloc[::2]

    covariates = pd.DataFrame({"length": np.arange(1000.0)})
    scores = cohort.by_person()
    each = person_reliability(scores, finish)
    own, rest = finish(scores.person[2]), finish(scores.rest[2])
    for column in ("residual_product_adjusted", "gap_relative"):
        expected = own[column].corr(rest[column], method="spearman")
        assert each[column][2] == pytest.approx(expected)
    halves = split_half_reliability(
        cohort.responses, cohort.predictions, cohort.folds, finish=finish, **cohort.settings()
    )
    assert set(halves) == set(each)


def test_one_person_alone_has_no_reliability():
    alone = simulate(0, n=300, people=1)
    assert person_reliability(alone.by_person(others=None)) == {}


def test_what_people_share_repeats_between_halves_and_vanishes_with_it(cohort):
    def halves(cohort):
        return split_half_reliability(
            cohort.responses,
            cohort.predictions,
            cohort.folds,
            window=np.ones(BINS, bool),
            sensors=np.ones((4, SENSORS), bool),
            components=5,
        )

    assert halves(simulate(4, strength=2.0))["residual_product_components"] > 0.2
    assert abs(halves(simulate(4, strength=0.0))["residual_product_components"]) < 0.2
    assert set(halves(cohort)) == {
        "squared_error",
        "skill",
        "residual_product",
        "residual_product_components",
        "residual_product_generalised",
        "squared_error_relative",
        "residual_product_generalised_relative",
        "residual_product_relative",
        "residual_product_components_relative",
    }


def lack(cohort, missing):
    """The cohort with each person's missing samples, what is there no longer being readable."""
    usable = [np.isin(np.arange(len(cohort.features)), m, invert=True) for m in missing]
    usable = [cohort.folds.of_person(mask).usable for mask in usable]
    arrays = []
    for kind in (cohort.responses, cohort.predictions, cohort.others):
        arrays.append(
            [np.where(u[:, None, None], a, np.nan) for u, a in zip(usable, kind, strict=True)]
        )
    for values in arrays[0]:
        values[np.isnan(values)] = 1e3  # a response file holds numbers, whatever they are
    alone = np.sum(usable, axis=0) < 2
    for other in arrays[2]:
        other[alone] = np.nan
    return replace(cohort, responses=arrays[0], predictions=arrays[1], others=arrays[2]), usable


def test_a_word_is_scored_from_the_people_who_have_it(cohort):
    """Words of people who miss scattered words, a block, and half of one; one word in nobody."""
    missing = [[5, 260, 301], [*range(250, 500), 301], [301, *range(750, 850)], [301, 5, 260, 7]]
    less, usable = lack(cohort, missing)
    sensors = np.ones((4, SENSORS), bool)
    scores = less.by_person(usable=usable, sensors=sensors)
    table, d = scores.together, SENSORS * (BINS - 1)
    window = np.arange(BINS) > 0

    def standardised(kind, p, fold):
        train = less.folds.train(fold) & usable[p]
        y = less.responses[p][:, :, window].reshape(1000, d)[train]
        values = getattr(less, kind)[p][:, :, window].reshape(1000, d)
        return (values - y.mean(axis=0)) / y.std(axis=0)

    has = np.array(usable)
    for word in (0, 5, 7, 260, 300, 755, 900):
        fold = less.folds.block[word]
        present = np.flatnonzero(has[:, word])
        y, L, X = (
            {p: standardised(kind, p, fold)[word] for p in present}
            for kind in ("responses", "predictions", "others")
        )
        error = {p: np.mean((y[p] - L[p]) ** 2) for p in present}
        apart = {p: np.mean((y[p] - X[p]) ** 2) for p in present}
        found = table.loc[word]
        np.testing.assert_allclose(found["squared_error"], np.mean(list(error.values())), rtol=1e-4)
        gaps = [error[p] - apart[p] for p in present]
        np.testing.assert_allclose(found["gap"], np.mean(gaps), rtol=1e-3, atol=1e-4)
        pairs = [np.mean((y[p] - L[p]) * (y[q] - L[q])) for p in present for q in present if p != q]
        product = np.mean(pairs) if pairs else np.nan
        np.testing.assert_allclose(found["residual_product"], product, rtol=1e-3, atol=1e-4)
        rest = [
            np.mean((y[p] - L[p]) * (y[q] - L[q]))
            for p in present
            for q in present
            if p != q and 1 not in (p, q)
        ]
        rest = np.mean(rest) if rest else np.nan
        np.testing.assert_allclose(
            scores.rest[1].loc[word, "residual_product"], rest, rtol=1e-3, atol=1e-4
        )
    assert table.loc[301].isna().all()
    alone = table.loc[260]  # person 2 alone has it
    assert has[:, 260].tolist() == [False, False, True, False]
    assert np.isfinite(alone[["squared_error", "skill", "response_energy"]]).all()
    pairwise = [c for c in table if c.startswith(("gap", "added", "residual", "shared"))]
    assert alone[pairwise].isna().all()
    assert table.drop(index=[301, 260]).notna().all(axis=None)


def test_planted_words_are_found_in_people_of_whom_half_lack_half_of_the_story(cohort):
    missing = [[], [], range(500, 1000), range(500, 1000)]
    folds = make_folds(np.full(1000, "s"), np.arange(1000), np.ones(1000, bool), 8, 5.0)
    less, usable = lack(replace(cohort, folds=folds), missing)
    sensors = select_reliable_sensors(less.responses, folds, np.arange(BINS) > 0, 1.0, usable)
    scores = less.scores(usable=usable, sensors=sensors)
    full = cohort.scores()
    measure = "residual_product_generalised"
    for half in (slice(0, 500), slice(500, 1000)):
        assert auc(scores[measure][half], cohort.planted[half]) > 0.75
    assert np.corrcoef(scores[measure][:500], full[measure][:500])[0, 1] > 0.8
    halves = split_half_reliability(
        less.responses, less.predictions, folds, **less.settings(usable=usable, sensors=sensors)
    )
    assert halves[measure] > 0.3


def test_components_of_people_who_lack_samples_are_those_of_the_pairs_that_have_them():
    rng = np.random.default_rng(0)
    residuals = [rng.standard_normal((400, 6)) * [3, 1, 1, 1, 1, 1] for _ in range(4)]
    shared = 0.7 * rng.standard_normal((400, 1)) * np.eye(6)[2]
    residuals = [r + shared for r in residuals]
    for p, rows in enumerate((slice(0, 0), slice(300, 400), slice(200, 400), slice(7, 50))):
        residuals[p][rows] = np.nan
    filled = [np.nan_to_num(r) for r in residuals]
    covariance = sum(filled[p].T @ filled[q] for p in range(4) for q in range(4) if p != q)
    expected = np.linalg.eigh(covariance)[1][:, -1]
    found = shared_components(residuals, 1)[:, 0]
    assert abs(found @ expected) == pytest.approx(1, abs=1e-4)
    has = np.array([np.isfinite(r[:, 0]) for r in residuals])
    within, noise, weight = np.zeros((6, 6)), np.zeros((6, 6)), 0
    for word in range(400):
        r = np.array([r[word] for r in residuals])[has[:, word]]
        count = len(r)
        if count < 2:
            continue
        within += (count - 1) * r.T @ r / count
        noise += (count - 1) * np.cov(r.T)
        weight += count - 1
    within, noise = within / weight, noise / weight
    level = np.trace(noise) / 6
    u = generalised_components(residuals, 1)[:, 0]
    shrunk = 0.9 * noise + 0.1 * level * np.eye(6)
    vector = linalg.eigh(within - noise, shrunk)[1][:, -1]
    np.testing.assert_allclose(u * np.sign(u @ vector), vector, atol=1e-4)


def test_a_missing_prediction_from_others_is_refused_where_everybody_has_everything(cohort):
    others = [other.copy() for other in cohort.others]
    others[1][300] = np.nan
    with pytest.raises(LmbrainError, match="other of person 1"):
        cohort.scores(others=others)
    everything = [np.ones(1000, bool)] * 4
    assert np.isfinite(cohort.scores(others=others, usable=everything).loc[300, "gap"])
    others[1][:] = np.nan
    with pytest.raises(LmbrainError, match="other of person 1"):
        cohort.scores(others=others, usable=everything)


def test_sensors_are_chosen_from_the_samples_that_two_people_have():
    rng = np.random.default_rng(0)
    folds = make_folds(np.full(600, "s"), np.arange(600), np.ones(600, bool), 6, 5.0)
    responses = rng.standard_normal((3, 600, 4, 1))
    responses[:, :, 1] += rng.standard_normal((600, 1))
    usable = [np.ones(600, bool), folds.block < 3, np.isin(folds.block, [0, 1, 4])]
    for values, own in zip(responses, usable, strict=True):
        values[~own] = 50 * rng.standard_normal()  # alike in all sensors: it would win
        values[~own, 3] *= 2 * np.arange((~own).sum())[:, None]
    chosen = select_reliable_sensors(list(responses), folds, np.ones(1, bool), 0.25, usable)
    assert (chosen == [False, True, False, False]).all()
    apart = [folds.block < 3, folds.block >= 3]
    with pytest.raises(LmbrainError, match="No two people have a sample in common"):
        select_reliable_sensors(list(responses[:2]), folds, np.ones(1, bool), 0.25, apart)
