"""Predict one person's responses to each held-out word from the other people's."""

import xarray as xr

from _job import job
from lmbrain.artefacts import write_netcdf
from lmbrain.encoding.drift import read_scored_responses
from lmbrain.encoding.folds import read_folds
from lmbrain.meg.denoising import cross_subject_prediction

with job(snakemake) as made:
    params = snakemake.params
    folds = read_folds(snakemake.input.folds)
    responses, *others = (
        read_scored_responses(path, folds, params.drift_cutoff)
        for path in [snakemake.input.responses, *snakemake.input.others]
    )
    values = cross_subject_prediction(
        responses.to_numpy(), [o.to_numpy() for o in others], folds, **params.settings
    )
    prediction = xr.DataArray(
        values,
        dims=responses.dims,
        coords={"sensor": responses["sensor"], "time": responses["time"]},
        name="prediction",
    )
    write_netcdf(prediction.to_dataset(), snakemake.output.prediction, made)
