"""Where one feature space predicts the responses better than chance."""

import numpy as np
import xarray as xr

from _job import job
from lmbrain.artefacts import read_netcdf, write_netcdf
from lmbrain.encoding.drift import read_scored_responses
from lmbrain.encoding.folds import read_folds
from lmbrain.inference.significance import chance_test

with job(snakemake) as made:
    params = snakemake.params
    folds = read_folds(snakemake.input.folds)
    clean = {"drift_cutoff": params.drift_cutoff, "repetition_time": params.repetition_time}

    def people():
        pairs = zip(snakemake.input.responses, snakemake.input.predictions, strict=True)
        for response_path, prediction_path in pairs:
            response = read_scored_responses(response_path, folds, **clean).to_numpy()
            prediction = read_netcdf(prediction_path)["prediction"].to_numpy()
            yield response.reshape(len(response), -1), prediction.reshape(len(response), -1)

    test = chance_test(people(), folds, seed=params.seed, **params.settings)
    like = read_netcdf(snakemake.input.predictions[0])["prediction"]
    shape = like.shape[1:]
    result = xr.Dataset(
        {
            name: (("sensor", "time"), getattr(test, name).reshape(shape).astype(float))
            for name in ("r", "p", "p_fwe", "q", "lag1", "decay")
        }
        | {"r_people": (("subject", "sensor", "time"), test.r_people.reshape(-1, *shape))},
        coords={"sensor": like["sensor"], "time": like["time"]},
        attrs={"notes": "\n".join(test.notes), "level": params.settings["level"]},
    )
    result["significant"] = (result["p_fwe"] < params.settings["level"]).astype(np.int8)
    write_netcdf(result, snakemake.output.significance, made)
