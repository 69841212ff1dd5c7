"""How much better a tuned model predicts the response to each word."""

import numpy as np
import pandas as pd

from _job import job
from lmbrain.artefacts import read_netcdf, write_table
from lmbrain.encoding.drift import read_scored_responses
from lmbrain.encoding.folds import read_folds
from lmbrain.inference.comparison import response_energy, word_improvement

with job(snakemake) as made:
    given, params = snakemake.input, snakemake.params
    folds = read_folds(given.folds)
    responses = read_scored_responses(given.responses, folds, params.drift_cutoff)
    time = responses["time"].to_numpy()
    inside = (time > params.window["start"]) & (time < params.window["stop"])
    values = [
        array.to_numpy().reshape(len(responses), -1)
        for array in (responses, *(read_netcdf(p)["prediction"] for p in (given.base, given.tuned)))
    ]
    targets = np.broadcast_to(inside, responses.shape[1:]).ravel()
    improvement = word_improvement(*values, folds, targets)
    energy = response_energy(values[0], folds, targets)
    words = pd.DataFrame({"item": np.arange(len(responses)), "improvement": improvement})
    words["response_energy"] = energy
    write_table(words, snakemake.output.words, made)
