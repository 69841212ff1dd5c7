"""The files that describe the simulated BIDS data set as a whole."""

from pathlib import Path

from _job import job
from lmbrain.simulation.cohort import write_dataset_files

with job(snakemake) as made:
    write_dataset_files(Path(snakemake.output.description).parent, snakemake.params.subjects)
