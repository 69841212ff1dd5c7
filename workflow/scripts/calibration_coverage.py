"""Simulate effects with their intervals in one kind of noise and length of story."""

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.calibration.cohorts import Plan
from lmbrain.calibration.coverage import interval_samples

with job(snakemake) as made:
    params, cell = snakemake.params, snakemake.wildcards
    sizes = {name: params.settings[name] for name in ("stories", "cohorts")}
    plan = Plan(words=int(cell.words), **sizes, **params.plan)
    found = interval_samples(cell.noise, plan, params.settings["strengths"], params.seed)
    write_table(found, snakemake.output.intervals, made)
