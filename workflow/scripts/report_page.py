"""Write the report."""

from itertools import product
from pathlib import Path

import mne

from _job import job
from lmbrain.artefacts import atomic_path, read_json, read_netcdf, read_table
from lmbrain.encoding.folds import read_folds
from lmbrain.hypotheses.groups import read_groups
from lmbrain.report import (
    beyond,
    ceiling,
    divergence,
    encoding,
    hypotheses,
    methods,
    parts,
    planted,
    recordings,
    tuning,
)
from lmbrain.report.overview import overview
from lmbrain.report.page import render
from lmbrain.words import read_words

HISTORY = ("step", "train_loss", "validation_loss", "validation_accuracy")
SPECIFICITY = ("gain", "ci_low", "ci_high", "p", "p_corrected", "n_words")
AGREEMENT = ("alpha", "low", "high", "annotators", "words", "share")
WORDS = {"text", "story", "property", "hypothesis", "measure", "ranks"}
SENTENCES = {"examples_for", "examples_against"}


def numbers(path, boolean=()):
    """A table whose columns are numbers, except those that hold text."""
    text = WORDS | SENTENCES | set(boolean)
    return read_table(path, tuple(c for c in read_table(path) if c not in text), boolean)


def by_name(names, paths, read):
    return dict(zip(names, map(read, paths), strict=True))


with job(snakemake) as made:
    given, params = snakemake.input, snakemake.params
    config, shown = params.config, params.config["report"]
    words, folds = read_words(given.words), read_folds(given.folds)
    info = None
    if given.responses[0].endswith(".fif"):
        info = mne.read_epochs(given.responses[0], preload=False, verbose="error").info
    scores = by_name(product(params.spaces, params.subjects), given.scores, read_netcdf)
    scores = {space: [scores[space, s] for s in params.subjects] for space in params.spaces}
    significance = by_name(params.spaces, given.significance, read_netcdf)
    limits = read_netcdf(given.ceiling)
    divergence_made = read_json(Path(given.word_divergence).with_suffix(".json"))["made_by"]
    folds_made = read_json(Path(given.folds).with_suffix(".json"))["made_by"]
    words_made = read_json(Path(given.words).with_suffix(".json"))["made_by"]
    notes = {"Data": [words_made.get("note", "")], "Folds": [folds_made["note"]]}
    for space, found in significance.items():
        said = [encoding.penalty_note(scores[space]), *found.attrs["notes"].split("\n")]
        notes[f"Encoding, {space}"] = said
    notes |= {"Ceiling": [limits.attrs["note"]], "Divergence": [divergence_made["note"]]}

    sections = []
    if given.scorecard:
        sections.append(planted.section(read_json(given.scorecard)))
    if given.word_responses:
        sections.append(
            recordings.section(
                by_name(map(tuple, params.runs), given.quality, read_json),
                by_name(params.subjects, given.timing, read_json) if given.timing else {},
                by_name(params.subjects, given.word_responses, read_json),
            )
        )
    explained = []
    if given.partitions or given.sweeps:
        explained.append(
            parts.section(
                [read_netcdf(path) for path in given.partitions],
                [read_netcdf(path) for path in given.sweeps],
                encoding.best_sensors(scores["lm"]),
            )
        )
    sections += [
        ceiling.section(limits, scores["lm"]),
        encoding.section(
            scores,
            [read_netcdf(path) for path in given.denoised],
            significance,
            limits,
            info,
            shown["topography_times"],
            config["encoding"]["spaces"],
        ),
        *explained,
        *(beyond.section(read_netcdf(path), info) for path in given.beyond),
        divergence.section(
            words,
            numbers(given.word_divergence),
            numbers(given.sentence_divergence),
            numbers(given.diagnostics, boolean=("ranks",)),
            divergence_made,
            config["divergence"]["window"],
        ),
        hypotheses.section(
            numbers(given.ranked), read_groups(given.groups), shown["hypotheses_shown"]
        ),
    ]
    if params.domains:
        comparisons = by_name(params.domains, given.comparisons, read_netcdf)
        histories = by_name(params.domains, given.histories, lambda p: read_table(p, HISTORY))
        table = read_table(given.specificity[0], SPECIFICITY) if given.specificity else None
        agreement = read_table(given.agreement[0], AGREEMENT) if given.agreement else None
        sections.append(tuning.section(histories, comparisons, table, info, agreement))
        notes |= {f"Tuned on {d}": c.attrs["notes"].split("\n") for d, c in comparisons.items()}
    hashes = dict(zip(given, made["inputs"].values(), strict=True))
    sections.append(methods.section(config, len(params.subjects), notes, hashes))
    has = folds_made["samples_of_people"]
    head = overview(config, words, folds, params.subjects, sections, made["versions"], has)
    with atomic_path(snakemake.output.page) as temporary:
        temporary.write_text(render(head, sections), encoding="utf-8")
