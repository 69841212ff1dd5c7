"""The words, and the annotators' categories and agreement, of data that start from responses."""

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
    note = words.attrs.get("note", "")  # what limits the data, for the report
    write_table(words, snakemake.output.words, made | {"note": note})
    for path in snakemake.output.categories:
        write_table(dataset.categories(folder, words), path, made)
    for path in snakemake.output.agreement:
        write_table(dataset.agreement(folder, words, params.seed), path, made)
