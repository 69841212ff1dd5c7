"""Predict what one person's responses share with the other people's."""

import numpy as np

from _job import job
from lmbrain.artefacts import write_netcdf
from lmbrain.encoding.design import WordDesign
from lmbrain.encoding.folds import read_folds
from lmbrain.encoding.model import encode, read_parts
from lmbrain.meg.denoising import denoised_targets
from lmbrain.responses import read_responses
from lmbrain.words import read_words

with job(snakemake) as made:
    params = snakemake.params
    words = read_words(snakemake.input.words)
    features = read_parts(params.parts, snakemake.input.features, params.layer, words)
    components = params.components
    features = WordDesign(features, components) if components else np.hstack(features)
    responses = read_responses(snakemake.input.responses)
    folds = read_folds(snakemake.input.folds)
    others = [read_responses(path).to_numpy() for path in snakemake.input.others]
    targets = denoised_targets(responses.to_numpy(), others, folds, **params.denoising)
    scores, _ = encode(
        features,
        responses,
        folds,
        penalties=params.ridge["penalties"],
        penalty_per=params.ridge["penalty_per"],
        targets=targets,
    )
    scores.attrs["within_folds"] = int(params.denoising["within_folds"])
    write_netcdf(scores, snakemake.output.scores, made)
