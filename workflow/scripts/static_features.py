"""The input embedding of every word, without any context."""

from pathlib import Path

from _job import job
from lmbrain.artefacts import write_netcdf
from lmbrain.features.language_model import load_model
from lmbrain.features.static import static_features
from lmbrain.words import read_words

with job(snakemake) as made:
    wanted = dict(snakemake.params.language_model)
    if snakemake.input.weights:
        wanted |= {"source": str(Path(snakemake.input.weights[0]).parent), "revision": None}
    # the rows of a matrix are only read here, which a CPU does in float32
    model, tokenizer = load_model(**wanted | {"dtype": "float32"}, device="cpu")
    features = static_features(
        read_words(snakemake.input.words),
        model,
        tokenizer,
        strip_punctuation=snakemake.params.strip_punctuation,
    )
    write_netcdf(features, snakemake.output.features, made)
