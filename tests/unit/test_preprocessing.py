"""Cleaning a run: what was planted is found and removed, what is brain stays."""

import json

import mne
import numpy as np
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.meg.preprocessing import find_bad_channels, preprocess
from lmbrain.meg.quality import head_movement, spectra

RATE, SECONDS = 200.0, 20.0
NOISY, FLAT = "MEG 0722", "MEG 1132"
TIMES = np.arange(round(RATE * SECONDS)) / RATE
NOISE = {"grad": 3e-13, "mag": 3e-15}  # per sqrt(Hz)
OFF = {
    "bad_channels": {"search": False, "search_duration": None, "extra": []},
    "maxwell": {"apply": False, "tsss_duration": None},
    "notch_frequencies": [],
    "band": (0.0, 90.0),
    "artefacts": {"ecg_components": 0, "eog_components": 0},
}
SSS = {"maxwell": {"apply": True, "tsss_duration": None}}
BODY = {"artefacts": {"ecg_components": 1, "eog_components": 1}}
DIPOLES = {  # places in the head (m) and directions
    "brain": ([0.02, 0.0, 0.08], [1.0, 0.0, 0.0]),
    "heart": ([0.03, 0.0, 0.01], [0.0, 1.0, 0.0]),
    "eyes": ([0.0, 0.065, 0.05], [1.0, 0.0, 0.0]),
}


def measurement_info(head=(0.0, 0.0, 0.04)) -> mne.Info:
    meg = mne.channels.read_meg_canonical_info("neuromag")
    kinds = [*meg.get_channel_types(), "ecg", "eog"]
    info = mne.create_info([*meg.ch_names, "ECG063", "EOG061"], RATE, kinds)
    for new, old in zip(info["chs"], meg["chs"], strict=False):
        for key in ("loc", "coil_type", "unit", "kind", "coord_frame"):
            new[key] = old[key]
    position = np.eye(4)
    position[:3, 3] = head
    info["dev_head_t"] = mne.transforms.Transform("meg", "head", position)
    return info


def fields(info: mne.Info) -> dict[str, np.ndarray]:
    """Field of 1 Am at each place of DIPOLES (306,)."""
    places, directions = (np.array(v) for v in zip(*DIPOLES.values(), strict=True))
    ones = np.ones(len(places))
    dipoles = mne.Dipole(np.arange(len(places)), places, ones, directions, ones)
    sphere = mne.make_sphere_model((0.0, 0.0, 0.04), head_radius=None, verbose="error")
    forward, _ = mne.make_forward_dipole(
        dipoles, sphere, mne.pick_info(info, np.arange(306)), verbose="error"
    )
    return dict(zip(DIPOLES, forward["sol"]["data"].T, strict=True))


def bumps(times: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((TIMES[:, None] - times) / width) ** 2).sum(axis=1)


def courses() -> dict[str, np.ndarray]:
    return {
        "brain": 4e-8 * np.sin(2 * np.pi * 11 * TIMES),
        "heart": 2e-7 * bumps(np.arange(0.6, SECONDS, 0.85), 0.015),
        "eyes": 2e-7 * bumps(np.array([2.1, 5.0, 7.7, 11.2, 13.9, 16.5, 18.8]), 0.07),
    }


def recording(head=(0.0, 0.0, 0.04), sources=tuple(DIPOLES), noise=1.0, seed=0):
    """A run with the sources named; white sensor noise at `noise` times NOISE."""
    info = measurement_info(head)
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((308, len(TIMES)))
    levels = np.array([NOISE[kind] for kind in info.get_channel_types()[:306]])
    data[:306] *= noise * levels[:, None] * np.sqrt(RATE / 2)
    gain = fields(info)
    for name in sources:
        data[:306] += np.outer(gain[name], courses()[name])
    data[306] = 1e-3 * (courses()["heart"] / 2e-7 + 0.01 * data[306])
    data[307] = 2e-4 * (courses()["eyes"] / 2e-7 + 0.01 * data[307])
    return mne.io.RawArray(data, info, verbose="error")


@pytest.fixture(scope="module")
def clean():
    return recording()


@pytest.fixture(scope="module")
def spoilt(clean):
    """The same run with line noise, a noisy and a flat sensor."""
    raw = clean.copy()
    rng = np.random.default_rng(1)
    line = np.sin(2 * np.pi * 50 * TIMES)
    normals = np.array([channel["loc"][11] for channel in raw.info["chs"][:306]])
    raw._data[:306] += np.outer(normals * (clean.get_data()[:306].std(axis=1)), 2 * line)
    raw._data[raw.ch_names.index(NOISY)] += 2e-11 * rng.standard_normal(len(TIMES))
    raw._data[raw.ch_names.index(FLAT)] = 0
    return raw


@pytest.fixture(scope="module")
def cleaned(spoilt):
    settings = {
        "bad_channels": {"search": True, "search_duration": 10.0, "extra": ["MEG2641"]},
        "maxwell": {"apply": True, "tsss_duration": 10.0},
        "notch_frequencies": [50.0],
        "band": (1.0, 60.0),
    }
    return preprocess(spoilt, **(OFF | BODY | settings))


def correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def test_planted_bad_sensors_are_found_and_no_others(cleaned):
    found = cleaned[1]["bad_channels"]
    assert found == {"marked": [], "extra": ["MEG 2641"], "noisy": [NOISY], "flat": [FLAT]}


def field_of_the_brain(raw):
    course = courses()["brain"]
    return raw.get_data()[:306] @ course / (course @ course)


def test_bad_sensors_are_rebuilt_and_brain_signal_survives_the_whole_chain(cleaned):
    raw = cleaned[0]
    assert raw.info["bads"] == []
    planted, kept = fields(raw.info)["brain"], field_of_the_brain(raw)
    for kind in ("grad", "mag"):
        picks = mne.pick_types(raw.info, meg=kind)
        assert correlation(kept[picks], planted[picks]) > 0.93
        assert np.ptp(kept[picks]) == pytest.approx(np.ptp(planted[picks]), rel=0.2)
    bad = [raw.ch_names.index(name) for name in (NOISY, FLAT)]
    largest = np.abs(planted[mne.pick_types(raw.info, meg="grad")]).max()
    np.testing.assert_allclose(kept[bad], planted[bad], atol=0.25 * largest)


def test_line_noise_goes_and_the_quality_figures_show_it(cleaned):
    quality = cleaned[1]
    for kind in ("grad", "mag"):
        before, after = (quality[f"spectra_{when}"][kind]["median"] for when in ("before", "after"))
        at = quality["spectra_before"]["frequencies"].index(50.0)
        assert before[at] > 3 * before[at - 5]
        assert after[at] < before[at] / 4
        assert after[at] < 2 * after[at - 5]
    assert json.loads(json.dumps(quality)) == quality
    assert quality["heart"]["events"] == 23
    assert quality["blinks"]["events"] == 7
    assert quality["duration"] == pytest.approx(SECONDS, abs=0.01)


def test_the_recording_given_is_left_as_it_was(cleaned, spoilt):
    assert spoilt.info["bads"] == []
    assert spoilt.info["projs"] == []
    assert not spoilt.get_data(picks=[FLAT]).any()


def test_projections_remove_heart_and_blinks_but_not_the_brain(clean):
    removed, quality = preprocess(clean, **(OFF | BODY))

    def kept(name):
        course = courses()[name] - courses()[name].mean()
        before, after = (np.linalg.norm(raw.get_data()[:306] @ course) for raw in (clean, removed))
        return after / before

    assert kept("heart") < 0.1
    assert kept("eyes") < 0.1
    assert kept("brain") > 0.8
    assert len(quality["heart"]["explained"]) == 2  # one for gradiometers, one for magnetometers
    assert min(quality["blinks"]["explained"]) > 0.8


def test_sss_moves_the_head_to_the_reference_run():
    reference = measurement_info()["dev_head_t"]
    moved = recording(head=(0.006, -0.004, 0.045), sources=["brain"], noise=0.1)
    target = fields(measurement_info())["brain"]
    picks = mne.pick_types(moved.info, meg="grad")

    def error(raw):
        field = field_of_the_brain(raw)
        return np.linalg.norm((field - target)[picks]) / np.linalg.norm(target[picks])

    here, _ = preprocess(moved, **(OFF | SSS))
    there, quality = preprocess(moved, **(OFF | SSS), head_position=reference)
    assert error(there) < 0.1 < error(here)
    assert quality["head"]["distance"] == pytest.approx(np.sqrt(6**2 + 4**2 + 5**2), abs=0.01)


def test_head_movement_gives_the_angle_turned():
    info, turned = measurement_info(), measurement_info()
    turned["dev_head_t"]["trans"][:3, :3] = mne.transforms.rotation3d(0, 0, np.radians(7))[:3, :3]
    movement = head_movement(turned, info["dev_head_t"])
    assert movement == {"position": [0.0, 0.0, 40.0], "distance": 0.0, "rotation": 7.0}


def test_without_sss_bad_sensors_are_interpolated():
    truth = recording(sources=["brain"], noise=0.1)
    raw = truth.copy()
    raw._data[raw.ch_names.index(FLAT)] = 0
    bad = {"bad_channels": {"search": False, "search_duration": None, "extra": [FLAT]}}
    rebuilt, quality = preprocess(raw, **(OFF | bad))
    assert rebuilt.info["bads"] == []
    assert quality["bad_channels"]["extra"] == [FLAT]
    rebuilt, truth = (field_of_the_brain(raw)[raw.ch_names.index(FLAT)] for raw in (rebuilt, truth))
    assert rebuilt == pytest.approx(truth, rel=0.2)


def test_the_search_covers_the_run_to_its_end(clean):
    raw = clean.copy()
    late = raw.ch_names.index(NOISY)
    half = len(TIMES) // 2
    raw._data[late, half:] += 2e-11 * np.random.default_rng(2).standard_normal(half)
    device = {"origin": (0.0, 0.0, 0.04)}
    bad = find_bad_channels(raw, search=True, search_duration=10.0, extra=[], device=device)
    assert bad["noisy"] == [NOISY]


def test_spectra_give_the_planted_noise_densities():
    raw = recording(sources=[])
    names = np.array(raw.ch_names)
    picks = {kind: list(names[mne.pick_types(raw.info, meg=kind)]) for kind in NOISE}
    summary = spectra(raw, picks)
    inner = slice(2, -2)
    assert summary["frequencies"] == [float(f) for f in range(101)]
    assert np.mean(summary["grad"]["median"][inner]) == pytest.approx(3.0, rel=0.05)
    assert np.mean(summary["mag"]["median"][inner]) == pytest.approx(3.0, rel=0.05)
    assert summary["mag"]["low"][50] < summary["mag"]["median"][50] < summary["mag"]["high"][50]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"notch_frequencies": [50.0, 100.0]}, "notch_frequencies holds 100 Hz; keep .* below 100"),
        ({"band": (0.1, 100.0)}, "band ends at 100 Hz"),
        ({"maxwell": {"apply": True, "tsss_duration": 30.0}}, r"lasts 20\.0 s, .*tsss_duration"),
        (
            {"bad_channels": {"search": False, "search_duration": None, "extra": ["MEG9999"]}},
            "no sensor 'MEG9999'",
        ),
    ],
)
def test_settings_that_do_not_fit_the_recording_are_refused(clean, settings, message):
    with pytest.raises(LmbrainError, match=message):
        preprocess(clean, **(OFF | settings))


@pytest.mark.parametrize(
    ("channel", "message"), [("ECG063", "no ECG channel"), ("EOG061", "no EOG channel")]
)
def test_a_missing_body_channel_is_named(clean, channel, message):
    with pytest.raises(LmbrainError, match=message):
        preprocess(clean.copy().drop_channels([channel]), **(OFF | BODY))


def test_an_implausible_heart_rate_is_refused(clean):
    raw = clean.copy()
    raw._data[306] = 1e-3 * bumps(np.array([3.0, 9.0, 15.0]), 0.015)
    with pytest.raises(LmbrainError, match="heart beats a minute, which is implausible"):
        preprocess(raw, **(OFF | BODY))


def test_recordings_that_sss_cannot_take_are_refused(clean):
    lost = clean.copy()
    lost.info["dev_head_t"] = None
    with pytest.raises(LmbrainError, match="holds no head position"):
        preprocess(lost, **(OFF | SSS))
    done, _ = preprocess(clean, **(OFF | SSS))
    with pytest.raises(LmbrainError, match="has already been Maxwell filtered"):
        preprocess(done, **(OFF | SSS))
    deaf = clean.copy().pick(["ecg", "eog"])
    with pytest.raises(LmbrainError, match="has no MEG sensors"):
        preprocess(deaf, **OFF)
