"""The words table of a BIDS data set, checked over all people and runs."""

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.datasets.bids import words_table

with job(snakemake) as made:
    words = words_table(
        story=snakemake.params.story,
        subjects=snakemake.params.subjects,
        user_columns=snakemake.params.user_columns,
        **snakemake.params.settings,
    )
    write_table(words, snakemake.output.words, made)
