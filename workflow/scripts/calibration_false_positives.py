"""Count false positives in one kind of noise and length of story."""

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.calibration.cohorts import Plan
from lmbrain.calibration.false_positives import false_positives

with job(snakemake) as made:
    params, cell = snakemake.params, snakemake.wildcards
    sizes = {name: params.settings[name] for name in ("stories", "cohorts")}
    plan = Plan(words=int(cell.words), **sizes, **params.plan)
    counts, measured = false_positives(cell.noise, plan, params.seed)
    write_table(counts, snakemake.output.counts, made)
    write_table(measured, snakemake.output.autocorrelation, made)
