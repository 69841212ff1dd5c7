"""People who were not recorded for all words go through the whole chain."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lmbrain.artefacts import read_netcdf, write_netcdf
from lmbrain.divergence import (
    adjusted,
    divergence_by_person,
    divergence_diagnostics,
    person_reliability,
    rank_sentences,
    select_reliable_sensors,
    sentence_divergence,
    split_half_reliability,
)
from lmbrain.encoding.drift import read_scored_responses
from lmbrain.encoding.folds import Folds, folds_of_people, make_folds
from lmbrain.encoding.model import encode
from lmbrain.encoding.space import feature_space
from lmbrain.inference.comparison import compare_models, window_gains
from lmbrain.inference.fits import read_fit
from lmbrain.inference.significance import chance_test
from lmbrain.inference.summary import summarise
from lmbrain.meg.denoising import cross_subject_prediction
from lmbrain.responses import continuous, group_average, people_averaged, read_responses
from lmbrain.samples import common_samples
from lmbrain.words import make_words

SENSORS, BINS, RUN = 3, 2, 150
WORDS = 3 * RUN
DESIGN = {
    "components": None,
    "rate": False,
    "delays": None,
    "repetition_time": None,
    "drift_cutoff": 40.0,
}
RIDGE = {"penalties": [1.0, 100.0, 1e4], "penalty_per": "target"}
NAMES = ("sub-01", "sub-02", "sub-03")


@dataclass
class Study:
    words: pd.DataFrame
    features: dict
    folds: Folds
    people: dict  # name: own folds
    paths: dict  # name: file of responses
    scores: dict  # (name, space): file
    predictions: dict


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three people: one with all words, one without the second run, one without some words."""
    folder, rng = tmp_path_factory.mktemp("study"), np.random.default_rng(0)
    text = ["end." if i % 10 == 9 else "word" for i in range(WORDS)]
    run = np.repeat(["1", "2", "3"], RUN).tolist()
    onset = np.tile(np.arange(RUN) * 0.5, 3)
    words = make_words(["s"] * WORDS, run, text, onset, np.full(WORDS, 0.4))
    parts = rng.standard_normal((2, WORDS, 4))
    features = {"base": [parts[0]], "both": [parts[0], parts[1]]}
    missing = rng.standard_normal((WORDS, 1))  # what people share and no model holds
    signal = np.hstack([*parts, missing]) @ rng.standard_normal((9, SENSORS * BINS))
    usable = np.ones((3, WORDS), bool)
    usable[1] = np.array(run) != "2"
    usable[1:, 33] = False
    usable[2, [5, 170, 171, 400]] = False
    paths = {}
    for name, mask in zip(NAMES, usable, strict=True):
        values = signal + 4 * rng.standard_normal(signal.shape)
        values[~mask] = 0
        responses = xr.DataArray(
            values.reshape(WORDS, SENSORS, BINS).astype(np.float32),
            dims=("sample", "sensor", "time"),
            coords={
                "sensor": ["a", "b", "c"],
                "time": [0.1, 0.2],
                "usable": ("sample", mask),
            },
            name="responses",
        )
        paths[name] = folder / f"{name}.nc"
        write_netcdf(responses.to_dataset(), paths[name], {})
    read = [read_responses(path) for path in paths.values()]
    samples = common_samples(read, words, NAMES)
    folds = make_folds(samples.story, samples.position, samples.usable, 6, 5.0, run=samples.run)
    people = folds_of_people(folds, dict(zip(NAMES, usable, strict=True)))
    scores, predictions = {}, {}
    for (name, own), responses in zip(people.items(), read, strict=True):
        for label, columns in features.items():
            found, held_out = fitted(columns, words, responses, own)
            scores[name, label] = folder / f"{name}_{label}.nc"
            predictions[name, label] = folder / f"{name}_{label}_predictions.nc"
            write_netcdf(found, scores[name, label], {})
            write_netcdf(held_out.to_dataset(), predictions[name, label], {})
    return Study(words, features, folds, people, paths, scores, predictions)


def fitted(parts, words, responses, folds):
    names = [f"part{i}" for i in range(len(parts))]
    space, clean = feature_space(names, parts, words, responses, folds, **DESIGN)
    return encode(space, clean, folds, **RIDGE)


def scored(study, name):
    return read_scored_responses(study.paths[name], study.folds, DESIGN["drift_cutoff"])


def fit_of(study, name, label):
    files = study.scores[name, label], study.predictions[name, label]
    return read_fit(*files, study.people[name])


def flat(responses):
    return responses.to_numpy().reshape(WORDS, -1)


def test_each_person_is_scored_as_in_a_study_of_that_person_s_words_alone(study):
    for name, own in study.people.items():
        rows = own.usable
        alone = Folds(own.block[rows], own.position[rows], own.story[rows], own.run[rows], own.gap)
        responses = read_responses(study.paths[name])[rows]
        words = study.words[rows].reset_index(drop=True)
        found = read_netcdf(study.scores[name, "both"])
        parts = [part[rows] for part in study.features["both"]]
        expected, held_out = fitted(parts, words, responses, alone)
        np.testing.assert_allclose(found["r"], expected["r"], atol=1e-6)
        blocks = own.study_block
        np.testing.assert_allclose(found["r_per_fold"][blocks], expected["r_per_fold"], atol=1e-6)
        np.testing.assert_array_equal(found["penalty"][blocks], expected["penalty"])
        prediction = read_netcdf(study.predictions[name, "both"])["prediction"]
        np.testing.assert_allclose(prediction[rows], held_out, atol=1e-5)
        assert np.isnan(prediction[~rows]).all()


def test_folds_are_of_words_that_somebody_has_and_of_each_person_s_own(study):
    assert study.folds.usable.all()
    assert study.people["sub-01"] is study.folds
    assert study.people["sub-02"].study_block.tolist() == [0, 1, 4, 5]
    assert study.people["sub-03"].study_block.tolist() == list(range(6))
    lacks = np.flatnonzero(~study.people["sub-03"].usable)
    assert lacks.tolist() == [5, 33, 170, 171, 400]


def test_the_tests_take_everybody_where_there_is_data(study):
    people = [(flat(scored(study, name)), fit_of(study, name, "base")) for name in NAMES]
    test = chance_test(
        people,
        study.folds,
        method="flip_blocks",
        resamples=499,
        level=0.05,
        seed=0,
        block=20.0,
    )
    r = [read_netcdf(study.scores[name, "base"])["r"].to_numpy().ravel() for name in NAMES]
    np.testing.assert_allclose(test.r_people, r, atol=1e-6)
    np.testing.assert_allclose(test.r, np.mean(r, axis=0), atol=1e-6)
    assert test.p.min() < 0.01
    pairs = [
        (flat(scored(study, n)), *(fit_of(study, n, s) for s in study.features)) for n in NAMES
    ]
    found = compare_models(pairs, study.folds, resamples=499, level=0.05, seed=0, block=20.0)
    both = [read_netcdf(study.scores[name, "both"])["r"].to_numpy().ravel() for name in NAMES]
    gains = np.array(both) - r
    np.testing.assert_allclose(found.r_gain, gains.mean(axis=0), atol=1e-6)
    assert window_gains(found, [np.ones(SENSORS * BINS, bool)]).p[0] < 0.05
    average = group_average(read_responses(path) for path in study.paths.values())
    worth = people_averaged(average, study.folds.usable)
    assert 2 < worth < 3
    summary = summarise(
        found,
        {"sensor": average["sensor"], "time": average["time"]},
        [],
        gains.reshape(3, SENSORS, BINS),
        np.full((SENSORS, BINS), 0.2),
        worth,
        resamples=99,
        seed=0,
    )
    assert np.isfinite(summary["ceiling_share"]).all()


@pytest.fixture(scope="module")
def divergence(study):
    people = [scored(study, name) for name in NAMES]
    responses, usable = [p.to_numpy() for p in people], [p["usable"].to_numpy() for p in people]
    predictions = [
        read_netcdf(study.predictions[name, "both"])["prediction"].to_numpy() for name in NAMES
    ]
    others = []
    for p, name in enumerate(NAMES):
        rest = [q for q in range(3) if q != p]
        others.append(
            cross_subject_prediction(
                responses[p],
                [responses[q] for q in rest],
                study.people[name],
                [10.0, 1000.0],
                usable=[usable[q] for q in rest],
            )
        )
    window = np.ones(BINS, bool)
    sensors = select_reliable_sensors(responses, study.folds, window, 1.0, usable)
    settings = {
        "window": window,
        "sensors": sensors,
        "components": 2,
        "others": others,
        "features": np.hstack(study.features["both"]),
        "usable": usable,
    }
    return responses, predictions, settings


def test_every_word_of_two_people_has_a_score_and_one_of_a_person_alone_no_pairs(study, divergence):
    responses, predictions, settings = divergence
    scores = divergence_by_person(responses, predictions, study.folds, **settings)
    table = scores.together
    alone = 33, 170, 171  # one person lost it, another lacks it, too
    shared = table.drop(index=list(alone))
    assert shared.notna().all(axis=None)
    assert table.loc[list(alone), "residual_product_generalised"].isna().all()
    assert table.loc[list(alone), "squared_error"].notna().all()
    assert scores.person[1].loc[200].isna().all()  # in the run that the second person lacks
    traits = pd.DataFrame({"position": np.arange(WORDS) / WORDS})
    both = pd.concat([table, adjusted(table, traits)], axis=1)
    halves = split_half_reliability(responses, predictions, study.folds, **settings)
    each = person_reliability(scores)
    assert all(np.isfinite(values).all() for values in each.values())
    diagnostics = divergence_diagnostics(both, traits, halves, each).set_index("measure")
    assert np.isfinite(diagnostics.loc["residual_product_generalised", "person_mean"])
    sentences = sentence_divergence(both, study.words, 3)
    assert len(sentences) == 45
    lost = sentences.set_index("sentence")["excluded_items"]
    assert lost[lost > 0].to_dict() == {3: 1, 17: 2}
    ranked = rank_sentences(sentences, "residual_product_generalised")
    assert sorted(ranked["rank"]) == list(range(1, 46))


def test_continuous_responses_without_a_run_are_scored_as_if_it_were_not_in_the_story():
    rng, tr, volumes = np.random.default_rng(0), 2.0, 90
    run = np.repeat(["1", "2", "3"], RUN)
    onset = np.tile(np.arange(RUN) * 1.2, 3)
    words = make_words(["s"] * WORDS, run.tolist(), ["w"] * WORDS, onset, np.full(WORDS, 0.4))
    part, at = rng.standard_normal((WORDS, 3)), np.repeat(["1", "2", "3"], volumes)
    values = pd.DataFrame(rng.standard_normal((3 * volumes, 2)), columns=["left", "right"])
    seconds = np.tile(tr * np.arange(volumes), 3)
    responses = continuous(values, seconds, ["s"] * len(at), at)
    lacking = responses.assign_coords(usable=("sample", at != "2"))
    samples = common_samples([responses, lacking], words, ["first", "second"])
    assert samples.usable.all()
    folds = make_folds(samples.story, samples.position, samples.usable, 6, 20.0, run=samples.run)
    own = folds.of_person(lacking["usable"].to_numpy())
    design = DESIGN | {
        "rate": True,
        "delays": {"start": 2.0, "stop": 6.0},
        "repetition_time": tr,
        "components": 2,
        "drift_cutoff": 60.0,
    }

    def encoded(parts, table, given, used):
        space, clean = feature_space(["base"], parts, table, given, used, **design)
        return encode(space, clean, used, **RIDGE)

    found, held_out = encoded([part], words, lacking, own)
    rows = own.usable
    alone = Folds(own.block[rows], own.position[rows], own.story[rows], own.run[rows], own.gap)
    table = words[run != "2"].reset_index(drop=True)
    expected, prediction = encoded([part[run != "2"]], table, lacking[rows], alone)
    np.testing.assert_allclose(found["r"], expected["r"], atol=1e-6)
    np.testing.assert_allclose(held_out[rows], prediction, atol=1e-5)
    assert np.isnan(held_out[~rows]).all()
    assert np.isnan(found["r_per_fold"][[2, 3]]).all()
