"""Decide what the simulated brains respond to, word by word."""

from pathlib import Path

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.features.language_model import load_model
from lmbrain.features.word_features import word_features
from lmbrain.simulation import material
from lmbrain.simulation.stimulus import stimulus_words
from lmbrain.simulation.truth import category_table, truth_table

with job(snakemake) as made:
    params, recordings = snakemake.params, snakemake.params.recordings
    words = stimulus_words(
        material.story(),
        recordings["words"],
        params.runs,
        recordings["word_interval"],
        params.story,
    )
    folder = str(Path(snakemake.input.brain_model).parent)
    model, tokenizer = load_model(folder, None, "float32", "cpu")
    layer = model.config.num_hidden_layers - 1
    settings = {**params.features, "layers": [layer]}
    features = word_features(words, model, tokenizer, surprisal=False, **settings)
    annotation = material.annotation()
    regressors = truth_table(
        words,
        annotation,
        features["hidden"].isel(layer=0).to_numpy(),
        recordings["planted_domains"],
    )
    write_table(words, snakemake.output.stimulus, made)
    write_table(regressors, snakemake.output.regressors, made)
    write_table(
        category_table(words, annotation, params.domains), snakemake.output.categories, made
    )
