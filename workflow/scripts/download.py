"""Fetch the files of the study's data set that have an address; say where the others are."""

import logging
import sys

from _job import job
from lmbrain.datasets.downloads import NO_URL, fetch, read_downloads, row_of
from lmbrain.datasets.inventory import missing_files
from lmbrain.datasets.places import data_folder
from lmbrain.datasets.sources import source

TABLE = "config/downloads.tsv"


def say(sentence):
    logging.info("%s", sentence)
    print(sentence, file=sys.stderr)


with job(snakemake):
    params, rows = snakemake.params, read_downloads(TABLE)
    folder = data_folder(params.settings["root"], params.kind)
    wanted = source(params.kind).files(folder, params.subjects, params.settings, params.lacking)
    for kind, paths in wanted.items():
        for path in paths:
            row = row_of(rows, kind, path, folder)
            if row["url"] != NO_URL:
                say(fetch(row, path))
    for sentence in missing_files(wanted, TABLE, folder):
        say(f"No address is known for {sentence}")
