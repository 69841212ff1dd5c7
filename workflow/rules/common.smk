# What every file of rules shares: the checked study, places, and what a rule's params hold.
import os
import sys

from snakemake.exceptions import WorkflowError

SOURCE = os.path.join(workflow.basedir, "src")
sys.path.insert(0, SOURCE)

from lmbrain.artefacts import sha256
from lmbrain.codehash import code_hash
from lmbrain.config import load_study
from lmbrain.datasets import bids_layout
from lmbrain.datasets.places import bids_folder
from lmbrain.errors import LmbrainError

try:
    STUDY = load_study(config)
except LmbrainError as error:
    raise WorkflowError(str(error)) from None

ROOT = f"results/{STUDY.study}"
LOGS = f"{ROOT}/logs"
BENCHMARKS = f"{ROOT}/benchmarks"
SUBJECTS = STUDY.data.included
RECORDED = STUDY.data.recorded
CONTINUOUS = STUDY.data.continuous
DOMAINS = STUDY.finetuning.domains
SPACES = [name for name, parts in STUDY.encoding.spaces if parts and name != "tuned"]
TUNED = [f"tuned_{domain}" for domain in DOMAINS]
SCRIPTS = os.path.join(workflow.basedir, "workflow", "scripts")

# Where raw recordings are, for both kinds of data that have them.
SIMULATED_RUNS = STUDY.data.simulated.recordings.labels
BIDS = STUDY.data.bids
if STUDY.data.kind == "simulated":
    BIDS = BIDS.model_copy(
        update={
            "root": f"{ROOT}/bids",
            "sessions": [],
            "tasks": ["story"],
            "runs": SIMULATED_RUNS,
            "repeats": None,
        }
    )
elif STUDY.data.kind == "bids":
    BIDS = BIDS.model_copy(update={"root": bids_folder(BIDS.root, STUDY.study)})
SIMULATED_FILES = [".fif"]
if STUDY.data.simulated.recordings.faults.movement.moves:
    SIMULATED_FILES.append(".pos")
RUNS = BIDS.recordings if RECORDED else {}
SIMULATED_RECORDING = f"{BIDS.root}/sub-{{subject}}/meg/sub-{{subject}}_task-story_run-{{run}}"


wildcard_constraints:
    subject="[A-Za-z0-9]+",
    run="[A-Za-z0-9_]+",
    domain="|".join(STUDY.finetuning.sets),
    space="|".join([*SPACES, *TUNED]),


def values(path):
    """The config values below a dotted key, as plain numbers, strings, lists and dicts."""
    node = STUDY.model_dump(mode="json")
    for key in path.split("."):
        node = node[key]
    return node


def code(script):
    """A hash of what a script and the library modules it imports do."""
    return code_hash(os.path.join(SCRIPTS, script), os.path.join(SOURCE, "lmbrain"))


def source_code():
    """A hash of what the data set's own module does, which scripts import by its name."""
    script = os.path.join(SOURCE, "lmbrain", "datasets", f"{STUDY.data.kind}.py")
    return code_hash(script, os.path.join(SOURCE, "lmbrain"))


# How responses are cleared of drift before anything is scored against them.
CLEARING = {"drift_cutoff": STUDY.encoding.drift_cutoff}
REPETITION_TIME = STUDY.data.sampling_interval


def content(path):
    """A hash of a data file or folder that ships inside the library."""
    return sha256(os.path.join(SOURCE, "lmbrain", path))


def model_file(name):
    """The weights of a model made by this workflow; nothing for a hub id or a local folder."""
    made_here = name.startswith("tuned_") or STUDY.language_model.source == "tiny"
    return [f"{ROOT}/models/{name}/model.safetensors"] if made_here else []


def simulated(path, **wildcards):
    """Files that the simulation writes; the other data sets' are there already."""
    return expand(path, **wildcards) if STUDY.data.kind == "simulated" else []


def runs_of(subject):
    """The runs that a person was recorded in."""
    return [run for run in RUNS if run not in STUDY.data.missing.get(subject, [])]


def recording_files(subject, run):
    """The raw file of a run (a folder, of CTF systems), then those that are read with it.

    The simulation makes its own. Where something is missing, the rule `inventory` stands for it,
    which stops and names all that is.
    """
    if STUDY.data.kind == "simulated":
        name = SIMULATED_RECORDING.format(subject=subject, run=run)
        return [f"{name}_meg{extension}" for extension in SIMULATED_FILES]
    try:
        path = bids_layout.recording_path(BIDS.root or "", subject, **RUNS[run])
        return [str(file) for file in bids_layout.recording_files(path)]
    except LmbrainError:
        return READY


def empty_room(subject, run):
    """The empty-room recording that a run names, where projections of it are asked for."""
    if not STUDY.preprocessing.empty_room_projections or STUDY.data.kind == "simulated":
        return []
    path = bids_layout.empty_room_path(BIDS.root or "", recording_files(subject, run)[0])
    return [] if path is None else [str(path)]


def events_files(subject):
    """What the items of a person's runs, and their onsets, are read from, or the same stand-in."""
    if STUDY.data.kind == "simulated":
        return expand(f"{SIMULATED_RECORDING}_events.tsv", subject=subject, run=runs_of(subject))
    from lmbrain.datasets.bids import item_files, story_name

    files = {}
    try:
        for run in runs_of(subject):
            story = story_name(STUDY.data.story, BIDS.story_per, RUNS[run])
            place = (BIDS.root or "", subject, run, RUNS[run], story)
            files |= {str(file): None for file in item_files(*place, values("timing.audio"))}
    except LmbrainError:
        return READY
    return list(files)


def parts_of(space):
    """The parts of a feature space, as the config names them."""
    return getattr(STUDY.encoding.spaces, "tuned" if space in TUNED else space)


def feature_files(space):
    """The files that the parts of a feature space come from, by part."""
    models = [space if part == "tuned" else part for part in parts_of(space)]
    return {
        model: f"{ROOT}/features/{model}" + (".tsv" if model == "controls" else ".nc")
        for model in models
        if model != "rate"
    }


def choice_folder(wildcards):
    """The folder of a set that this workflow makes; a hub id or a folder is read as it is."""
    made_here = STUDY.finetuning.sets[wildcards.domain].source == "simulated"
    return f"{ROOT}/choices/{wildcards.domain}" if made_here else []


def design(space):
    """How the parts of a feature space become the design of an encoding model."""
    return {
        **CLEARING,
        "repetition_time": REPETITION_TIME,
        "rate": "rate" in parts_of(space),
        "delays": values("encoding.delays"),
        "components": STUDY.encoding.components,
    }
