"""The words table of a BIDS data set, checked over all people and runs."""

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.datasets.bids import words_table

with job(snakemake) as made:
    params = snakemake.params
    words = words_table(
        root=params.root,
        subjects=params.subjects,
        recordings=params.recordings,
        presentations=params.presentations,
        lacking=params.lacking,
        story=params.story,
        story_per=params.story_per,
        words_file=params.words_file,
        user_columns=params.user_columns,
        **params.events,
    )
    write_table(words, snakemake.output.words, made)
