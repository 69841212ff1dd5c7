"""Stuck sensors: stretches with many of them are annotated, and nothing leaks out of them."""

import datetime

import mne
import numpy as np
import pandas as pd
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.meg.bad_channels import find_bad_channels
from lmbrain.meg.preprocessing import preprocess
from lmbrain.meg.saturation import NAME, annotate_saturation, usable
from lmbrain.meg.word_locked import word_locked
from meg_runs import RATE, TIMES, recording, settings

LIMITS = {"share": 0.1, "min_duration": 0.1, "margin": 0.0, "most": 0.5}


def stuck(raw, sensors, start, stop, seed=0):
    """A copy in which so many sensors hold one value from start to stop (samples)."""
    raw = raw.copy()
    picks = np.random.default_rng(seed).choice(306, sensors, replace=False)
    raw._data[picks, start:stop] = 1e-10
    return raw


@pytest.fixture(scope="module")
def clean():
    return recording()


def found(raw):
    return [
        (
            round(note["onset"] - raw.first_time, 4),
            round(note["duration"], 4),
        )
        for note in raw.annotations
        if note["description"] == NAME
    ]


@pytest.mark.parametrize("stop", [2405, 2013])  # across two pieces that are read, by little, too
@pytest.mark.parametrize("dated", [False, True])
def test_a_stretch_is_annotated_at_its_samples_whenever_the_run_began(clean, dated, stop):
    noisy = stuck(clean, 40, 1990, stop)
    raw = mne.io.RawArray(noisy.get_data(), clean.info, first_samp=700, verbose="error")
    if dated:
        raw.set_meas_date(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    raw.annotations.append(1.0 + raw.first_time, 0.5, "BAD_cough")
    before = raw.annotations.onset.tolist()
    seconds = annotate_saturation(raw, "A run", LIMITS)
    assert raw.annotations.onset[:1].tolist() == before
    marked = np.isnan(raw.get_data(picks=[0], reject_by_annotation="NaN", verbose="error")[0])
    assert np.flatnonzero(marked).tolist() == [*range(200, 300), *range(1990, stop)]
    assert found(raw) == [(1990 / RATE, (stop - 1990) / RATE)]
    assert seconds == pytest.approx((stop - 1990) / RATE)
    assert usable(raw) == [(0, 1990), (stop, len(TIMES))]


def test_the_margin_widens_a_stretch_inside_the_run(clean):
    raw = stuck(clean, 40, 10, 100)
    annotate_saturation(raw, "A run", LIMITS | {"margin": 0.2})
    assert usable(raw) == [(140, len(TIMES))]


@pytest.mark.parametrize(("sensors", "samples"), [(30, 200), (40, 15)])
def test_few_stuck_sensors_or_short_stillness_are_no_saturation(clean, sensors, samples):
    raw = stuck(clean, sensors, 500, 500 + samples)
    assert annotate_saturation(raw, "A run", LIMITS) == 0
    assert found(raw) == []


def test_sensors_that_are_dead_or_known_to_be_bad_are_no_saturation(clean):
    raw = stuck(clean, 40, 0, len(TIMES))
    assert annotate_saturation(raw.copy(), "A run", LIMITS) == 0
    raw._data[:306, 700:740] = 1e-10
    assert annotate_saturation(raw, "A run", LIMITS) == 0.2
    many = annotate_saturation(stuck(clean, 80, 0, len(TIMES)), "A run", LIMITS | {"most": 1.0})
    assert many == len(TIMES) / RATE
    known = stuck(clean, 40, 500, 700)
    names = [known.ch_names[i] for i in range(306) if not np.ptp(known._data[i, 500:700])]
    assert annotate_saturation(known.copy(), "A run", LIMITS) == 1
    assert annotate_saturation(known.copy(), "A run", LIMITS, names) == 0
    chosen = settings({"saturation": LIMITS, "bad_channels": {"extra": names}})
    assert preprocess(known, chosen)[1]["saturated"] == 0
    known.info["bads"] = names
    assert annotate_saturation(known, "A run", LIMITS) == 0


def test_a_seam_of_joined_recordings_parts_the_stretches(clean):
    first, second = clean.copy().crop(0, 9.995), clean.copy().crop(10, 19.995)
    raw = mne.concatenate_raws([first, second], verbose="error")
    assert max(raw.annotations.duration) == 0
    assert usable(raw) == [(0, 2000), (2000, 4000)]
    raw.annotations.append(9.0, 1.0, "BAD_ACQ_SKIP")  # a gap that ends there
    assert usable(raw) == [(0, 1800), (2000, 4000)]


def test_where_one_sensor_suffices_mne_finds_the_same_stretches(clean):
    raw = clean.copy()
    rng = np.random.default_rng(3)
    for start in rng.choice(np.arange(0, len(TIMES) - 60, 150), 8, replace=False):
        length = rng.integers(10, 50)
        raw._data[rng.choice(306, 3), start : start + length] = rng.normal() * 1e-11
    theirs, bads = mne.preprocessing.annotate_amplitude(
        raw,
        flat={"grad": 0.01e-13, "mag": 0.01e-15},
        min_duration=0.1,
        bad_percent=100,
        picks="meg",
        verbose="error",
    )
    assert bads == []
    annotate_saturation(raw, "A run", LIMITS | {"share": 1e-9})
    starts, lengths = np.transpose(found(raw))
    assert len(theirs) > 3
    np.testing.assert_allclose(starts, theirs.onset)
    np.testing.assert_allclose(lengths, theirs.duration + 1 / RATE)  # up to the last still sample


def test_a_run_that_is_mostly_saturated_is_refused_with_its_share(clean):
    raw = stuck(clean, 100, 0, round(0.6 * len(TIMES)))
    with pytest.raises(LmbrainError, match=r"saturated: for 60% of its 20 s at least 10% of the"):
        preprocess(raw, settings({"saturation": LIMITS}))


def test_a_run_of_nothing_else_is_refused_even_if_all_saturation_is_allowed(clean):
    raw = stuck(clean, 306, 0, len(TIMES))
    with pytest.raises(LmbrainError, match="nothing but gaps and saturated sensors"):
        preprocess(raw, settings({"saturation": LIMITS | {"most": 1.0}}))


def test_words_in_a_saturated_stretch_are_lost_and_others_kept(clean):
    raw = stuck(clean, 100, 1000, 1400)
    raw, quality = preprocess(
        raw, settings({"saturation": LIMITS, "band": (0, 40.0), "resample": 100.0})
    )
    assert quality["saturated"] == 2.0
    words = pd.DataFrame({"run": "1", "is_word": True}, index=range(4))
    onsets = {"1": np.array([4.0, 4.8, 6.5, 7.1])}
    epochs = word_locked({"1": raw}, words, onsets, {"start": 0.0, "stop": 0.5}, 0.05, ["mag"])
    assert epochs.metadata["lost"].tolist() == ["", "annotated as bad", "annotated as bad", ""]


def test_saturation_changes_nothing_outside_it_but_near_its_edges():
    """tSSS and filters run on either side by themselves; the brain's field stays as it was."""
    whole = recording(sources=["brain"], noise=0.1)
    broken = stuck(whole, 306, 2400, 2600)
    # The electronics rattle between the ends of their range, sensors apart.
    signs = np.random.default_rng(1).choice([-1e-7, 1e-7], (306, 4))
    broken._data[:306, 2400:2600] = np.repeat(signs, 50, axis=1)
    chain = settings(
        {
            "saturation": LIMITS | {"margin": 0.2},
            "maxwell": {"apply": True, "tsss_duration": 5.0},
            "notch_frequencies": [50.0],
            "band": (1.0, 40.0),
        }
    )
    after, _ = preprocess(broken, chain)
    expected, _ = preprocess(whole, chain)
    good = np.r_[0:2260, 2740 : len(TIMES)]
    difference = after.get_data("mag")[:, good] - expected.get_data("mag")[:, good]
    assert np.abs(difference).max() < 0.3 * np.abs(expected.get_data("mag")).max()
    far = difference[:, :1500]
    assert np.abs(far).max() < 0.05 * np.abs(expected.get_data("mag")).max()


def test_tsss_treats_each_side_of_a_saturated_stretch_as_a_run_of_its_own(clean):
    raw = stuck(clean, 306, 2000, 2400)
    tsss = {"maxwell": {"apply": True, "tsss_duration": 5.0}}
    chosen = settings(tsss, {"saturation": LIMITS})
    whole = preprocess(raw, chosen)[0].get_data("meg")
    for start, stop in ((0, 2000), (2400, len(TIMES))):
        side = raw.copy().crop(start / RATE, (stop - 1) / RATE)
        alone = preprocess(side, chosen)[0].get_data("meg")
        assert np.abs(whole[:, start:stop] - alone).max() < 1e-9 * np.abs(alone).max()


def test_the_search_for_bad_sensors_looks_elsewhere():
    raw = stuck(recording(sources=["brain"], noise=0.1), 306, 500, 3500)
    annotate_saturation(raw, "A run", LIMITS | {"most": 1.0})
    chosen = {"search": True, "search_duration": None, "interval": 2.0, "extra": []}
    bad = find_bad_channels(raw, "A run", **chosen, device={"origin": (0.0, 0.0, 0.04)})
    assert bad["flat"] == bad["noisy"] == []
    with pytest.raises(LmbrainError, match="has no 5 s without saturated sensors"):
        find_bad_channels(raw, "A run", **chosen | {"interval": 5.0}, device={})


def test_spectra_leave_saturated_stretches_out(clean):
    broken = stuck(clean, 306, 2000, 2400)
    broken._data[:306, 2000] = 1e-6
    quality = preprocess(broken, settings({"saturation": LIMITS | {"margin": 0.05}}))[1]
    expected = preprocess(clean, settings())[1]
    for kind in ("grad", "mag"):
        np.testing.assert_allclose(
            quality["spectra_before"][kind]["median"],
            expected["spectra_before"][kind]["median"],
            rtol=0.3,
        )
