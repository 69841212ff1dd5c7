"""One person's responses of a data set that starts from responses."""

from _job import job
from lmbrain.artefacts import write_netcdf
from lmbrain.datasets import alice, harry_potter
from lmbrain.datasets.places import data_folder
from lmbrain.meg.word_locked import write_epochs
from lmbrain.words import read_words

with job(snakemake) as made:
    kind, settings = snakemake.params.kind, snakemake.params.settings
    subject = snakemake.wildcards.subject
    folder = data_folder(settings["root"], kind)
    if kind == "alice":
        responses = alice.responses(
            folder, subject, settings["first_volume"], settings["repetition_time"]
        )
        write_netcdf(responses.to_dataset(), snakemake.output.responses, made)
    else:
        words = read_words(snakemake.input.words)
        epochs = harry_potter.epochs(
            folder, subject, settings["chapter"], words, snakemake.params.picks
        )
        write_epochs(epochs, snakemake.output.responses, made)
