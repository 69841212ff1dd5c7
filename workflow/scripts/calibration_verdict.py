"""Stop with an error if a test breaks its bound, an interval misses or a step leaks."""

from _job import job
from lmbrain.artefacts import read_table, write_json
from lmbrain.calibration.verdict import judge

with job(snakemake) as made:
    given = snakemake.input
    rates = read_table(
        given.rates, ("words", "level", "rate", "ci_low", "ci_high"), ("judged", "holds")
    )
    intervals = read_table(given.coverage, ("words", "strength", "coverage"), ("judged", "holds"))
    attacks = read_table(given.attacks, ("r", "error"), ("tight",))
    write_json(judge(rates, intervals, attacks, given.page), snakemake.output.verdict, made)
