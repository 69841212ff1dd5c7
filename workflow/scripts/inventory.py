"""Stop at once, naming every file, model, set or key that the study needs and does not have."""

from _job import job
from lmbrain.artefacts import write_json
from lmbrain.datasets.bids import missing_recordings
from lmbrain.datasets.inventory import missing_files, missing_from_hub, missing_key, require
from lmbrain.datasets.places import data_folder
from lmbrain.datasets.sources import source

with job(snakemake) as made:
    params = snakemake.params
    settings, subjects, missing = params.settings, params.subjects, []
    if params.kind == "bids":
        missing += missing_recordings(
            settings["root"],
            subjects,
            params.recordings,
            params.lacking,
            params.story,
            settings["story_per"],
            params.audio,
        )
    else:
        folder = data_folder(settings["root"], params.kind)
        wanted = source(params.kind).files(folder, subjects, settings, params.lacking)
        missing += missing_files(wanted, "config/downloads.tsv", folder)
    if params.language_model["source"] != "tiny":
        missing += missing_from_hub(params.language_model["source"], "model")
    for choice_set in params.choice_sets.values():
        if choice_set["source"] != "simulated":
            missing += missing_from_hub(choice_set["source"], "dataset")
    if "openai" in (params.proposer, params.verifier):
        missing += missing_key("OPENAI_API_KEY")
    require(missing)
    write_json({"complete": True}, snakemake.output.inventory, made)
