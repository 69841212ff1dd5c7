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
from lmbrain.responses import people_averaged, read_responses

with job(snakemake) as made:
    given, params = snakemake.input, snakemake.params
    settings = dict(params.settings)
    windows = settings.pop("windows")
    folds = read_folds(given.folds)
    like = read_netcdf(given.base_scores[0])["r"]

    def people():
        base = zip(given.base_scores, given.base, strict=True)
        tuned = zip(given.tuned_scores, given.tuned, strict=True)
        for path, *fits in zip(given.responses, base, tuned, strict=True):
            responses = read_scored_responses(path, folds, params.drift_cutoff)
            own = folds.of_person(responses["usable"].to_numpy(), path)
            values = responses.to_numpy().reshape(len(responses), -1)
            yield values, *(read_fit(*files, own) for files in fits)

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
        people_averaged(read_responses(given.responses[0]), folds.usable),
        resamples=settings["resamples"],
        seed=params.seed,
    )
    result.attrs["level"] = params.level
    write_netcdf(result, snakemake.output.comparison, made)
