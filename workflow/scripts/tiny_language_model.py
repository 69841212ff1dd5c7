"""Train the tiny tokenizer and language model on generated sentences."""

from pathlib import Path

from _job import job
from lmbrain.features.language_model import save_model
from lmbrain.simulation import material
from lmbrain.simulation.corpus import corpus
from lmbrain.simulation.language_model import train_causal_lm, train_tokenizer

with job(snakemake) as made:
    params = snakemake.params
    texts = corpus(
        params.seed,
        params.texts["corpus_sentences"],
        material.lexicon(),
        material.subjects(),
        material.neutral(),
        story=material.story(),
    )
    tokenizer = train_tokenizer(texts, params.texts["vocabulary"])
    model = train_causal_lm(
        texts,
        tokenizer,
        n_layer=params.size["layers"],
        n_embd=params.size["width"],
        n_head=params.size["heads"],
        steps=params.size["steps"],
        seed=params.seed + params.size["seed_offset"],
        threads=snakemake.threads,
        **params.training,
    )
    save_model(model, tokenizer, Path(snakemake.output.weights).parent)
