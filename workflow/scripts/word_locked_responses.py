"""Average one person's cleaned recordings after each word."""

import mne

from _job import job
from lmbrain.datasets.bids import item_onsets
from lmbrain.meg.word_locked import word_locked, write_epochs
from lmbrain.words import read_words

with job(snakemake) as made:
    params, subject = snakemake.params, snakemake.wildcards.subject
    raws = {
        run: mne.io.read_raw_fif(path, preload=True, verbose="error")
        for run, path in zip(params.runs, snakemake.input.raw, strict=True)
    }
    onsets = {
        run: item_onsets(
            raw,
            root=params.root,
            subject=subject,
            run=run,
            entities=params.runs[run],
            events=params.events,
            tolerance=params.settings["bin_width"] / 2,
            **params.timing,
        )
        for run, raw in raws.items()
    }
    words = read_words(snakemake.input.words)
    epochs = word_locked(raws, words, onsets, **params.settings, lacking=params.lacking)
    write_epochs(epochs, snakemake.output.responses, made)
