"""Predict what one person's responses share with the other people's."""

from _job import job, products_device
from lmbrain.artefacts import write_netcdf
from lmbrain.encoding.drift import read_scored_responses
from lmbrain.encoding.folds import read_folds
from lmbrain.encoding.model import encode, read_parts
from lmbrain.encoding.space import feature_space
from lmbrain.meg.denoising import denoised_targets, words_with_others
from lmbrain.words import read_words

with job(snakemake) as made:
    params = snakemake.params
    words = read_words(snakemake.input.words)
    parts = read_parts(params.parts, snakemake.input.features, params.layer, words)
    folds, cutoff = read_folds(snakemake.input.folds), params.design["drift_cutoff"]
    responses, *others = (
        read_scored_responses(path, folds, cutoff)
        for path in [snakemake.input.responses, *snakemake.input.others]
    )
    usable = [other["usable"].to_numpy() for other in others]
    others = [other.to_numpy() for other in others]
    folds = folds.of_person(responses["usable"].to_numpy())
    folds = folds.of_person(words_with_others(folds, usable))
    targets = denoised_targets(
        responses.to_numpy(), others, folds, **params.denoising, usable=usable
    )
    space, responses = feature_space(params.parts, parts, words, responses, folds, **params.design)
    gpu = products_device(snakemake)
    scores, _ = encode(space, responses, folds, **params.ridge, device=gpu, targets=targets)
    scores.attrs["within_folds"] = int(params.denoising["within_folds"])
    write_netcdf(scores, snakemake.output.scores, made)
