"""One person's responses of a data set that starts from responses."""

from _job import job
from lmbrain.artefacts import write_netcdf
from lmbrain.datasets.places import data_folder
from lmbrain.datasets.sources import source
from lmbrain.meg.word_locked import write_epochs
from lmbrain.words import read_words

with job(snakemake) as made:
    params, path = snakemake.params, snakemake.output.responses
    responses = source(params.kind).responses(
        data_folder(params.settings["root"], params.kind),
        snakemake.wildcards.subject,
        read_words(snakemake.input.words),
        params.settings,
        params.lacking,
        params.binning,
    )
    if path.endswith(".nc"):
        write_netcdf(responses.to_dataset(), path, made)
    else:
        write_epochs(responses, path, made)
