"""Where one feature space predicts the responses better than chance."""

import numpy as np
import xarray as xr

from _job import job
from lmbrain.artefacts import read_netcdf, write_netcdf
from lmbrain.encoding.drift import read_scored_responses
from lmbrain.encoding.folds import read_folds
from lmbrain.inference.clusters import read_neighbours
from lmbrain.inference.comparison import sign_flip_people
from lmbrain.inference.fits import read_fit
from lmbrain.inference.significance import chance_test

SKEWED = (
    "Over people r itself is tested, whose distribution is skewed where nothing is predicted: sign "
    "flips reject up to 6% at .05."
)

with job(snakemake) as made:
    params = snakemake.params
    folds = read_folds(snakemake.input.folds)
    given = snakemake.input

    def people():
        fits = zip(given.responses, given.scores, given.predictions, strict=True)
        for response_path, scores, prediction in fits:
            responses = read_scored_responses(response_path, folds, params.drift_cutoff)
            own = folds.of_person(responses["usable"].to_numpy(), response_path)
            values = responses.to_numpy().reshape(len(responses), -1)
            yield values, read_fit(scores, prediction, own)

    like = read_netcdf(given.scores[0])["r"]
    shape, settings = like.shape, params.settings
    test = chance_test(
        people(),
        folds,
        drift_cutoff=params.drift_cutoff,
        adjacency=read_neighbours(given.responses[0], like["sensor"].to_numpy(), shape[1]),
        seed=params.seed,
        **settings,
    )
    notes = list(test.notes)
    result = xr.Dataset(
        {
            name: (("sensor", "time"), getattr(test, name).reshape(shape).astype(float))
            for name in ("r", "p", "p_fwe", "q", "lag1", "decay")
        }
        | {
            "interval": (("bound", "sensor", "time"), test.interval.reshape(2, *shape)),
            "r_people": (("subject", "sensor", "time"), test.r_people.reshape(-1, *shape)),
        },
        coords={"sensor": like["sensor"], "time": like["time"]},
    )
    if test.p_cluster is not None:
        result["p_cluster"] = (("sensor", "time"), test.p_cluster.reshape(shape))
    if len(test.r_people) > 1:
        across = sign_flip_people(test.r_people, settings["resamples"], params.seed)
        result["p_people"] = (("sensor", "time"), across.p.reshape(shape))
        result["p_people_fwe"] = (("sensor", "time"), across.p_fwe.reshape(shape))
        notes += [*across.notes, SKEWED]
    result["significant"] = (result["p_fwe"] < settings["level"]).astype(np.int8)
    result.attrs = {"notes": "\n".join(notes), "level": settings["level"]}
    result.attrs["mean_interval"] = test.mean_interval
    if test.block is not None:
        result.attrs["block"] = test.block
    write_netcdf(result, snakemake.output.significance, made)
