"""Predict one person's responses from each layer and context length."""

from functools import partial

from _job import job, products_device
from lmbrain.artefacts import write_netcdf
from lmbrain.encoding.drift import read_with_folds, responses_without_drift
from lmbrain.encoding.folds import read_folds
from lmbrain.encoding.model import layers_of, read_parts
from lmbrain.encoding.space import feature_space
from lmbrain.encoding.sweep import sweep
from lmbrain.words import read_words

with job(snakemake) as made:
    params, given = snakemake.params, snakemake.input
    words = read_words(given.words)
    responses, folds = read_with_folds(given.responses, read_folds(given.folds))
    controls = read_parts(params.controls, given.controls, params.layer, words)

    def space(names, parts, **changed):
        design = params.design | changed
        return feature_space(names, parts, words, responses, folds, **design)

    states = {
        (context, layer): partial(read_parts, ["base"], [path], layer, words)
        for context, path in zip(params.contexts, given.states, strict=True)
        for layer in layers_of(path)
    }
    result = sweep(
        lambda values: space(["base"], values, rate=False)[0],
        lambda values: space([*params.controls, "base"], [*controls, *values])[0],
        space(params.controls, controls)[0] if controls or params.design["rate"] else None,
        states,
        responses_without_drift(responses, folds, params.design["drift_cutoff"]),
        folds,
        **params.ridge,
        device=products_device(snakemake),
    )
    write_netcdf(result, snakemake.output.sweep, made)
