"""Predict one person's responses to each held-out word from the other people's."""

from _job import job
from lmbrain.artefacts import write_netcdf
from lmbrain.encoding.drift import read_scored_responses
from lmbrain.encoding.folds import read_folds
from lmbrain.meg.cross_subject import cross_subject_file, predict_across

with job(snakemake) as made:
    params = snakemake.params
    folds = read_folds(snakemake.input.folds)
    responses, *others = (
        read_scored_responses(path, folds, params.drift_cutoff)
        for path in [snakemake.input.responses, *snakemake.input.others]
    )
    found = predict_across(
        responses.to_numpy(),
        [other.to_numpy() for other in others],
        folds.of_person(responses["usable"].to_numpy()),
        **params.settings,
        usable=[other["usable"].to_numpy() for other in others],
        seed=params.seed,
    )
    result = cross_subject_file(found, responses)
    result.attrs["within_folds"] = int(params.settings["within_folds"])
    write_netcdf(result, snakemake.output.prediction, made)
