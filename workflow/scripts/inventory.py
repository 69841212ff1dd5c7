"""Stop at once, naming every file, model, set or key that the study needs and does not have."""

from _job import job
from lmbrain.artefacts import write_json
from lmbrain.datasets import alice, harry_potter
from lmbrain.datasets.bids import missing_recordings
from lmbrain.datasets.inventory import missing_files, missing_from_hub, missing_key, require
from lmbrain.datasets.places import data_folder

with job(snakemake) as made:
    params = snakemake.params
    place, subjects = params.place, params.subjects
    missing = []
    if params.kind == "bids":
        missing += missing_recordings(place["root"], subjects, place["runs"], place["task"])
    else:
        folder = data_folder(place["root"], params.kind)
        wanted = (
            alice.files(folder, subjects)
            if params.kind == "alice"
            else harry_potter.files(folder, subjects, place["chapter"])
        )
        missing += missing_files(wanted, "config/downloads.tsv")
    if params.language_model["source"] != "tiny":
        missing += missing_from_hub(params.language_model["source"], "model")
    for choice_set in params.choice_sets.values():
        if choice_set["source"] != "simulated":
            missing += missing_from_hub(choice_set["source"], "dataset")
    if "openai" in (params.proposer, params.verifier):
        missing += missing_key("OPENAI_API_KEY")
    require(missing)
    write_json({"complete": True}, snakemake.output.inventory, made)
