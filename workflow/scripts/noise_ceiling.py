"""How much of one person's responses any model could predict."""

import xarray as xr

from _job import job
from lmbrain.artefacts import read_netcdf, write_netcdf
from lmbrain.encoding.drift import read_scored_responses
from lmbrain.encoding.folds import read_folds
from lmbrain.meg.ceiling import cross_subject_correlation, noise_ceiling

with job(snakemake) as made:
    params = snakemake.params
    folds = read_folds(snakemake.input.folds)
    people = [
        read_scored_responses(path, folds, params.drift_cutoff)
        for path in snakemake.input.responses
    ]
    values = [person.to_numpy() for person in people]
    ceiling = noise_ceiling(values, folds)
    result = xr.Dataset(
        {
            "reliability": (("sensor", "time"), ceiling.reliability),
            "ceiling": (("sensor", "time"), ceiling.ceiling),
            "leave_one_out": (("subject", "sensor", "time"), ceiling.leave_one_out),
        },
        coords={
            "sensor": people[0]["sensor"],
            "time": people[0]["time"],
            "subject": params.subjects,
        },
        attrs={"note": ceiling.note},
    )
    if snakemake.input.cross_subject:
        others = [
            read_netcdf(path)["prediction"].to_numpy() for path in snakemake.input.cross_subject
        ]
        result["cross_subject"] = (
            ("subject", "sensor", "time"),
            cross_subject_correlation(values, others, folds),
        )
    write_netcdf(result, snakemake.output.ceiling, made)
