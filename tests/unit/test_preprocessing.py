"""Cleaning a run, the whole chain: what was planted is removed, what is brain stays."""

import json

import mne
import numpy as np
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.meg.preprocessing import preprocess
from meg_runs import (
    BODY,
    FLAT,
    NOISY,
    SECONDS,
    SSS,
    TIMES,
    field_of,
    fields,
    recording,
    settings,
)

CHAIN = {
    "saturation": {"share": 0.1},
    "bad_channels": {"search": True, "search_duration": 10.0, "extra": ["MEG2641"]},
    "maxwell": {"apply": True, "tsss_duration": 10.0},
    "notch_frequencies": [50.0],
    "band": (1.0, 35.0),
    "resample": 100.0,
}


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
    return preprocess(spoilt, settings(BODY, CHAIN))


def test_planted_bad_sensors_are_found_and_no_others(cleaned):
    found = cleaned[1]["bad_channels"]
    assert found == {"marked": [], "extra": ["MEG 2641"], "noisy": [NOISY], "flat": [FLAT]}


def test_bad_sensors_are_rebuilt_and_brain_signal_survives_the_whole_chain(cleaned):
    raw = cleaned[0]
    assert raw.info["bads"] == []
    assert raw.info["sfreq"] == 100.0
    planted, kept = fields(raw.info)["brain"], field_of("brain", raw)
    for kind in ("grad", "mag"):
        picks = mne.pick_types(raw.info, meg=kind)
        assert np.corrcoef(kept[picks], planted[picks])[0, 1] > 0.93
        assert np.ptp(kept[picks]) == pytest.approx(np.ptp(planted[picks]), rel=0.2)
    bad = [raw.ch_names.index(name) for name in (NOISY, FLAT)]
    largest = np.abs(planted[mne.pick_types(raw.info, meg="grad")]).max()
    np.testing.assert_allclose(kept[bad], planted[bad], atol=0.25 * largest)


def test_line_noise_goes_and_the_quality_figures_show_it(spoilt):
    quality = preprocess(spoilt, settings({"notch_frequencies": [50.0]}))[1]
    for kind in ("grad", "mag"):
        before, after = (quality[f"spectra_{when}"][kind]["median"] for when in ("before", "after"))
        at = quality["spectra_before"]["frequencies"].index(50.0)
        assert before[at] > 3 * before[at - 5]
        assert after[at] < before[at] / 4
        assert after[at] < 2 * after[at - 5]


def test_what_was_found_and_done_is_plain_and_complete(cleaned):
    quality = cleaned[1]
    assert json.loads(json.dumps(quality)) == quality
    assert quality["heart"]["events"] == 23
    assert quality["blinks"]["events"] == 7
    assert quality["duration"] == pytest.approx(SECONDS, abs=0.01)
    assert quality["saturated"] == 0
    assert quality["maxwell"] == {
        "origin": [0.0, 0.0, 0.04],
        "calibration": False,
        "cross_talk": False,
        "head_position": "the run's own",
    }
    assert quality["steps"] == [
        "nothing saturated",
        "search for bad sensors in 10 s of the run",
        "tSSS in buffers of 10 s (origin 0, 0, 40 mm; head position: the run's own)",
        "notch at 50 Hz",
        "band-pass 1 to 35 Hz",
        "heart beats by SSP (1 removed)",
        "blinks by SSP (1 removed)",
        "resampled to 100 Hz",
    ]
    good = quality["sensors"]
    assert len(good["grad"]) + len(good["mag"]) == 306
    assert set(quality["places"]) == {*good["grad"], *good["mag"]}
    assert quality["ica_converged"] is None


def test_the_recording_given_is_left_as_it_was(cleaned, spoilt):
    assert spoilt.info["bads"] == []
    assert spoilt.info["projs"] == []
    assert len(spoilt.annotations) == 0
    assert not spoilt.get_data(picks=[FLAT]).any()


def test_with_every_step_off_the_sensors_are_untouched(clean):
    raw, quality = preprocess(clean, settings())
    np.testing.assert_array_equal(raw.get_data(), clean.get_data())
    assert quality["steps"] == []
    assert quality["maxwell"] is quality["heart"] is quality["blinks"] is None


def test_eeg_is_left_out_but_for_a_channel_named(clean):
    raw = clean.copy()
    raw.set_channel_types({"ECG063": "eeg"}, on_unit_change="ignore", verbose="error")
    assert "ECG063" not in preprocess(raw, settings())[0].ch_names
    named = settings(BODY, {"artefacts": {"ecg_channel": "ECG063"}})
    cleaned, quality = preprocess(raw, named)
    assert "ECG063" in cleaned.ch_names
    assert quality["heart"]["events"] == 23


def test_without_sss_bad_sensors_are_interpolated():
    truth = recording(sources=["brain"], noise=0.1)
    raw = truth.copy()
    raw._data[raw.ch_names.index(FLAT)] = 0
    rebuilt, quality = preprocess(raw, settings({"bad_channels": {"extra": [FLAT]}}))
    assert rebuilt.info["bads"] == []
    assert quality["bad_channels"]["extra"] == [FLAT]
    assert quality["steps"] == ["1 bad sensor interpolated"]
    rebuilt, truth = (field_of("brain", r)[r.ch_names.index(FLAT)] for r in (rebuilt, truth))
    assert rebuilt == pytest.approx(truth, rel=0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"notch_frequencies": [50.0, 100.0]},
            "notch_frequencies holds 100 Hz; keep .* below 100",
        ),
        ({"band": (0.1, 100.0)}, "band ends at 100 Hz"),
        ({"band": (0.1, 40.0), "resample": 90.0}, r"up to 50 Hz; resample to at least 100 Hz"),
        ({"resample": 150.0}, "up to 100 Hz; resample to at least 200 Hz"),
        ({"resample": 250.0}, r"less than preprocessing.resample \(250 Hz\)"),
        (
            {"maxwell": {"apply": True, "tsss_duration": 30.0}},
            r"lasts 20\.0 s without .*tsss_duration",
        ),
        (
            {"bad_channels": {"search": True, "interval": 21.0}},
            r"less than the 21 s of preprocessing.bad_channels.interval",
        ),
        ({"bad_channels": {"extra": ["MEG9999"]}}, "no sensor 'MEG9999'"),
        ({"ctf_compensation": 3}, r"no gradient compensation of grade 3 \(it has 0\)"),
        (
            {"artefacts": {"eog_components": 1, "eog_channel": "VEOG"}},
            "no channel 'VEOG'; correct preprocessing.artefacts.eog_channel",
        ),
    ],
)
def test_settings_that_do_not_fit_the_recording_are_refused(clean, change, message):
    with pytest.raises(LmbrainError, match=message):
        preprocess(clean, settings(change))


@pytest.mark.parametrize(
    ("channel", "message"), [("ECG063", "no ECG channel"), ("EOG061", "no EOG channel")]
)
def test_a_missing_body_channel_is_named(clean, channel, message):
    with pytest.raises(LmbrainError, match=message):
        preprocess(clean.copy().drop_channels([channel]), settings(BODY))


@pytest.mark.parametrize("method", ["ssp", "ica"])
@pytest.mark.parametrize(
    ("kind", "bad"), [("ecg", ["ECG063"]), ("eog", ["EOG061"]), ("eog", ["EOG061", "MEG 0113"])]
)
def test_a_body_channel_that_is_bad_is_refused_only_where_it_is_needed(clean, kind, bad, method):
    raw = clean.copy()
    raw.info["bads"] = bad
    asked = {"artefacts": {"method": method, f"{kind}_components": 1}}
    message = f"no {kind.upper()} channel that is not bad .*artefacts.{kind}_channel"
    named = {"artefacts": asked["artefacts"] | {f"{kind}_channel": bad[0]}}
    extra = {"bad_channels": {"extra": [bad[0]]}}
    for given, chosen in ((raw, (asked,)), (raw, (named,)), (clean, (asked, extra))):
        with pytest.raises(LmbrainError, match=message):
            preprocess(given, settings(*chosen))
    for given, chosen in ((raw, settings(SSS)), (raw, settings()), (clean, settings(extra))):
        cleaned, quality = preprocess(given, chosen)
        found = [*quality["bad_channels"]["marked"], *quality["bad_channels"]["extra"]]
        assert found == ([] if given is clean else bad[1:])
        assert not [name for name in cleaned.info["bads"] if name.startswith("MEG")]


def test_blinks_are_found_on_the_good_one_of_two_channels(clean):
    raw = clean.copy().load_data()
    second = clean.copy().pick(["EOG061"]).rename_channels({"EOG061": "EOG062"})
    raw.add_channels([second], force_update_info=True)
    raw._data[raw.ch_names.index("EOG061")] = 1.0
    raw.info["bads"] = ["EOG061"]
    assert preprocess(raw, settings(BODY))[1]["blinks"]["events"] == 7


def test_recordings_that_sss_cannot_take_are_refused(clean):
    lost = clean.copy()
    lost.info["dev_head_t"] = None
    with pytest.raises(LmbrainError, match="holds no head position"):
        preprocess(lost, settings(SSS))
    done, _ = preprocess(clean, settings(SSS))
    with pytest.raises(LmbrainError, match="has already been Maxwell filtered"):
        preprocess(done, settings(SSS))
    deaf = clean.copy().pick(["ecg", "eog"])
    with pytest.raises(LmbrainError, match="has no MEG sensors"):
        preprocess(deaf, settings())
    shielded = clean.copy()
    with shielded.info._unlock():
        shielded.info["maxshield"] = True
    with pytest.raises(LmbrainError, match="was recorded with MaxShield"):
        preprocess(shielded, settings())


def test_a_run_is_cleaned_the_same_whatever_was_cleaned_before(cleaned, spoilt):
    preprocess(recording(seed=5), settings(BODY, {"band": (1.0, 35.0)}))
    again, _ = preprocess(spoilt, settings(BODY, CHAIN))
    np.testing.assert_array_equal(again.get_data(), cleaned[0].get_data())


def test_two_people_may_have_bad_channels_of_their_own():
    from configs import read_config
    from lmbrain.config import load_study

    config = read_config()
    first, second = config["data"]["subjects"][:2]
    config["preprocessing"]["bad_channels"]["extra"] = {first: ["MEG 0113"]}
    chosen = load_study(config).preprocessing
    assert chosen.of(first)["bad_channels"]["extra"] == ["MEG 0113"]
    assert chosen.of(second)["bad_channels"]["extra"] == []
    config["preprocessing"]["bad_channels"]["extra"] = {"nobody": ["MEG 0113"]}
    with pytest.raises(LmbrainError, match="names 'nobody', which data.subjects"):
        load_study(config)


def test_the_report_draws_and_judges_what_was_found(cleaned):
    from lmbrain.report import recording_figures as figures
    from lmbrain.report.recording_concerns import of_run

    runs = {"1": json.loads(json.dumps(cleaned[1]))}
    drawn = figures.spectra({("01", "1"): runs["1"]}), figures.bad_sensor_maps("01", runs)
    assert all(drawn)
    assert figures.components("01", runs) is not None
    assert figures.movement("01", runs) is None
    assert of_run(runs["1"], None) == []
