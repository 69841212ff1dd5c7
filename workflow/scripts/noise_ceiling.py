"""How much of one person's responses any model could predict."""

from _job import job
from lmbrain.artefacts import read_netcdf, write_netcdf
from lmbrain.encoding.drift import read_with_folds, responses_without_drift
from lmbrain.encoding.folds import read_folds
from lmbrain.meg.ceiling import noise_ceiling
from lmbrain.meg.ceiling_file import ceiling_file
from lmbrain.meg.split_half import of_repeats

with job(snakemake) as made:
    params = snakemake.params
    folds = read_folds(snakemake.input.folds)
    values, usable, halves = [], [], {}
    for subject, path in zip(params.subjects, snakemake.input.responses, strict=True):
        raw, own = read_with_folds(path, folds)
        if "repeat" in raw.dims:
            halves[subject] = of_repeats(raw, own, params.drift_cutoff)
        responses = responses_without_drift(raw, own, params.drift_cutoff)
        values.append(responses.to_numpy())
        usable.append(own.usable)
    found = noise_ceiling(values, folds, usable, params.seed)
    across = [read_netcdf(path) for path in snakemake.input.cross_subject]
    result = ceiling_file(found, across, halves, params.subjects, responses)
    write_netcdf(result, snakemake.output.ceiling, made)
