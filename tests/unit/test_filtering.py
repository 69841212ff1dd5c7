"""Filters in time: nothing crosses a gap, and triggers survive a lower sampling rate."""

import logging

import mne
import numpy as np
import pytest

from lmbrain.meg.filtering import band_kernel, filter_in_time, resample
from lmbrain.meg.saturation import NAME

RATE = 500.0
BAND = (1.0, 40.0)
NAMES = ["MEG 0111", "MEG 0121"]


def run(seconds=30.0, seed=0):
    rng = np.random.default_rng(seed)
    info = mne.create_info([*NAMES, "STI101"], RATE, ["mag", "mag", "stim"])
    data = 1e-12 * rng.standard_normal((3, round(seconds * RATE)))
    data[2] = 0
    return mne.io.RawArray(data, info, first_samp=1234, verbose="error")


def filtered(raw, notch=(50.0,), band=BAND):
    raw = raw.copy()
    filter_in_time(raw, "A run", NAMES, notch, band)
    return raw


def data_of(raw):
    return raw.get_data(NAMES)


@pytest.mark.parametrize("gap", ["BAD_ACQ_SKIP", NAME])
def test_a_step_beyond_a_gap_does_not_ring_into_this_side(gap):
    calm, loud = run(), run()
    loud._data[:2, 7500:] += 1e-9
    sides = []
    for raw in (calm, loud):
        raw.annotations.append(14.0 + raw.first_time, 1.0, gap)
        sides.append(filtered(raw))
    before, within = slice(0, 7000), slice(7000, 7500)
    np.testing.assert_array_equal(data_of(sides[1])[:, before], data_of(sides[0])[:, before])
    np.testing.assert_array_equal(data_of(sides[0])[:, within], data_of(calm)[:, within])
    without = [filtered(raw.set_annotations(None)) for raw in (calm, loud)]
    leak = data_of(without[1])[:, before] - data_of(without[0])[:, before]
    assert np.abs(leak).max() > 1e-11  # what would ring without the gap


def test_each_side_of_a_gap_is_filtered_as_a_run_of_its_own():
    raw = run()
    raw.annotations.append(14.0 + raw.first_time, 1.0, "BAD_ACQ_SKIP")
    both = data_of(filtered(raw))
    for start, stop in ((0, 7000), (7500, 15000)):
        alone = raw.copy().set_annotations(None).crop(start / RATE, (stop - 1) / RATE)
        np.testing.assert_allclose(both[:, start:stop], data_of(filtered(alone)), rtol=1e-12)


def test_the_parts_of_joined_recordings_are_filtered_each_by_itself(caplog):
    parts = [run(seed=seed) for seed in (1, 2)]
    parts[1]._data[:2] += 1e-9
    joined = mne.concatenate_raws([part.copy() for part in parts], verbose="error")
    both = data_of(filtered(joined))
    for part, found in zip(parts, np.split(both, 2, axis=1), strict=True):
        np.testing.assert_allclose(found, data_of(filtered(part)), rtol=1e-12, atol=1e-25)
    filtered(joined, band=(0.1, 40.0))  # 33 s, longer than a part, shorter than both
    assert "a stretch of 30.0 s is shorter" in caplog.text


def test_the_filters_are_mnes_with_its_defaults():
    raw = run()
    expected = raw.copy().notch_filter([50.0, 100.0], picks=NAMES, verbose="error")
    expected.filter(*BAND, picks=NAMES, verbose="error")
    np.testing.assert_array_equal(data_of(filtered(raw, [50, 100])), data_of(expected))
    assert not filtered(raw).get_data("stim").any()


def test_a_constant_offset_does_not_ring_at_the_runs_ends():
    raw = run()
    offset = raw.copy()
    offset._data[:2] += 1e-9  # a thousand times the noise
    ringing = data_of(filtered(offset)) - data_of(filtered(raw))
    assert np.abs(ringing).max() < 1e-14


def test_a_stretch_shorter_than_the_filter_is_told(caplog):
    assert band_kernel(RATE, (0.1, 40.0)) == pytest.approx(33 * RATE, rel=0.01)
    with caplog.at_level(logging.WARNING):
        filtered(run(), band=BAND)
        assert not caplog.records
        filtered(run(), band=(0.1, 40.0))
    assert "a stretch of 30.0 s is shorter than the band-pass filter (33.0 s)" in caplog.text


@pytest.mark.parametrize("rate", [200.0, 125.0, 128.0])
def test_short_trigger_pulses_survive_with_their_codes_and_onsets(rate):
    raw = run()
    onsets = np.sort(np.random.default_rng(1).choice(np.arange(50, 14950, 20), 200, replace=False))
    codes = 1 + np.arange(200) % 7
    raw._data[2, onsets] = codes  # pulses of one sample
    resample(raw, "A run", rate)
    events = mne.find_events(raw, "STI101", shortest_event=1, verbose="error")
    assert events[:, 2].tolist() == codes.tolist()
    late = (events[:, 0] - raw.first_samp) / rate - onsets / RATE
    whole = RATE % rate == 0
    assert late.max() <= (1e-9 if whole else 1 / RATE)
    assert late.min() > -1 / rate


def test_triggers_that_merge_are_told(caplog):
    raw = run()
    raw._data[2, [100, 300, 4000]] = 1
    resample(raw.copy(), "A run", 100.0)
    assert not caplog.records
    raw._data[2, 102] = 1
    resample(raw, "A run", 100.0)
    assert "A run: at 100 Hz 3 of 4 triggers of STI101 can be told apart" in caplog.text


def test_resampling_reaches_no_further_than_ten_samples_across_a_gap_and_keeps_the_signal():
    times = np.arange(15000) / RATE
    calm, loud = run(), run()
    for raw in (calm, loud):
        raw._data[0] = 1e-12 * np.sin(2 * np.pi * 12 * times)
    loud._data[0, 7500:] += 1e-9
    for raw in (calm, loud):
        resample(raw, "A run", 100.0)
    np.testing.assert_allclose(loud[0][0][0, :1490], calm[0][0][0, :1490], atol=1e-20)
    inner = slice(50, -50)
    expected = 1e-12 * np.sin(2 * np.pi * 12 * np.arange(3000) / 100)
    np.testing.assert_allclose(calm[0][0][0, inner], expected[inner], atol=2e-15)


def test_annotations_stay_at_their_seconds_when_the_rate_falls():
    raw = run()
    raw.annotations.append(14.0 + raw.first_time, 1.0, "BAD_cough")
    resample(raw, "A run", 100.0)
    marked = np.isnan(raw.get_data(picks=[0], reject_by_annotation="NaN", verbose="error")[0])
    first, last = np.flatnonzero(marked)[[0, -1]] / 100
    assert first == pytest.approx(14.0, abs=0.011)
    assert last == pytest.approx(14.99, abs=0.011)
