"""Predict one person's responses from one feature space."""

import numpy as np

from _job import job
from lmbrain.artefacts import write_netcdf
from lmbrain.encoding.design import WordDesign, prepare
from lmbrain.encoding.folds import read_folds
from lmbrain.encoding.model import encode, read_parts
from lmbrain.responses import read_responses
from lmbrain.words import read_words

with job(snakemake) as made:
    params = snakemake.params
    words = read_words(snakemake.input.words)
    features = read_parts(params.parts, snakemake.input.features, params.layer, words)
    responses = read_responses(snakemake.input.responses)
    folds = read_folds(snakemake.input.folds)
    if params.delays:
        features, responses = prepare(
            features,
            responses,
            words,
            folds,
            components=params.components,
            rate=params.rate,
            delays=params.delays,
            repetition_time=params.repetition_time,
            drift_cutoff=params.drift_cutoff,
        )
    elif params.components:
        features = WordDesign(features, params.components)
    else:
        features = np.hstack(features)
    scores, prediction = encode(
        features,
        responses,
        folds,
        penalties=params.ridge["penalties"],
        penalty_per=params.ridge["penalty_per"],
    )
    write_netcdf(scores, snakemake.output.scores, made)
    write_netcdf(prediction.to_dataset(), snakemake.output.predictions, made)
