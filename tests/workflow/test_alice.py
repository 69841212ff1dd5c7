"""A real story and real brains, where the data are: set LMBRAIN_DATA."""

import json
import os
from pathlib import Path

import pytest
import xarray as xr

pytestmark = pytest.mark.workflow

DATA = os.environ.get("LMBRAIN_DATA", "")
ALICE = ("config/alice.yaml",)
LISTENING = (*ALICE, "config/listening_as_published.yaml")
FEW = {
    "data": {
        "subjects": ["18", "22", "23", "33"],
        "simulated": {"language": {"corpus_sentences": 600, "analysed_model": {"steps": 10}}},
    },
    "encoding": {"ridge": {"penalties": [100, 10000]}},
    "significance": {"resamples": 99},
}


@pytest.fixture(scope="module")
def checkout(fresh, tmp_path_factory):
    if not (Path(DATA) / "alice" / "words.tsv").is_file():
        pytest.skip("LMBRAIN_DATA names no folder with alice/words.tsv")
    return fresh.copy_sources(tmp_path_factory.mktemp("alice") / "project")


def test_the_all_zero_person_stops_the_run_by_name_with_the_mend(checkout):
    everyone = {**FEW, "data": {**FEW["data"], "exclude": []}}
    result = checkout.snakemake("encoding", configs=ALICE, change=everyone)
    assert result.returncode != 0
    assert "subject 33" in result.stderr
    assert "data.exclude" in result.stderr


def test_the_same_rules_run_on_continuous_responses(checkout):
    result = checkout.snakemake(configs=ALICE, change=FEW)
    assert result.returncode == 0, result.stderr[-3000:]
    results = checkout.root / "results" / "alice"
    with xr.open_dataset(results / "significance" / "lm.nc") as lm:
        assert lm.sizes == {"sensor": 6, "time": 1, "subject": 3, "bound": 2}
        assert lm["sensor"].values.tolist() == ["LATL", "RATL", "LPTL", "LIPL", "LPreM", "LIFG"]
    assert (results / "divergence" / "sentences.tsv").stat().st_size > 1000
    page = (results / "report" / "index.html").read_text()
    assert "LIFG" in page


def test_the_published_encoding_of_heard_stories_runs_with_delays_that_fit_fmri(checkout):
    assert {"folds", "encode", "report_page"} <= checkout.would_run(configs=LISTENING)
    result = checkout.snakemake("encoding", configs=LISTENING, change=FEW)
    assert result.returncode != 0
    assert "0.025 to 1 s hold no multiple of the repetition time 2 s" in result.stderr
    encoding = {"delays": {"start": 0.0, "stop": 12.0}, "trim": {"start": 10.0, "stop": 10.0}}
    change = {**FEW, "encoding": {**FEW["encoding"], **encoding}, "folds": {"gap": 30.0}}
    result = checkout.snakemake(configs=LISTENING, change=change)
    assert result.returncode == 0, result.stderr[-3000:]
    results = checkout.root / "results" / "listening_as_published"
    with xr.open_dataset(results / "encoding" / "lm" / "sub-18.nc") as scores:
        assert scores.attrs["n_features"] == 50 * 7
    made = json.loads((results / "folds.json").read_text())["made_by"]
    assert made["needed_gap"] == pytest.approx(35.741)
    page = (results / "report" / "index.html").read_text()
    assert "gap is 30 s, but context windows" in page
