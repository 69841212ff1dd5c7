"""Does one model predict the responses better than another, and where and when?"""

import numpy as np

from _job import job
from lmbrain.artefacts import read_netcdf, write_netcdf
from lmbrain.encoding.drift import read_scored_responses
from lmbrain.encoding.folds import read_folds
from lmbrain.inference.clusters import read_neighbours
from lmbrain.inference.comparison import compare_models
from lmbrain.inference.fits import read_fit
from lmbrain.inference.summary import summarise

with job(snakemake) as made:
    given, params = snakemake.input, snakemake.params
    settings = dict(params.settings)
    windows = settings.pop("windows")
    folds = read_folds(given.folds)
    like = read_netcdf(given.base_scores[0])["r"]

    def people():
        base = map(read_fit, given.base_scores, given.base)
        tuned = map(read_fit, given.tuned_scores, given.tuned)
        for path, *fits in zip(given.responses, base, tuned, strict=True):
            response = read_scored_responses(path, folds, params.drift_cutoff).to_numpy()
            yield response.reshape(len(response), -1), *fits

    found = compare_models(
        people(),
        folds,
        adjacency=read_neighbours(given.recording, like["sensor"].to_numpy(), like.shape[1]),
        level=params.level,
        drift_cutoff=params.drift_cutoff,
        seed=params.seed,
        **settings,
    )
    base, tuned = (
        np.array([read_netcdf(path)["r"].to_numpy() for path in paths])
        for paths in (given.base_people, given.tuned_people)
    )
    result = summarise(
        found,
        {"sensor": like["sensor"], "time": like["time"]},
        windows,
        tuned - base,
        read_netcdf(given.ceiling)["reliability"].to_numpy(),
        params.average_of,
        resamples=settings["resamples"],
        seed=params.seed,
    )
    result.attrs["level"] = params.level
    write_netcdf(result, snakemake.output.comparison, made)
