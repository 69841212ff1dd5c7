"""Attack every step that could see the test words."""

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.calibration.leaks import leak_tests

with job(snakemake) as made:
    found = leak_tests(snakemake.params.attempts, snakemake.params.seed)
    write_table(found, snakemake.output.attacks, made)
