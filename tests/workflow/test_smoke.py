"""What the smoke study leaves behind."""

import json
import re
import subprocess
import sys

import mne
import pandas as pd
import pytest
import xarray as xr

from lmbrain.artefacts import read_json
from lmbrain.encoding.folds import read_folds
from lmbrain.responses import read_responses
from lmbrain.words import read_words

pytestmark = pytest.mark.workflow


@pytest.fixture
def results(smoke):
    return smoke.root / "results" / "smoke"


def test_the_page_is_one_file_that_opens_without_a_network(results):
    page = (results / "report" / "index.html").read_text()
    loaded = re.findall(
        r"(?:src|href)\s*=\s*[\"'](?!data:|#|https?://[^\"']*[\"']>)([^\"']+)", page
    )
    assert loaded == []
    assert not re.search(r"<(?:script|link|img)[^>]+https?://", page)
    assert list((results / "report").iterdir()) == [results / "report" / "index.html"]


def test_the_scorecard_reports_every_planted_part(results):
    card = read_json(results / "scorecard.json")
    assert set(card["latent_r2"]) == {"social_emotional"}
    assert {row["measure"] for row in card["divergence"]} >= {"squared_error", "residual_product"}
    assert card["encoding"]
    assert card["tuning"][0]["model"] == "social_emotional"
    assert {row["rule"] for row in card["costs"]} >= {"preprocess", "encode", "divergence"}


def test_the_scorecard_is_printed_with_the_place_of_the_report(smoke, results):
    script = smoke.root / "workflow" / "scripts" / "print_scorecard.py"
    said = subprocess.run(
        [sys.executable, script, results], capture_output=True, text=True, check=True
    ).stdout
    assert "Scorecard" in said
    assert str(results / "report" / "index.html") in said


def test_every_artefact_says_what_made_it(results):
    for path in results.rglob("*.nc"):
        with xr.open_dataset(path) as data:
            assert json.loads(data.attrs["made_by"])["study"] == "smoke", path
    tables = [
        path
        for path in results.rglob("*.tsv")
        if not {"benchmarks", "bids", "choices"} & set(path.relative_to(results).parts)
    ]
    assert len(tables) > 10
    for path in tables:
        made = read_json(path.with_suffix(".json"))["made_by"]
        assert made["inputs"] is not None and made["versions"]["mne"], path
    for path in results.glob("responses/*-epo.fif"):
        info = mne.read_epochs(path, preload=False, verbose="error").info
        assert json.loads(info["description"])["rule"] == "word_locked_responses"


def test_words_responses_folds_and_features_agree_row_by_row(results):
    words = read_words(results / "words.tsv")
    folds = read_folds(results / "folds.tsv")
    responses = read_responses(results / "responses" / "sub-01-epo.fif")
    with xr.open_dataset(results / "features" / "base.nc") as features:
        assert len(words) == len(folds.block) == len(responses) == features.sizes["word"]
        no_word = ~words["is_word"].to_numpy()
        assert features["hidden"].isel(layer=0, feature=0).isnull().to_numpy()[no_word].all()
    assert (folds.block[no_word] == -1).all()
    epochs = mne.read_epochs(results / "responses" / "sub-01-epo.fif", verbose="error")
    assert epochs.metadata["text"].tolist() == words["text"].tolist()


def test_nothing_of_the_analysis_reads_the_planted_truth(results):
    readers = set()
    for path in [*results.rglob("*.json"), *results.rglob("*.nc")]:
        if path.suffix == ".nc":
            with xr.open_dataset(path) as data:
                made = json.loads(data.attrs["made_by"])
        else:
            made = json.loads(path.read_text()).get("made_by")
        truth = {
            read_json(p.with_suffix(".json") if p.suffix == ".tsv" else p)["made_by"]["rule"]
            for p in results.glob("truth/*.tsv")
        }
        if made and {"regressors", "stimulus", "truth_0", "truth"} & set(made["inputs"]):
            readers.add(made["rule"])
    assert truth == {"planted_truth"}
    assert readers == {"simulate_recordings", "scorecard"}


def test_the_simulated_recordings_are_a_bids_data_set(results):
    import mne_bids

    root = results / "bids"
    assert mne_bids.get_entity_vals(root, "subject") == ["01", "02"]
    path = mne_bids.BIDSPath(root=root, subject="01", task="story", run="01", datatype="meg")
    raw = mne_bids.read_raw_bids(path, verbose="error")
    assert len(mne.pick_types(raw.info, meg=True)) == 306
    events = pd.read_csv(
        path.copy().update(suffix="events", extension=".tsv").fpath, sep="\t", dtype=str
    )
    assert "word" in events.columns


def test_no_temporary_file_is_left(results):
    assert [p for p in results.rglob(".*") if p.name != ".snakemake_timestamp"] == []


def test_cleaned_recordings_are_kept_as_the_config_says(results):
    assert len(list(results.glob("meg/*_raw.fif"))) == 4


def test_snakemakes_own_report_works(smoke):
    result = smoke.snakemake("--report", "report.html")
    assert result.returncode == 0, result.stderr
    assert (smoke.root / "report.html").stat().st_size > 100_000
