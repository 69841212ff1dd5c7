"""The words table, and the annotators' categories, of a data set that starts from responses."""

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.datasets.places import data_folder
from lmbrain.datasets.sources import source

with job(snakemake) as made:
    params = snakemake.params
    folder, dataset = data_folder(params.settings["root"], params.kind), source(params.kind)
    words = dataset.words_table(
        folder, params.subjects, params.story, params.settings, params.lacking
    )
    write_table(words, snakemake.output.words, made)
    for path in snakemake.output.categories:
        write_table(dataset.categories(folder, words), path, made)
