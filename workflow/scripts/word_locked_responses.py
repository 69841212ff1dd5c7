"""Average one person's cleaned recordings after each word."""

import logging

import mne

from _job import job
from lmbrain.artefacts import write_json
from lmbrain.datasets.bids import story_name
from lmbrain.datasets.bids_onsets import item_onsets
from lmbrain.meg.presentations import mean_over_presentations
from lmbrain.meg.timing import in_a_sentence
from lmbrain.meg.word_locked import write_epochs
from lmbrain.words import read_words

with job(snakemake) as made:
    params, given = snakemake.params, snakemake.input
    recorded = list(given.recorded) or [None] * len(params.runs)
    onsets, told = {}, {}
    for (run, entities), recording in zip(params.runs.items(), recorded, strict=True):
        onsets[run], told[run] = item_onsets(
            recording,
            root=params.root,
            subject=snakemake.wildcards.subject,
            run=run,
            entities=entities,
            story=story_name(params.story, params.story_per, entities),
            events=params.events,
            timing=params.timing,
            bin_width=params.settings["bin_width"],
        )
        logging.info("Run %s: %s", run, in_a_sentence(told[run]))
    raws = {
        run: mne.io.read_raw_fif(path, verbose="error")
        for run, path in zip(params.runs, given.raw, strict=True)
    }
    words = read_words(given.words)
    epochs = mean_over_presentations(raws, words, onsets, params.presentations, **params.settings)
    write_epochs(epochs, snakemake.output.responses, made)
    write_json({"runs": told}, snakemake.output.timing, made)
