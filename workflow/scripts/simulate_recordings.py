"""Record one simulated person: raw FIF files of a BIDS data set, and what was planted."""

from pathlib import Path

from _job import job
from lmbrain.artefacts import read_table, write_json
from lmbrain.simulation.cohort import response_strengths, simulate_subject
from lmbrain.words import read_words

with job(snakemake) as made:
    recordings = snakemake.params.recordings
    strengths = response_strengths(
        recordings["planted_domains"],
        **{k: v for k, v in recordings.items() if k.endswith("_strength")},
    )
    regressors = read_table(snakemake.input.regressors)
    numeric = tuple(c for c in regressors.columns if c != "text")
    truth = simulate_subject(
        snakemake.wildcards.subject,
        read_words(snakemake.input.stimulus),
        read_table(snakemake.input.regressors, numeric=numeric),
        root=Path(snakemake.output.raw[0]).parents[2],
        task="story",
        strengths=strengths,
        sampling_rate=recordings["sampling_rate"],
        line_frequency=recordings["line_frequency"],
        seed=snakemake.params.seed,
        noise_slope=recordings["noise_slope"],
        system=recordings["system"],
        faults=recordings["faults"],
    )
    write_json({"strengths": strengths, **truth}, snakemake.output.truth, made)
