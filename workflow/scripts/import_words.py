"""The words table, and the annotators' categories, of a data set that starts from responses."""

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.datasets import alice, harry_potter
from lmbrain.datasets.places import data_folder

with job(snakemake) as made:
    kind, settings = snakemake.params.kind, snakemake.params.settings
    story, subjects = snakemake.params.story, snakemake.params.subjects
    folder = data_folder(settings["root"], kind)
    if kind == "alice":
        words = alice.words_table(folder, story, settings["pause"])
    else:
        words = harry_potter.words_table(folder, subjects, settings["chapter"], story)
    write_table(words, snakemake.output.words, made)
    for path in snakemake.output.categories:
        write_table(harry_potter.categories(folder, words), path, made)
