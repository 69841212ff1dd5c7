"""Look for planted words in stories of one length."""

from itertools import product

import pandas as pd

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.calibration.detection import detect

with job(snakemake) as made:
    params, words = snakemake.params, int(snakemake.wildcards.words)
    settings = params.settings
    cells = product(settings["strengths"], settings["gains"], range(settings["cohorts"]))
    found = pd.concat(
        [detect(words, strength, gain, params.seed, number) for strength, gain, number in cells]
    )
    write_table(found, snakemake.output.found, made)
