"""Judge every hypothesis on every sentence of the half that did not propose it."""

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.hypotheses.backends import verify
from lmbrain.hypotheses.groups import read_groups
from lmbrain.hypotheses.hypothesis import read_hypotheses

with job(snakemake) as made:
    verdicts = verify(
        read_hypotheses(snakemake.input.hypotheses),
        read_groups(snakemake.input.groups),
        cache=snakemake.params.cache,
        **snakemake.params.settings,
    )
    write_table(verdicts, snakemake.output.verdicts, made)
