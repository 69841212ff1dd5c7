"""Heart beats and blinks go, by projection or by independent components; the brain stays."""

import mne
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from lmbrain.errors import LmbrainError
from lmbrain.meg.preprocessing import preprocess
from lmbrain.report.recording_concerns import of_run
from meg_runs import BODY, SSS, TIMES, bumps, courses, fields, recording, settings

ICA = {"artefacts": {"method": "ica"}, "band": (0.5, 40.0)}


@pytest.fixture(scope="module")
def clean():
    return recording()


@pytest.fixture(scope="module")
def busy():
    """The same with a dozen rhythms more in the brain, so that there is something to unmix."""
    raw = recording(noise=0.3)
    rng = np.random.default_rng(2)
    places = rng.standard_normal((12, 3)) * [1, 1, 0.5]
    places *= 0.06 / np.linalg.norm(places, axis=1, keepdims=True)
    places[:, 2] = 0.04 + np.abs(places[:, 2])
    directions = rng.standard_normal((12, 3))
    ones = np.ones(12)
    dipoles = mne.Dipole(np.arange(12), places, ones, directions, ones)
    sphere = mne.make_sphere_model((0.0, 0.0, 0.04), head_radius=None, verbose="error")
    meg = mne.pick_info(raw.info, np.arange(306))
    forward, _ = mne.make_forward_dipole(dipoles, sphere, meg, verbose="error")
    rhythms = np.sin(2 * np.pi * (np.linspace(4, 30, 12)[:, None] * TIMES + rng.random((12, 1))))
    raw._data[:306] += forward["sol"]["data"] @ (2e-8 * rhythms)
    return raw


@pytest.fixture(scope="module")
def unmixed(busy):
    return preprocess(busy, settings(BODY, ICA))


def kept(name, before, after):
    """Share of a source's field that is left."""
    course = courses()[name] - courses()[name].mean()
    was, left = (np.linalg.norm(raw.get_data()[:306] @ course) for raw in (before, after))
    return left / was


def likeness(component, name, raw):
    """Correlation of a topography with the planted field, per sensor type; the sign is free."""
    planted = dict(zip(raw.ch_names, fields(raw.info)[name], strict=False))
    kinds = {"grad": mne.pick_types(raw.info, meg="grad"), "mag": mne.pick_types(raw.info, "mag")}
    return [
        abs(np.corrcoef(values, [planted[raw.ch_names[i]] for i in kinds[kind]])[0, 1])
        for kind, values in component["topography"].items()
    ]


def test_projections_remove_heart_and_blinks_but_not_the_brain(clean):
    removed, quality = preprocess(clean, settings(BODY))
    assert kept("heart", clean, removed) < 0.1
    assert kept("eyes", clean, removed) < 0.1
    assert kept("brain", clean, removed) > 0.8
    for artefact, source in (("heart", "heart"), ("blinks", "eyes")):
        found = quality[artefact]
        assert found["method"] == "ssp"
        assert [list(c["topography"]) for c in found["components"]] == [["grad"], ["mag"]]
        for component in found["components"]:
            assert min(likeness(component, source, clean)) > 0.9
    assert min(c["explained"] for c in quality["blinks"]["components"]) > 0.8


def test_after_sss_both_sensor_types_share_a_projection(clean):
    _, quality = preprocess(clean, settings(BODY, SSS))
    (heart,) = quality["heart"]["components"]
    assert list(heart["topography"]) == ["grad", "mag"]
    assert [len(values) for values in heart["topography"].values()] == [204, 102]


def test_independent_components_remove_heart_and_blinks_but_not_the_brain(busy, unmixed):
    removed, quality = unmixed
    filtered, _ = preprocess(busy, settings({"band": ICA["band"]}))
    assert kept("heart", filtered, removed) < 0.15
    assert kept("eyes", filtered, removed) < 0.15
    assert kept("brain", filtered, removed) > 0.9
    for artefact, source in (("heart", "heart"), ("blinks", "eyes")):
        (component,) = quality[artefact]["components"]
        assert quality[artefact]["method"] == "ica"
        assert min(likeness(component, source, busy)) > 0.9
    assert quality["heart"]["components"][0]["score"] > 0.3  # the threshold
    assert quality["blinks"]["components"][0]["score"] > 0.9  # correlation with the EOG
    assert (quality["heart"]["events"], quality["blinks"]["events"]) == (23, 7)
    assert quality["ica_converged"] is True


def test_a_recording_at_the_rate_of_the_fit_is_fitted_as_it_is(busy):
    ica = settings(BODY, ICA)["artefacts"]["ica"] | {"sampling_rate": busy.info["sfreq"]}
    raw, _ = preprocess(busy, settings(BODY, ICA, {"artefacts": {"ica": ica}}))
    assert kept("heart", busy, raw) < 0.2
    assert kept("eyes", busy, raw) < 0.2


def test_removing_components_is_mnes_in_one_piece(busy, unmixed):
    filtered, _ = preprocess(busy, settings({"band": ICA["band"]}))
    chosen = settings()["artefacts"]["ica"]
    copy = filtered.copy().resample(chosen["sampling_rate"], method="polyphase", verbose="error")
    copy.filter(chosen["high_pass"], None, picks="meg", verbose="error")
    ica = mne.preprocessing.ICA(chosen["components"], random_state=chosen["seed"], verbose="error")
    ica.fit(copy, picks="meg", verbose="error")
    ica.exclude = [
        ica.find_bads_ecg(copy, threshold=chosen["ecg_threshold"], verbose="error")[0][0],
        ica.find_bads_eog(copy, threshold=chosen["eog_threshold"], verbose="error")[0][0],
    ]
    expected = ica.apply(filtered, verbose="error").get_data("meg")
    np.testing.assert_allclose(
        unmixed[0].get_data("meg"), expected, atol=1e-6 * np.abs(expected).max()
    )


def test_the_seed_alone_decides_the_random_start(busy, unmixed):
    again, _ = preprocess(busy, settings(BODY, ICA))
    np.testing.assert_array_equal(again.get_data(), unmixed[0].get_data())


def test_no_more_components_go_than_allowed_the_clearest_first(busy, unmixed):
    loose = {"ica": settings()["artefacts"]["ica"] | {"ecg_threshold": 0.001}}
    _, three = preprocess(busy, settings(BODY, ICA, {"artefacts": loose | {"ecg_components": 3}}))
    _, one = preprocess(busy, settings(BODY, ICA, {"artefacts": loose}))
    scores = [component["score"] for component in three["heart"]["components"]]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert one["heart"]["components"] == three["heart"]["components"][:1]
    assert one["heart"]["components"] == unmixed[1]["heart"]["components"]


def test_components_that_a_recording_does_not_have_are_refused(clean):
    many = {"artefacts": {"ica": settings()["artefacts"]["ica"] | {"components": 307}}}
    with pytest.raises(LmbrainError, match=r"ICA failed .* lower preprocessing.artefacts.ica"):
        preprocess(clean, settings(BODY, ICA, many))


def test_a_decomposition_that_does_not_converge_is_kept_and_told(busy, monkeypatch, caplog):
    monkeypatch.setattr("lmbrain.meg.ica.MOST_STEPS", 2)
    with pytest.warns(ConvergenceWarning):
        _, quality = preprocess(busy, settings(BODY, ICA))
    assert quality["ica_converged"] is False
    assert "ICA did not converge in 2 steps" in caplog.text
    assert "ICA did not converge" in of_run(quality, None)


def annotated(raw, onsets, duration):
    raw = raw.copy()
    onsets = np.atleast_1d(onsets)
    return raw.set_annotations(mne.Annotations(onsets, duration + 0 * onsets, "BAD_cough"))


@pytest.mark.parametrize("method", ["ssp", "ica"])
@pytest.mark.parametrize("artefact", ["ecg", "eog"])
def test_a_run_with_too_little_good_signal_for_beats_and_blinks_is_refused(clean, method, artefact):
    wanted = settings({"artefacts": {"method": method, f"{artefact}_components": 1}})
    for raw in (annotated(clean, 0.0, 20.0), annotated(clean, 2.0, 18.0), clean.copy().crop(0, 2)):
        with pytest.raises(LmbrainError, match=r"[02]\.0 s are not annotated as bad, but heart"):
            preprocess(raw, wanted)


@pytest.mark.parametrize("method", ["ssp", "ica"])
def test_beats_and_blinks_count_only_clear_of_bad_stretches(clean, method, caplog):
    broken = annotated(clean, np.arange(0.3, 20, 0.5), 0.1)
    with pytest.raises(LmbrainError, match="only 0 heart beats lie clear of the run's ends"):
        preprocess(broken, settings(BODY, {"artefacts": {"method": method}}))
    eyes = settings({"artefacts": {"method": method, "eog_components": 1}})
    assert preprocess(broken, eyes)[1]["blinks"]["components"] == []
    assert "only 0 blinks, none removed" in caplog.text


def test_a_dead_eye_channel_shows_no_blinks(clean, caplog):
    raw = clean.copy()
    raw._data[307] = 1e-4
    quality = preprocess(raw, settings({"artefacts": {"eog_components": 1}}))[1]
    assert quality["blinks"]["events"] == 0
    assert "only 0 blinks, none removed" in caplog.text


def test_method_none_leaves_everything(clean):
    off = {"artefacts": {"method": "none"}}
    untouched, quality = preprocess(clean.copy().drop_channels(["ECG063"]), settings(BODY, off))
    assert quality["heart"] is quality["blinks"] is None
    np.testing.assert_array_equal(untouched.get_data("meg"), clean.get_data("meg"))


def test_few_blinks_stay_and_are_told(clean, caplog):
    raw = clean.copy()
    raw._data[307] = 2e-4 * bumps(np.array([5.0, 11.0]), 0.07)
    untouched, quality = preprocess(raw, settings(BODY, {"artefacts": {"ecg_components": 0}}))
    assert quality["blinks"] == {"method": "ssp", "events": 2, "per_minute": 6.0, "components": []}
    assert "only 2 blinks, none removed" in caplog.text
    np.testing.assert_array_equal(untouched.get_data("meg"), clean.get_data("meg"))


def test_an_implausible_heart_rate_is_refused(clean):
    raw = clean.copy()
    raw._data[306] = 1e-3 * bumps(np.array([3.0, 9.0, 15.0]), 0.015)
    with pytest.raises(LmbrainError, match="heart beats a minute, which is implausible"):
        preprocess(raw, settings(BODY))
