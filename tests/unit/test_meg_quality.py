"""Figures about a recording: spectra, topographies, places."""

import mne
import numpy as np
import pytest
import scipy.signal

from lmbrain.meg.quality import by_sensor, places, power, sensors_by_type, spectra
from lmbrain.meg.saturation import NAME
from meg_runs import FLAT, NOISE, RATE, recording


@pytest.fixture(scope="module")
def noise():
    return recording(sources=[])


def test_spectra_give_the_planted_noise_densities(noise):
    summary = spectra(noise, sensors_by_type(noise))
    inner = slice(2, -2)
    assert summary["frequencies"] == [float(f) for f in range(101)]
    assert NOISE == {"grad": 3e-13, "mag": 3e-15}
    assert np.mean(summary["grad"]["median"][inner]) == pytest.approx(3.0, rel=0.05)
    assert np.mean(summary["mag"]["median"][inner]) == pytest.approx(3.0, rel=0.05)
    assert summary["mag"]["low"][50] < summary["mag"]["median"][50] < summary["mag"]["high"][50]


@pytest.mark.parametrize("samples", [4000, 3950, 150])
def test_pieces_give_the_spectrum_of_the_whole(noise, samples):
    raw = noise.copy().crop(0, (samples - 1) / RATE)
    names = ["MEG 1911", "MEG 0122"]
    frequencies, density = power(raw, names)
    length = min(samples, round(RATE))
    expected = scipy.signal.welch(
        raw.get_data(names),
        RATE,
        window="hamming",
        nperseg=length,
        noverlap=length // 2,
        detrend="constant",
    )
    np.testing.assert_allclose(frequencies, expected[0])
    np.testing.assert_allclose(density, expected[1], rtol=1e-9)


def test_an_unusable_stretch_does_not_enter_the_spectrum(noise):
    raw = noise.copy()
    raw._data[:306, 1000:1500] *= 1e4
    raw.annotations.append(5.0, 2.5, NAME)
    summary, expected = (spectra(r, sensors_by_type(noise)) for r in (raw, noise))
    for kind in ("grad", "mag"):
        np.testing.assert_allclose(summary[kind]["median"], expected[kind]["median"], rtol=0.25)


def test_topographies_follow_the_sensors_listed_and_leave_bad_ones_out(noise):
    raw = noise.copy()
    raw.info["bads"] = [FLAT]
    sensors = sensors_by_type(raw)
    assert len(sensors["grad"]) + len(sensors["mag"]) == 305
    values = {name: float(i) for i, name in enumerate(sensors["mag"])}
    assert by_sensor(values, sensors) == {"mag": list(values.values())}


def test_places_are_those_of_all_sensors(noise):
    found = places(noise.info)
    assert len(found) == 306
    at = noise.ch_names.index(FLAT)
    np.testing.assert_allclose(found[FLAT], noise.info["chs"][at]["loc"][:3], rtol=1e-3)
    assert mne.channel_type(noise.info, at) in NOISE
