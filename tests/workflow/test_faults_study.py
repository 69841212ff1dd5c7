"""Recordings in which much goes wrong go through the real Snakefile: found, repaired, told."""

import mne
import numpy as np
import pytest

from lmbrain.artefacts import read_json
from lmbrain.words import read_words

pytestmark = pytest.mark.workflow
FAULTS = ("config/toy.yaml", "config/smoke.yaml", "config/faults.yaml")


@pytest.fixture(scope="module")
def results(fresh, tmp_path_factory):
    checkout = fresh.copy_sources(tmp_path_factory.mktemp("faults") / "project")
    result = checkout.snakemake("meg", configs=FAULTS)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-3000:]
    return checkout.root / "results" / "faults"


def test_triggers_planted_as_wrong_are_those_repaired(results):
    for subject in ("01", "02"):
        planted = read_json(results / "truth" / f"sub-{subject}.json")["faults"]
        found = read_json(results / "meg" / f"sub-{subject}_timing.json")["runs"]
        assert list(found) == ["1", "2"], "runs are labelled as their files are named"
        for run, told in found.items():
            for kind in ("missing", "doubled", "shifted"):
                assert planted[run]["triggers"][kind], "nothing was planted, so nothing is tested"
                assert told[kind] == planted[run]["triggers"][kind]
            assert told["repairs"]


def test_words_in_the_saturated_stretch_are_lost_and_no_others(results):
    for subject in ("01", "02"):
        path = results / "responses" / f"sub-{subject}-epo.fif"
        words = mne.read_epochs(path, proj=False, verbose="error").metadata
        saturated = (words["run"] == "2") & words["onset"].between(19.5, 26.0) & words["is_word"]
        inside = saturated & words["onset"].between(20.0, 25.5)
        assert (words["lost"][inside] == "annotated as bad").all()
        assert not (words["lost"][~saturated] == "annotated as bad").sum() > 4, "the margin"
        found = read_json(results / "meg" / f"sub-{subject}_run-2_quality.json")
        assert found["saturated"] == pytest.approx(6.0, abs=1.0)


def test_the_heads_movement_is_on_record_and_compensated(results):
    found = read_json(results / "meg" / "sub-01_run-1_quality.json")
    assert max(found["head"]["movement"]["distance"]) == pytest.approx(6.0, abs=1.0)
    assert "movement compensated" in found["maxwell"]["head_position"]
    assert np.ptp(found["head"]["movement"]["rotation"]) > 1


def test_awkward_words_stay_words(results):
    words = read_words(results / "words.tsv")
    for text in ("null", "NA", "nan", "None", "true", "don't", '"quoted"'):
        assert words["is_word"][words["text"] == text].all()
        assert (words["text"] == text).any(), text
