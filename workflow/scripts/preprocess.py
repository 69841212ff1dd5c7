"""Clean one raw recording."""

from _job import job
from lmbrain.artefacts import write_json
from lmbrain.datasets.bids_layout import calibration_paths, movement_path
from lmbrain.datasets.bids_recording import read_recording
from lmbrain.meg.preprocessing import preprocess
from lmbrain.meg.word_locked import write_recording

with job(snakemake) as made:
    recording, first = snakemake.input.raw[0], snakemake.input.reference[0]
    head_position = read_recording(first).info["dev_head_t"]
    room = snakemake.input.room
    raw, quality = preprocess(
        read_recording(recording),
        snakemake.params.settings,
        head_position=head_position,
        room=read_recording(room[0]) if room else None,
        positions=movement_path(recording),
        **calibration_paths(recording),
    )
    write_json(quality, snakemake.output.quality, made)
    write_recording(raw, snakemake.output.raw, made)
