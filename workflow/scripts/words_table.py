"""The words table of a BIDS data set, checked over all people and runs."""

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.datasets.bids import words_table

with job(snakemake) as made:
    words = words_table(subjects=snakemake.params.subjects, **snakemake.params.settings)
    write_table(words, snakemake.output.words, made)
