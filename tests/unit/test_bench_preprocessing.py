"""The benchmark of cleaning: its run holds what it says, and its two contenders agree."""

import mne
import numpy as np
import pytest
import yaml

from bench import preprocessing, preprocessing_contenders
from bench.measure import ROOT


@pytest.fixture(scope="module")
def run():
    return preprocessing.simulate(12.0, np.random.default_rng(0))


def test_the_simulated_run_holds_heart_beats_and_blinks(run):
    beats = mne.preprocessing.find_ecg_events(run, verbose="error")[0][:, 0]
    blinks = mne.preprocessing.find_eog_events(run, l_freq=0.5, verbose="error")[:, 0]
    # Those at the ends may be missed.
    assert set(beats) >= set(range(1800, 10000, 900))
    np.testing.assert_allclose(blinks[-3:], [3100, 6200, 9300], atol=20)
    assert len(run.times) == 12 * preprocessing.RATE


def test_both_contenders_clean_alike(run, tmp_path):
    path = tmp_path / "run_raw.fif"
    run.save(path, fmt="single", verbose="error")
    settings = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())["preprocessing"]
    settings["artefacts"]["eog_components"] = 0  # too few blinks in 12 s
    given = {"path": str(path), "settings": settings}
    own, other = (
        getattr(preprocessing_contenders, name)({}, **given)() for name in ("lmbrain", "plain")
    )
    told = preprocessing.agree(own, other)
    assert float(told["largest relative difference"]) < 1e-9
    assert told["bad sensors of both"] == "MEG 0142, MEG 0231"
