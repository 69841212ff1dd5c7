"""Short real recordings of CTF and KIT systems, and simulated layouts, through the steps."""

import mne
import numpy as np
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.meg.preprocessing import preprocess
from lmbrain.meg.word_locked import write_recording
from meg_runs import SSS, real_recordings, settings

SEARCH = {"bad_channels": {"search": True, "search_duration": None, "interval": 0.4}}
FILTERS = {"notch_frequencies": [50.0], "band": (4.0, 40.0), "resample": 250.0}


@pytest.fixture(scope="module")
def ctf():
    path = real_recordings() / "ctf" / "somMDYO-18av.ds"
    return mne.io.read_raw_ctf(path, verbose="error")


@pytest.fixture(scope="module")
def kit():
    stem = real_recordings() / "kit" / "MQKIT_125"
    beside = {kind: stem.with_suffix(f".{kind}") for kind in ("mrk", "elp", "hsp")}
    return mne.io.read_raw_kit(stem.with_name(f"{stem.name}_2sec.con"), **beside, verbose="error")


@pytest.mark.parametrize("grade", [0, 1, 2, 3, None])
def test_ctf_gradients_are_compensated_to_the_grade_asked_for(ctf, grade):
    raw = ctf.copy()
    raw.info["bads"] = []
    cleaned, quality = preprocess(raw, settings({"ctf_compensation": grade}))
    expected = ctf.copy().load_data()
    if grade is not None:
        expected.apply_gradient_compensation(grade, verbose="error")
    good = mne.pick_types(expected.info, meg=True, ref_meg=False, exclude=())
    ours, theirs = cleaned.get_data(good), expected.get_data(good)
    assert np.abs(ours - theirs).max() <= 1e-12 * np.abs(theirs).max()
    assert cleaned.compensation_grade == (3 if grade is None else grade)
    assert quality["steps"] == (
        [] if grade is None else [f"gradient compensation of grade {grade}"]
    )
    assert raw.compensation_grade == 3


def test_a_ctf_recording_passes_the_steps_without_sss(ctf):
    """The search meets the fields without compensation, as SSS wants them."""
    cleaned, quality = preprocess(ctf, settings(SEARCH, FILTERS, {"ctf_compensation": 3}))
    assert quality["bad_channels"]["marked"] == ctf.info["bads"]
    assert quality["bad_channels"]["noisy"] == quality["bad_channels"]["flat"] == []
    assert cleaned.info["bads"] == []
    assert cleaned.info["sfreq"] == 250.0
    assert set(quality["sensors"]) == {"mag"}
    assert np.isfinite(cleaned.get_data()).all()


def test_sss_of_a_ctf_recording_leaves_its_reference_sensors_out(ctf):
    with pytest.raises(LmbrainError, match="gradient-compensated.*ctf_compensation to 0"):
        preprocess(ctf, settings(SSS))
    cleaned, _ = preprocess(ctf, settings(SSS, {"ctf_compensation": 0}))
    expected = mne.preprocessing.maxwell_filter(
        ctf.copy().apply_gradient_compensation(0, verbose="error"),
        origin=(0.0, 0.0, 0.04),
        ignore_ref=True,
        verbose="error",
    )
    names = mne.pick_types(expected.info, meg=True, ref_meg=False)
    ours, theirs = cleaned.get_data(names), expected.get_data(names)
    assert np.abs(ours - theirs).max() <= 1e-9 * np.abs(theirs).max()
    assert mne.compute_rank(cleaned, "info", verbose="error")["mag"] == 67


def test_a_kit_recording_passes_all_steps_with_and_without_sss(kit):
    longer = {"bad_channels": {"search": True, "search_duration": None, "interval": 1.0}}
    for sss in ({}, SSS):
        cleaned, quality = preprocess(kit, settings(longer, FILTERS, sss))
        assert set(quality["sensors"]) == {"mag"}
        assert len(quality["places"]) == 125
        assert np.isfinite(cleaned.get_data("mag")).all()
        assert cleaned.info["bads"] == []
    assert quality["maxwell"]["origin"] == pytest.approx([0, 0, 0.04], abs=0.03)


def test_sss_of_a_kit_recording_is_mnes_without_reference_sensors(kit):
    cleaned, _ = preprocess(kit, settings(SSS))
    expected = mne.preprocessing.maxwell_filter(kit, ignore_ref=True, verbose="error")
    ours, theirs = cleaned.get_data("mag"), expected.get_data("mag")
    assert np.abs(ours - theirs).max() <= 1e-9 * np.abs(theirs).max()


@pytest.mark.parametrize("system", ["ctf", "kit"])
def test_a_cleaned_recording_is_written_and_read_back(system, request, tmp_path):
    raw = request.getfixturevalue(system).copy()
    raw.info["bads"] = []
    cleaned, _ = preprocess(raw, settings(FILTERS))
    write_recording(cleaned, tmp_path / "run_raw.fif", {"made": "here"})
    back = mne.io.read_raw_fif(tmp_path / "run_raw.fif", verbose="error")
    assert back.ch_names == cleaned.ch_names
    ours, theirs = back.get_data("mag"), cleaned.get_data("mag")
    assert np.abs(ours - theirs).max() <= 1e-6 * np.abs(theirs).max()


def test_a_kit_recording_without_its_markers_can_do_without_sss(kit):
    lost = kit.copy()
    lost.info["dev_head_t"] = None
    with pytest.raises(LmbrainError, match="holds no head position"):
        preprocess(lost, settings(SSS))
    quality = preprocess(lost, settings(FILTERS))[1]
    assert quality["head"]["position"] is None
