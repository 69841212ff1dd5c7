"""Which words each tuned model predicts better: its own domain's, or any?"""

import pandas as pd

from _job import job
from lmbrain.artefacts import read_table, write_table
from lmbrain.encoding.folds import read_folds
from lmbrain.inference.specificity import specificity, word_covariates
from lmbrain.words import read_words

with job(snakemake) as made:
    params, settings = snakemake.params, snakemake.params.settings
    words = read_words(snakemake.input.words)
    categories = read_table(snakemake.input.categories[0])
    names = tuple(c for c in categories.columns if c not in ("item", "text"))
    categories = read_table(snakemake.input.categories[0], boolean=names)[list(names)]
    improvements = {
        domain: read_table(path, numeric=("improvement",))["improvement"]
        for domain, path in zip(params.domains, snakemake.input.improvements, strict=True)
    }
    frequency = read_table(snakemake.input.controls, numeric=("log_frequency",))["log_frequency"]
    energy = read_table(snakemake.input.improvements[0], numeric=("response_energy",))
    table = specificity(
        pd.DataFrame(improvements),
        categories,
        word_covariates(words, frequency, energy["response_energy"]),
        read_folds(snakemake.input.folds),
        own={domain: domain for domain in params.domains if domain in names},
        nested=params.nested,
        block=settings["block"],
        drift_cutoff=params.drift_cutoff,
        resamples=settings["resamples"],
        seed=params.seed,
    )
    write_table(table, snakemake.output.table, made)
