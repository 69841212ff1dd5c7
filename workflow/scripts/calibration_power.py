"""Measure the power of each test in one kind of noise and length of story."""

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.calibration.cohorts import Plan
from lmbrain.calibration.power import power, power_curves

with job(snakemake) as made:
    params, cell = snakemake.params, snakemake.wildcards
    sizes = {name: params.settings[name] for name in ("stories", "cohorts")}
    plan = Plan(words=int(cell.words), **sizes, **params.plan)
    cohorts = power(cell.noise, plan, params.settings["strengths"], params.seed)
    write_table(power_curves(cohorts), snakemake.output.curves, made)
