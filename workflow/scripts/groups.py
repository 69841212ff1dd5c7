"""Choose the most and the least divergent sentences, for proposing and for testing."""

from _job import job
from lmbrain.artefacts import read_table, write_table
from lmbrain.hypotheses.groups import choose_groups

with job(snakemake) as made:
    sentences = read_table(
        snakemake.input.sentences, numeric=("sentence", "first_item", "last_item", "divergence")
    )
    groups = choose_groups(sentences, **snakemake.params.settings)
    write_table(groups, snakemake.output.groups, made)
