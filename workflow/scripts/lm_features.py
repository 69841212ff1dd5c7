"""Hidden states, surprisal and entropy of every word in one language model."""

from pathlib import Path

from _job import device, job
from lmbrain.artefacts import write_netcdf
from lmbrain.features.language_model import load_model
from lmbrain.features.word_features import word_features
from lmbrain.words import read_words

with job(snakemake) as made:
    wanted = dict(snakemake.params.language_model)
    if snakemake.input.weights:
        wanted |= {"source": str(Path(snakemake.input.weights[0]).parent), "revision": None}
    untrained = snakemake.wildcards.model == "untrained"
    model, tokenizer = load_model(
        **wanted,
        device=device(snakemake),
        untrained_seed=snakemake.params.seed if untrained else None,
    )
    words = read_words(snakemake.input.words)
    features = word_features(words, model, tokenizer, **snakemake.params.settings)
    write_netcdf(features, snakemake.output.features, made)
