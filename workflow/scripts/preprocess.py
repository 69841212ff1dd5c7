"""Clean one raw recording."""

from _job import job
from lmbrain.artefacts import write_json
from lmbrain.datasets.bids import calibration_paths, read_recording
from lmbrain.meg.preprocessing import preprocess
from lmbrain.meg.word_locked import write_recording

with job(snakemake) as made:
    head_position = read_recording(snakemake.input.reference).info["dev_head_t"]
    raw, quality = preprocess(
        read_recording(snakemake.input.raw),
        head_position=head_position,
        **calibration_paths(snakemake.params.root, snakemake.wildcards.subject),
        **snakemake.params.settings,
    )
    write_json(quality, snakemake.output.quality, made)
    write_recording(raw, snakemake.output.raw, made)
