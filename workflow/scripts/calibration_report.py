"""Join the calibration's cells to tables, and show them on a page."""

import pandas as pd

from _job import job
from lmbrain.artefacts import atomic_path, read_table, write_table
from lmbrain.calibration.coverage import coverage
from lmbrain.calibration.detection import summarise_detection
from lmbrain.calibration.rates import summarise
from lmbrain.report.calibration import overview, sections
from lmbrain.report.page import render

TEXT = {"test", "noise", "effect", "question", "people", "measure", "attack"}
FLAGS = ("judged", "tight")


def joined(paths):
    tables = []
    for path in paths:
        columns = read_table(path).columns
        flags = tuple(c for c in columns if c in FLAGS)
        numeric = tuple(c for c in columns if c not in TEXT and c not in flags)
        tables.append(read_table(path, numeric, flags))
    return pd.concat(tables, ignore_index=True)


with job(snakemake) as made:
    given, written = snakemake.input, snakemake.output
    tables = {
        "rates": summarise(joined([*given.counts, *given.real_noise])),
        "coverage": coverage(joined(given.intervals)),
        "power": joined(given.curves),
        "detection": summarise_detection(joined(given.found)),
    }
    for name, table in tables.items():
        write_table(table, written[name], made)
    shown = sections(
        **tables,
        autocorrelation=joined(given.autocorrelation),
        leaks=joined([given.attacks]),
    )
    head = overview(
        snakemake.config["study"], snakemake.params.calibration, shown, made["versions"]
    )
    with atomic_path(written.page) as temporary:
        temporary.write_text(render(head, shown), encoding="utf-8")
