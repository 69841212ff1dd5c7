"""One person's average response to a word's onset."""

import mne

from _job import job
from lmbrain.artefacts import write_json
from lmbrain.meg.word_response import word_response

with job(snakemake) as made:
    epochs = mne.read_epochs(snakemake.input.responses, proj=False, verbose="error")
    write_json(word_response(epochs, snakemake.params.seed), snakemake.output.summary, made)
