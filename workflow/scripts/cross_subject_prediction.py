"""Predict one person's responses to each held-out word from the other people's."""

import xarray as xr
from _job import job
from lmbrain.artefacts import write_netcdf
from lmbrain.encoding.folds import read_folds
from lmbrain.meg.denoising import cross_subject_prediction
from lmbrain.responses import read_responses

with job(snakemake) as made:
    responses = read_responses(snakemake.input.responses)
    others = [read_responses(path).to_numpy() for path in snakemake.input.others]
    folds = read_folds(snakemake.input.folds)
    values = cross_subject_prediction(
        responses.to_numpy(), others, folds, **snakemake.params.settings
    )
    prediction = xr.DataArray(
        values,
        dims=responses.dims,
        coords={"sensor": responses["sensor"], "time": responses["time"]},
        name="prediction",
    )
    write_netcdf(prediction.to_dataset(), snakemake.output.prediction, made)
