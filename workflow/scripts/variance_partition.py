"""What each part of the language model's space explains of one person's responses."""

from _job import job, products_device
from lmbrain.artefacts import write_netcdf
from lmbrain.encoding.drift import read_with_folds
from lmbrain.encoding.folds import read_folds
from lmbrain.encoding.model import read_parts
from lmbrain.encoding.partition import variance_partition
from lmbrain.encoding.space import feature_space
from lmbrain.words import read_words

with job(snakemake) as made:
    params = snakemake.params
    words = read_words(snakemake.input.words)
    parts = read_parts(params.parts, snakemake.input.features, params.layer, words)
    responses, folds = read_with_folds(snakemake.input.responses, read_folds(snakemake.input.folds))
    space, responses = feature_space(params.parts, parts, words, responses, folds, **params.design)
    gpu = products_device(snakemake)
    partition = variance_partition(space, responses, folds, **params.ridge, device=gpu)
    write_netcdf(partition, snakemake.output.partition, made)
