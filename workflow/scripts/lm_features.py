"""Hidden states, surprisal and entropy of every word in one language model."""

from pathlib import Path

from _job import devices, job
from lmbrain.features.language_model import load_model
from lmbrain.features.word_features import write_word_features
from lmbrain.words import read_words

with job(snakemake) as made:
    wanted = dict(snakemake.params.language_model)
    if snakemake.input.weights:
        wanted |= {"source": str(Path(snakemake.input.weights[0]).parent), "revision": None}
    places = devices(snakemake)
    model, tokenizer = load_model(
        **wanted, device=places[0], untrained_seed=snakemake.params.untrained_seed
    )
    write_word_features(
        snakemake.output.features,
        made,
        read_words(snakemake.input.words),
        model,
        tokenizer,
        surprisal=snakemake.params.surprisal,
        devices=places,
        **snakemake.params.settings,
    )
