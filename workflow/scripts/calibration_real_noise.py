"""Count false positives in measured responses to words that nobody heard."""

from pathlib import Path

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.calibration.real_noise import real_noise
from lmbrain.datasets import alice

with job(snakemake) as made:
    params, folder = snakemake.params, Path(snakemake.params.folder)
    words = alice.words_table(folder, params.subjects, "alice", params.alice, {})
    counts = real_noise(
        words,
        [alice.responses(folder, s, words, params.alice, {}, {}) for s in params.subjects],
        snakemake.input.responses,
        outer=params.outer,
        delays=params.delays,
        repetition_time=params.alice["repetition_time"],
        drift_cutoff=params.drift_cutoff,
        places=params.places,
        resamples=params.resamples,
    )
    write_table(counts, snakemake.output.counts, made)
