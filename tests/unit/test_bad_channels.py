"""Bad sensors: named, marked or found."""

import numpy as np
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.meg.bad_channels import find_bad_channels
from meg_runs import FLAT, NOISY, RATE, TIMES, recording

DEVICE = {"origin": (0.0, 0.0, 0.04)}
SEARCH = {"search": True, "search_duration": 10.0, "interval": 5.0, "extra": []}


@pytest.fixture(scope="module")
def clean():
    return recording()


def spoil(raw, start, stop):
    raw = raw.copy()
    noise = np.random.default_rng(2).standard_normal(stop - start)
    raw._data[raw.ch_names.index(NOISY), start:stop] += 2e-11 * noise
    return raw


def test_the_search_covers_the_run_to_its_end(clean):
    raw = spoil(clean, len(TIMES) // 2, len(TIMES))
    assert find_bad_channels(raw, "A run", **SEARCH, device=DEVICE)["noisy"] == [NOISY]


def test_the_interval_decides_what_is_judged_at_once(clean):
    """Noise of a second is half of the only interval, but a tenth of ten intervals of 2 s."""
    raw = spoil(clean, 500, round(500 + RATE))
    whole = SEARCH | {"search_duration": None}
    seconds = find_bad_channels(raw, "A run", **whole | {"interval": 2.0}, device=DEVICE)
    assert seconds["noisy"] == []
    short = raw.copy().crop(2.0, 4.0 - 1 / RATE)
    once = find_bad_channels(short, "A run", **whole | {"interval": 2.0}, device=DEVICE)
    assert once["noisy"] == [NOISY]


def test_marked_and_named_sensors_are_kept_apart_and_not_searched(clean):
    raw = clean.copy()
    raw.info["bads"] = [FLAT]
    raw._data[raw.ch_names.index(FLAT)] = 0
    named = SEARCH | {"extra": [NOISY.replace(" ", "")]}
    found = find_bad_channels(spoil(raw, 0, 4000), "A run", **named, device=DEVICE)
    assert found == {"marked": [FLAT], "extra": [NOISY], "noisy": [], "flat": []}


def test_bad_channels_that_are_no_sensors_are_left_to_who_uses_them(clean):
    raw = clean.copy()
    raw.info["bads"] = ["EOG061", FLAT]
    found = find_bad_channels(raw, "A run", **SEARCH | {"extra": ["ECG063"]}, device=DEVICE)
    assert found == {"marked": [FLAT], "extra": [], "noisy": [], "flat": []}


def test_an_unknown_sensor_is_named(clean):
    wrong = SEARCH | {"extra": ["MEG9999"]}
    with pytest.raises(LmbrainError, match="A run has no sensor 'MEG9999'"):
        find_bad_channels(clean, "A run", **wrong, device=DEVICE)
