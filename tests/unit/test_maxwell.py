"""Signal space separation: MNE's own, with the settings it was given."""

import mne
import numpy as np
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.meg.preprocessing import preprocess
from meg_runs import SSS, measurement_info, real_recordings, recording, settings


@pytest.fixture(scope="module")
def run():
    return recording()


def with_head_shape(raw, centre, radius=0.09):
    """Digitise 60 points of a sphere."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((60, 3))
    directions[:, 2] = np.abs(directions[:, 2])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points = np.asarray(centre) + radius * directions
    landmarks = {"nasion": [0, 0.1, 0], "lpa": [-0.08, 0, 0], "rpa": [0.08, 0, 0]}
    landmarks = {name: np.array(place, float) for name, place in landmarks.items()}
    raw = raw.copy()
    position = raw.info["dev_head_t"]
    raw.set_montage(mne.channels.make_dig_montage(**landmarks, hsp=points, coord_frame="head"))
    raw.info["dev_head_t"] = position
    return raw


def test_every_setting_reaches_mne(run):
    raw = with_head_shape(run, (0.0, 0.01, 0.05)).crop(0, 8)
    chosen = {
        "tsss_duration": 4.0,
        "tsss_correlation": 0.9,
        "origin": [0.0, 0.0, 0.045],
        "internal_order": 7,
        "external_order": 2,
        "regularise": False,
    }
    cleaned, quality = preprocess(raw, settings(SSS, {"maxwell": chosen}))
    expected = mne.preprocessing.maxwell_filter(
        raw,
        st_duration=4.0,
        st_correlation=0.9,
        origin=(0.0, 0.0, 0.045),
        int_order=7,
        ext_order=2,
        regularize=None,
        verbose="error",
    )
    np.testing.assert_allclose(cleaned.get_data(), expected.get_data(), rtol=1e-9)
    ours, theirs = (r.info["proc_history"][0]["max_info"] for r in (cleaned, expected))
    assert ours["max_st"] == theirs["max_st"]
    assert ours["max_st"]["subspcorr"] == 0.9
    assert quality["maxwell"]["origin"] == [0.0, 0.0, 0.045]
    assert mne.compute_rank(cleaned, "info", verbose="error")["meg"] == 63


def test_the_origin_is_fitted_to_the_head_shape(run):
    raw = with_head_shape(run, (0.002, 0.01, 0.05))
    quality = preprocess(raw, settings(SSS))[1]
    assert quality["maxwell"]["origin"] == pytest.approx([0.002, 0.01, 0.05], abs=1e-4)


def test_a_kept_bad_sensor_is_rebuilt(run):
    cleaned, _ = preprocess(run, settings(SSS, {"bad_channels": {"extra": ["MEG 0722"]}}))
    broken = run.copy()
    broken._data[broken.ch_names.index("MEG 0722")] = 1e-9
    rebuilt, _ = preprocess(broken, settings(SSS, {"bad_channels": {"extra": ["MEG 0722"]}}))
    np.testing.assert_allclose(rebuilt.get_data(), cleaned.get_data(), rtol=1e-9)


@pytest.fixture
def maxshield():
    path = real_recordings() / "elekta" / "test_move_anon_erm_raw.fif"
    raw = mne.io.read_raw_fif(path, allow_maxshield="yes", verbose="error")
    raw.info["dev_head_t"] = measurement_info()["dev_head_t"]  # recorded with an empty helmet
    return raw


@pytest.mark.parametrize("files", ["auto", None])
def test_a_real_maxshield_recording_gets_tsss_with_its_calibration_and_cross_talk(maxshield, files):
    folder = real_recordings() / "elekta"
    given = {
        "calibration": folder / "sss_cal_3053.dat",
        "cross_talk": folder / "ct_sparse.fif",
    }
    tsss = {"tsss_duration": 0.5, "calibration": files, "cross_talk": files}
    cleaned, quality = preprocess(maxshield, settings(SSS, {"maxwell": tsss}), **given)
    expected = mne.preprocessing.maxwell_filter(
        maxshield,
        st_duration=0.5,
        **(given if files else {}),
        origin="auto",
        verbose="error",
    )
    picks = mne.pick_types(expected.info, meg=True)
    names = [expected.ch_names[i] for i in picks]
    ours, theirs = cleaned.get_data(names), expected.get_data(names)
    assert np.abs(ours - theirs).max() <= 1e-9 * np.abs(theirs).max()
    assert quality["maxwell"]["calibration"] is quality["maxwell"]["cross_talk"] is bool(files)


def test_a_real_maxshield_recording_without_sss_or_head_is_refused(maxshield):
    with pytest.raises(LmbrainError, match="recorded with MaxShield and needs the Maxwell filter"):
        preprocess(maxshield, settings())
    maxshield.info["dev_head_t"] = None
    with pytest.raises(LmbrainError, match="holds no head position"):
        preprocess(maxshield, settings(SSS))
