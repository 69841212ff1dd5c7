"""Each form of data goes through the real Snakefile, from its files to encoding models."""

from importlib import import_module

import numpy as np
import pytest
import xarray as xr

from configs import merge
from lmbrain.responses import read_responses
from lmbrain.words import read_words

pytestmark = pytest.mark.workflow

FORMATS = ["epochs", "arrays", "moth", "libribrain"]
FORMATS += ["harry_potter", "harry_potter_denoised"]
FORMATS += ["bids"]
TINY = {
    "data": {"simulated": {"language": {"corpus_sentences": 600, "analysed_model": {"steps": 10}}}},
    "folds": {"outer": 3},
    "language_model": {"source": "tiny", "revision": None},
    "features": {"layers": [2], "context_words": 6},
    "encoding": {
        "layer": 2,
        "partition": False,
        "ridge": {"penalties": [100, 10000], "denoised": False},
    },
    "significance": {"resamples": 99},
    "hypotheses": {
        "proposer": {"backend": "statistical"},
        "verifier": {"backend": "statistical"},
    },
    "finetuning": {"domains": []},
}


@pytest.fixture(scope="module")
def checkout(fresh, tmp_path_factory):
    return fresh.copy_sources(tmp_path_factory.mktemp("formats") / "project")


@pytest.mark.parametrize("name", FORMATS)
def test_a_published_form_of_data_reaches_encoding(checkout, tmp_path, name):
    written = import_module(f"formats.{name}").write(tmp_path)
    change = merge(merge(TINY, written), {"study": name})
    result = checkout.snakemake("encoding", configs=(), change=change)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-3000:]
    results = checkout.root / "results" / name
    words = read_words(results / "words.tsv")
    assert words["is_word"].sum() >= 60
    for subject in change["data"]["subjects"]:
        (path,) = (results / "responses").glob(f"sub-{subject}[-.]*")
        responses = read_responses(path)
        with xr.open_dataset(results / "encoding" / "lm" / f"sub-{subject}.nc") as scores:
            assert scores["sensor"].values.tolist() == responses["sensor"].values.tolist()
            assert np.isfinite(scores["r"]).all()
