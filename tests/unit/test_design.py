import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from sklearn.linear_model import Ridge

from lmbrain.encoding.delays import needed_gap
from lmbrain.encoding.design import WordDesign, leading_components, prepare
from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.encoding.scores import fold_correlation, pearson
from lmbrain.errors import LmbrainError
from lmbrain.responses import continuous
from lmbrain.samples import common_samples
from lmbrain.words import make_words


def heard(rng, segments, interval=2.0, samples=60, pace=0.8):
    """Words table, and responses of noise, of recordings [(story, run)] on clocks of their own."""
    labels, items = [], []
    for story, run in segments:
        start = rng.uniform(0, 50)
        times = start + interval * np.arange(samples)
        labels += [(story, run, second) for second in times]
        spoken = np.cumsum(rng.exponential(pace, int(1.3 * interval * samples / pace)))
        spoken = start + spoken[spoken < interval * samples]
        items += [(story, run, second) for second in spoken]
    story, run, onset = zip(*items, strict=True)
    text = np.where(rng.random(len(items)) > 0.05, "word", "+").tolist()
    words = make_words(list(story), list(run), text, np.array(onset), np.full(len(items), 0.2))
    values = pd.DataFrame(rng.standard_normal((len(labels), 4)))
    story, run, seconds = zip(*labels, strict=True)
    return words, continuous(values, np.array(seconds), story, run)


def folds_of(words, responses, outer, gap, context=1, delays=None, interval=2.0):
    """Folds with this gap, or with the one needed."""
    samples = common_samples([responses], words, ["noise"])
    spoken = words["is_word"].to_numpy()
    story = words["story"].to_numpy(str)[spoken]
    if gap is None:
        gap = needed_gap(samples.item_position[spoken], story, context, delays, interval)
    return make_folds(samples.story, samples.position, samples.usable, outer, gap, run=samples.run)


def design_of(features, responses, words, folds, delays, **changed):
    arguments = {
        "components": None,
        "rate": False,
        "delays": delays,
        "repetition_time": 2.0,
        "drift_cutoff": None,
    }
    parts = features if isinstance(features, list) else [features]
    return prepare(parts, responses, words, folds, **(arguments | changed))


def windows(words, context):
    """(items, items) 1 where an item's context window holds the other."""
    found = np.zeros((len(words), len(words)))
    for _, part in words[words["is_word"]].groupby("story", sort=False):
        items = part.index.to_numpy()
        for i in range(len(items)):
            found[items[i], items[max(0, i - context + 1) : i + 1]] = 1
    return found


SPAN = {"start": 0.0, "stop": 6.0}
TALES = [("one", "01"), ("one", "02"), ("two", "02"), ("three", "03")]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    segments=st.sampled_from([TALES[:1], TALES[:2], TALES[1:3], TALES]),
    outer=st.integers(3, 4),
    start=st.sampled_from([-4.0, 0.0, 3.0]),
    length=st.floats(0, 8),
    context=st.integers(1, 6),
    drift_cutoff=st.sampled_from([None, 100.0]),
)
def test_no_word_enters_both_training_and_held_out_samples(
    seed, segments, outer, start, length, context, drift_cutoff
):
    rng = np.random.default_rng(seed)
    words, responses = heard(rng, segments, samples=240 // len(segments))
    delays = {"start": start, "stop": max(start + length, 0.0) + 2.0}
    folds = folds_of(words, responses, outer, None, context, delays)
    design, _ = design_of(
        windows(words, context), responses, words, folds, delays, drift_cutoff=drift_cutoff
    )
    for held_out in ((0,), (1,), (2, 0)):
        train, held = folds.train(*held_out), np.isin(folds.block, held_out)
        columns = design(train).reshape(len(train), -1, len(words))
        training, tested = (np.abs(columns[m]).max(axis=(0, 1)) > 1e-9 for m in (train, held))
        assert training.any()
        assert tested.any()
        assert not (training & tested).any()


def test_a_smaller_gap_lets_words_enter_both():
    rng = np.random.default_rng(0)
    words, responses = heard(rng, TALES[:1], samples=120)
    onset = responses["seconds"].to_numpy()[0] + np.arange(len(words)) * 240 / len(words)
    words = words.assign(onset=onset, is_word=True)  # no window lasts longer than another
    enough = folds_of(words, responses, 3, None, 5, SPAN).gap
    shared = {}
    for gap in (enough, enough - 4.0, 0.0):
        folds = folds_of(words, responses, 3, gap)
        design, _ = design_of(windows(words, 5), responses, words, folds, SPAN)
        train = folds.train(1)
        columns = np.abs(design(train)).reshape(len(train), -1, len(words)).max(axis=1) > 1e-9
        shared[gap] = int((columns[train].any(axis=0) & columns[folds.test(1)].any(axis=0)).sum())
    assert shared[enough] == 0
    assert 0 < shared[enough - 4.0] < shared[0.0]


@pytest.mark.parametrize("components", [None, 3])
@pytest.mark.parametrize("segments", [TALES[:1], TALES])
def test_held_out_words_change_nothing_in_the_training_rows(components, segments):
    rng = np.random.default_rng(1)
    words, responses = heard(rng, segments, samples=240 // len(segments))
    features = rng.standard_normal((len(words), 8)) @ rng.standard_normal((8, 8))
    folds = folds_of(words, responses, 4, None, 1, SPAN)
    train, test = folds.train(2), folds.test(2)
    now = {"components": components, "rate": True, "drift_cutoff": 100.0}
    design, _ = design_of(features, responses, words, folds, SPAN, **now)
    inside = [
        bool((np.abs(responses["seconds"].to_numpy() - onset)[test & (folds.story == story)
              & (folds.run == run)] <= 1).any())
        for story, run, onset in words[["story", "run", "onset"]].itertuples(index=False)
    ]  # fmt: skip
    changed = features.copy()
    changed[inside] = 50 * rng.standard_normal((sum(inside), 8))
    other, _ = design_of(changed, responses, words, folds, SPAN, **now)
    assert sum(inside) > 20
    np.testing.assert_array_equal(other(train)[train], design(train)[train])
    assert np.abs(other(train)[test] - design(train)[test]).max() > 1
    # a fit that may see these words does change
    elsewhere = folds.train(0)
    assert (other(elsewhere)[elsewhere] != design(elsewhere)[elsewhere]).any()


def test_columns_are_the_rate_and_the_parts_delay_by_delay():
    rng = np.random.default_rng(2)
    words, responses = heard(rng, TALES)
    features = rng.standard_normal((len(words), 9))
    features[~words["is_word"].to_numpy(bool)] = np.nan
    folds = folds_of(words, responses, 4, 5.0)
    train = folds.train(0)
    design, _ = design_of(
        [features[:, :2], features[:, 2:]],
        responses,
        words,
        folds,
        SPAN,
        components=3,
        rate=True,
    )
    found = design(train)
    assert found.shape == design.shape == (240, (1 + 2 + 3) * 4)
    plain, _ = design_of(features[:, :2], responses, words, folds, SPAN)
    for delay in range(4):
        np.testing.assert_allclose(
            found[:, 6 * delay + 1 : 6 * delay + 3], plain(train)[:, 2 * delay : 2 * delay + 2]
        )
    np.testing.assert_array_equal(found[1:60, 6:12], found[:59, :6])
    np.testing.assert_array_equal(found[60, 6:], 0)  # another run
    spoken = words["is_word"] & (words["story"] == "one") & (words["run"] == "01")
    assert found[:60, 0].sum() == pytest.approx(spoken.sum(), rel=0.1)


def test_components_are_those_of_the_standardised_training_words():
    rng = np.random.default_rng(3)
    features = rng.standard_normal((80, 6)) @ rng.standard_normal((6, 6)) * [1, 1, 1, 1, 1, 1e6] + 5
    features[7] = np.nan  # no word
    training = np.arange(80) > 30
    found = leading_components([features], training, 2)
    fit = features[training]
    standard = (features - fit.mean(axis=0)) / fit.std(axis=0)
    loadings = np.linalg.svd(standard[training], full_matrices=False)[2][:2]
    loadings *= np.sign(np.take_along_axis(loadings, np.abs(loadings).argmax(1)[:, None], 1))
    np.testing.assert_allclose(found, standard @ loadings.T, atol=1e-8)
    assert np.isnan(found[7]).all()
    design = WordDesign([features, features[:, :1]], 2)
    assert design.shape == (80, 3)
    np.testing.assert_array_equal(design(training), np.column_stack([found, features[:, 0]]))
    assert found[training].std(axis=0)[0] > found[training].std(axis=0)[1]


def test_narrow_parts_stay_and_components_without_variance_are_zero():
    rng = np.random.default_rng(4)
    controls, low_rank = rng.standard_normal((50, 2)), rng.standard_normal((50, 2))
    parts = [controls, np.hstack([low_rank @ rng.standard_normal((2, 40)), np.ones((50, 1))])]
    training = np.arange(50) < 30
    found = leading_components(parts, training, 4)
    np.testing.assert_array_equal(found[:, :2], controls)
    assert (np.abs(found[training, 2:4]).std(axis=0) > 1).all()
    np.testing.assert_array_equal(found[:, 4:], 0)
    for components in (None, 41):
        whole = leading_components(parts, training, components)
        np.testing.assert_array_equal(whole, np.hstack(parts))
    assert leading_components([], training, 4).shape == (50, 0)


def test_too_few_training_words_for_the_components_are_refused():
    with pytest.raises(LmbrainError, match="20 training words are too few for 20 principal"):
        leading_components([np.ones((50, 30))], np.arange(50) < 20, 20)


def test_a_feature_that_is_no_number_is_refused_by_item():
    rng = np.random.default_rng(5)
    words, responses = heard(rng, TALES)
    features = rng.standard_normal((len(words), 2))
    item = np.flatnonzero(words["is_word"])[4]
    features[item, 1] = np.nan
    folds = folds_of(words, responses, 4, 5.0)
    with pytest.raises(LmbrainError, match=f"feature of item {item} "):
        design_of(features, responses, words, folds, SPAN)


def held_out_prediction(design, responses, folds):
    """Ridge by scikit-learn, everything standardised on the training samples of each fold."""
    prediction = np.full(responses.shape, np.nan)
    for outer in range(folds.n_outer):
        train, test = folds.train(outer), folds.test(outer)
        columns = design(train)
        mean, sd = columns[train].mean(axis=0), columns[train].std(axis=0)
        columns = (columns - mean) / np.where(sd > 0, sd, 1)
        fit = Ridge(300.0).fit(columns[train], responses[train])
        prediction[test] = fit.predict(columns[test])
    return prediction


def test_a_design_fitted_on_each_training_set_finds_a_delayed_response():
    rng = np.random.default_rng(6)
    words, responses = heard(rng, TALES)
    features = rng.standard_normal((len(words), 3)) @ rng.standard_normal((3, 12))
    features += 0.05 * rng.standard_normal(features.shape)
    folds = folds_of(words, responses, 4, None, 1, SPAN)
    truth, _ = design_of(features[:, :2], responses, words, folds, {"start": 4.0, "stop": 4.0})
    values = responses.copy(deep=True)
    values.values[:, :2, 0] += truth(folds.train(0))
    values.values[:, :, 0] += 0.1 * (np.arange(240)[:, None] % 60)  # drift of each run
    now = {"components": 3, "drift_cutoff": 200.0}
    design, clean = design_of(features, values, words, folds, SPAN, **now)
    assert clean.dims == ("sample", "sensor", "time")
    prediction = held_out_prediction(design, clean.to_numpy()[:, :, 0], folds)
    r = fold_correlation(prediction, clean.to_numpy()[:, :, 0], folds).mean(axis=0)
    assert r[:2].min() > 0.5
    assert np.abs(r[2:]).max() < 0.3
    nested = nested_ridge(design, clean.to_numpy()[:, :, 0], folds, [300.0], dtype=np.float64)
    np.testing.assert_allclose(nested.prediction, prediction, atol=1e-7)


def test_autocorrelated_noise_scores_zero_within_folds_but_not_pooled():
    rng = np.random.default_rng(7)
    delays, within, pooled = {"start": 0.0, "stop": 0.8}, [], []
    for _ in range(8):
        words, responses = heard(rng, TALES[:1], interval=0.2, samples=1200)
        slow = lfilter([1], [1, -0.95], rng.standard_normal((len(words), 20)), axis=0)
        folds = folds_of(words, responses, 6, None, 20, delays, 0.2)
        design, _ = design_of(
            slow, responses, words, folds, delays, components=8, rate=True, repetition_time=0.2
        )
        noise = lfilter([1], [1, -0.98], rng.standard_normal((1200, 30)), axis=0)
        result = nested_ridge(design, noise, folds, [1e2, 1e3, 1e4, 1e5])
        within.append(result.r.mean())
        pooled.append(pearson(result.prediction, noise).mean())
    error = np.std(within, ddof=1) / np.sqrt(len(within))
    assert error < 0.02
    assert abs(np.mean(within)) < 3 * error
    assert np.mean(pooled) < -0.2
