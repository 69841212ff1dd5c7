"""Cut the story into folds, once for all later stages."""

from _job import job
from lmbrain.encoding.folds import make_folds, write_folds
from lmbrain.responses import common_samples, read_responses
from lmbrain.words import read_words

with job(snakemake) as made:
    words = read_words(snakemake.input.words)
    people = [read_responses(path) for path in snakemake.input.responses]
    story, position, usable = common_samples(people, words, snakemake.input.responses)
    folds = make_folds(story, position, usable, **snakemake.params.settings)
    write_folds(folds, snakemake.output.folds, made)
