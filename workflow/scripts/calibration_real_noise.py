"""Count false positives in measured responses to words that nobody heard."""

from pathlib import Path

from _job import job
from lmbrain.artefacts import write_table
from lmbrain.calibration.real_noise import real_noise
from lmbrain.datasets import alice

with job(snakemake) as made:
    params, folder = snakemake.params, Path(snakemake.params.folder)
    clock = params.alice["first_volume"], params.alice["repetition_time"]
    counts = real_noise(
        alice.words_table(folder, "alice", params.alice["pause"]),
        [alice.responses(folder, subject, *clock) for subject in params.subjects],
        snakemake.input.responses,
        outer=params.outer,
        delays=params.delays,
        repetition_time=params.alice["repetition_time"],
        drift_cutoff=params.drift_cutoff,
        places=params.places,
        resamples=params.resamples,
    )
    write_table(counts, snakemake.output.counts, made)
