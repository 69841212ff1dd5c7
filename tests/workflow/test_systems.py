"""Real recordings of CTF and KIT systems through the real Snakefile, where they are."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

REAL = Path(os.environ.get("LMBRAIN_DATA", ""), "meg")
NAME = "sub-{}_ses-0_task-a"
STUDY = {
    "study": "systems",
    "data": {
        "kind": "bids",
        "subjects": ["ctf", "kit"],
        "bids": {
            "sessions": ["0"],
            "tasks": ["a"],
            "runs": [],
            "events": {"kind_columns": []},
        },
    },
    "preprocessing": {
        "bad_channels": {"search": False},
        "maxwell": {"apply": False},
        "notch_frequencies": [],
        "band": [0, 40],
        "artefacts": {"ecg_components": 0, "eog_components": 0},
    },
    "responses": {"picks": ["mag"]},
    "language_model": {"source": "tiny", "revision": None},
    "features": {"layers": [2]},
    "encoding": {"layer": 2},
    "hypotheses": {
        "proposer": {"backend": "statistical"},
        "verifier": {"backend": "statistical"},
    },
    "finetuning": {"domains": []},
}


@pytest.fixture
def root(tmp_path) -> Path:
    """A BIDS folder with a person of each system."""
    if not (REAL / "ctf").is_dir():
        pytest.skip("LMBRAIN_DATA names no folder with meg/ (real recordings)")
    ctf, kit = (tmp_path / f"sub-{subject}" / "ses-0" / "meg" for subject in ("ctf", "kit"))
    recording = ctf / f"{NAME.format('ctf')}_meg.ds"
    shutil.copytree(REAL / "ctf" / "somMDYO-18av.ds", recording, copy_function=shutil.copyfile)
    for file in recording.iterdir():
        file.rename(recording / file.name.replace("somMDYO-18av", recording.stem))
    kit.mkdir(parents=True)
    for source, name in {
        "MQKIT_125_2sec.con": f"{NAME.format('kit')}_meg.con",
        "MQKIT_125.mrk": f"{NAME.format('kit')}_markers.mrk",
        "MQKIT_125.elp": "sub-kit_ses-0_acq-ELP_headshape.pos",
        "MQKIT_125.hsp": "sub-kit_ses-0_acq-HSP_headshape.pos",
    }.items():
        shutil.copyfile(REAL / "kit" / source, kit / name)
    for folder, subject in ((ctf, "ctf"), (kit, "kit")):
        events = folder / f"{NAME.format(subject)}_events.tsv"
        events.write_text("onset\tduration\tword\n0.1\t0.1\tOne\n0.2\t0.1\tday.\n")
    return tmp_path


def test_recordings_of_other_systems_are_cleaned_and_their_files_tracked(
    fresh, root, tmp_path_factory
):
    checkout = fresh.copy_sources(tmp_path_factory.mktemp("systems") / "project")
    study = {**STUDY, "data": {**STUDY["data"], "bids": {**STUDY["data"]["bids"]}}}
    study["data"]["bids"]["root"] = str(root)
    targets = [f"results/systems/meg/sub-{s}_run-01_quality.json" for s in ("ctf", "kit")]
    result = checkout.snakemake(*targets, configs=(), change=study)
    assert result.returncode == 0, result.stderr[-3000:]
    ctf, kit = (json.loads((checkout.root / target).read_text()) for target in targets)
    assert (ctf["sampling_rate"], kit["sampling_rate"]) == (1250.0, 1000.0)
    assert "mag" in ctf["spectra_after"].keys() & kit["spectra_after"].keys()
    assert len(kit["made_by"]["inputs"]) == len(ctf["made_by"]["inputs"]) + 2 * 3
    marker = root / "sub-kit" / "ses-0" / "meg" / f"{NAME.format('kit')}_markers.mrk"
    marker.write_bytes(marker.read_bytes() + b"\0")
    os.utime(marker)
    again = checkout.snakemake("--dry-run", *targets, configs=(), change=study)
    assert re.search(r"^preprocess +1$", again.stdout, re.MULTILINE), again.stdout


def test_missing_recordings_are_listed_before_any_job(fresh, root, tmp_path_factory):
    checkout = fresh.copy_sources(tmp_path_factory.mktemp("missing") / "project")
    bids = {**STUDY["data"]["bids"], "root": str(root), "tasks": ["a", "b"]}
    study = {**STUDY, "data": {**STUDY["data"], "bids": bids}}
    result = checkout.snakemake("meg", configs=(), change=study)
    assert result.returncode != 0
    assert "4 things are missing" in result.stderr
    for subject in ("ctf", "kit"):
        for end in ("meg.fif", "events.tsv"):
            assert f"sub-{subject}_ses-0_task-b_{end} does not exist" in result.stderr
    assert "Traceback" not in result.stderr
