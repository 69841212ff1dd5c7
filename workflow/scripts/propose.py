"""Propose in words how divergent sentences differ from the others."""

from _job import job
from lmbrain.hypotheses.backends import propose
from lmbrain.hypotheses.groups import read_groups
from lmbrain.hypotheses.hypothesis import write_hypotheses

with job(snakemake) as made:
    hypotheses = propose(
        read_groups(snakemake.input.groups),
        snakemake.params.seed,
        cache=snakemake.params.cache,
        **snakemake.params.settings,
    )
    write_hypotheses(hypotheses, snakemake.output.hypotheses, made)
