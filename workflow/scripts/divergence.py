"""Score every word and sentence by how far language model and brains part ways there."""

import numpy as np
import pandas as pd

from _job import job
from lmbrain.artefacts import read_netcdf, read_table, write_table
from lmbrain.divergence import (
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
)
from lmbrain.encoding.drift import read_scored_responses, without_drift
from lmbrain.encoding.folds import read_folds
from lmbrain.encoding.model import read_features
from lmbrain.words import read_words

COVARIATES = ("length", "log_frequency", "position_in_story")

with job(snakemake) as made:
    params, settings = snakemake.params, snakemake.params.settings
    words, folds = read_words(snakemake.input.words), read_folds(snakemake.input.folds)
    people = [
        read_scored_responses(path, folds, params.drift_cutoff)
        for path in snakemake.input.responses
    ]
    continuous = "seconds" in people[0].coords
    responses = [person.to_numpy() for person in people]
    usable = [person["usable"].to_numpy() for person in people]
    if all(mask[folds.usable].all() for mask in usable):
        usable = None  # everybody has everything
    predictions, others, controls = (
        [read_netcdf(path)["prediction"].to_numpy() for path in paths]
        for paths in (
            snakemake.input.predictions,
            snakemake.input.cross_subject,
            snakemake.input.control_predictions,
        )
    )
    time = people[0]["time"].to_numpy()
    start, stop = settings["window"]["start"], settings["window"]["stop"]
    window = np.ones(len(time), bool) if continuous else (time > start) & (time < stop)
    fraction = settings["sensor_fraction"]
    if len(people) > 1:
        sensors = select_reliable_sensors(responses, folds, window, fraction, usable)
    else:
        validation_r = read_netcdf(snakemake.input.scores[0])["validation_r"].to_numpy()
        sensors = select_sensors(validation_r, window, fraction)
    features = None
    if not continuous:
        features = read_features(params.parts, snakemake.input.features, params.layer, words)
        features = without_drift(features, folds, params.drift_cutoff)
    arguments = {
        "window": window,
        "sensors": sensors,
        "components": settings["components"],
        "others": others or None,
        "controls": controls or None,
        "features": features,
        "usable": usable,
    }
    by_person = divergence_by_person(responses, predictions, folds, **arguments)
    note = by_person.together.attrs["note"]
    traits = read_table(snakemake.input.controls, numeric=COVARIATES)[list(COVARIATES)]

    def finish(scores):
        if continuous:
            seconds = people[0]["seconds"].to_numpy()
            scores = samples_to_words(scores, seconds, folds.segment, words, (start, stop))
        return pd.concat([scores, adjusted(scores, traits)], axis=1)

    if continuous:
        note = f"{note} Components are those of the shared response (samples have no features)."
    scores = finish(by_person.together)
    measure = ranking_measure(scores, settings["measure"])
    halves = split_half_reliability(responses, predictions, folds, finish=finish, **arguments)
    each = person_reliability(by_person, finish)
    diagnostics = divergence_diagnostics(scores, traits, halves, each)
    diagnostics["ranks"] = diagnostics["measure"] == measure
    sentences = sentence_divergence(scores, words, settings["minimal_sentence_words"])
    table = pd.concat([words[["item", "text", "sentence"]], scores], axis=1)
    table.insert(3, "divergence", scores[measure])
    made["note"], made["measure"] = note.strip(), measure
    write_table(table, snakemake.output.words, made)
    write_table(rank_sentences(sentences, measure), snakemake.output.sentences, made)
    write_table(diagnostics, snakemake.output.diagnostics, made)
