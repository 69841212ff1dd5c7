"""Test the hypotheses on the sentences that did not propose them, and rank them."""

from _job import job
from lmbrain.artefacts import read_table, write_table
from lmbrain.hypotheses.groups import read_groups
from lmbrain.hypotheses.hypothesis import read_hypotheses
from lmbrain.hypotheses.validity import rank

with job(snakemake) as made:
    verdicts = read_table(snakemake.input.verdicts, numeric=("sentence", "score"))
    ranked = rank(
        read_hypotheses(snakemake.input.hypotheses),
        verdicts.astype({"sentence": int}),
        read_groups(snakemake.input.groups),
        snakemake.params.resamples,
        snakemake.params.seed,
    )
    write_table(ranked, snakemake.output.ranked, made)
