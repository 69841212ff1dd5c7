"""Projections of the empty room take the surroundings away and leave the brain."""

import mne
import numpy as np
import pytest

from lmbrain.config import load_study
from lmbrain.errors import LmbrainError
from lmbrain.meg.preprocessing import preprocess
from lmbrain.simulation.surroundings import magnetic_dipole
from meg_runs import TIMES, field_of, fields, recording, settings

PROJECT = {"empty_room_projections": 1}


@pytest.fixture(scope="module")
def runs():
    """A run and an empty room, both with the field of a far source, each with its own course."""
    clean, room = recording(sources=("brain",)), recording(sources=(), seed=1)
    meg = mne.pick_info(clean.info, mne.pick_types(clean.info, meg=True))
    field = magnetic_dipole(meg, np.array([3.0, 2.0, 1.0]), np.array([0.3, 1.0, 0.2]))
    noisy = clean.copy()
    for raw, frequency in ((noisy, 3.0), (room, 7.0)):
        course = np.sin(2 * np.pi * frequency * TIMES) * 3e-12 / np.abs(field[2::3]).max()
        raw._data[:306] += np.outer(field, course)
    return noisy, room, field


def test_the_far_field_goes_and_the_brain_stays(runs):
    noisy, room, field = runs
    done, quality = preprocess(noisy, settings(PROJECT), room=room)
    mags = mne.pick_types(done.info, meg="mag")
    pattern = field[mags] / np.linalg.norm(field[mags])
    left, before = (np.std(pattern @ raw.get_data(picks=mags)) for raw in (done, noisy))
    assert left < 0.05 * before
    planted, kept = fields(done.info)["brain"][mags], field_of("brain", done)[mags]
    assert np.corrcoef(kept, planted)[0, 1] > 0.9
    assert "1 empty-room projection a sensor type" in quality["steps"]
    rank = mne.compute_rank(done, "info", verbose="error")
    assert rank["meg"] == 304, "one less of either type"


def test_the_patterns_are_those_of_the_filtered_room(runs):
    """A strong field outside the pass band does not take the place of one inside it."""
    noisy, room, field = runs
    hum = room.copy()
    other = np.random.default_rng(0).standard_normal(306) * np.abs(field).mean()
    hum._data[:306] += np.outer(other, 2e-11 * np.sin(2 * np.pi * 60 * TIMES) / np.abs(other).max())
    done, _ = preprocess(noisy, settings(PROJECT, {"band": (1.0, 30.0)}), room=hum)
    mags = mne.pick_types(done.info, meg="mag")
    pattern = field[mags] / np.linalg.norm(field[mags])
    assert np.std(pattern @ done.get_data(picks=mags)) < 0.1 * np.std(
        pattern @ noisy.get_data(picks=mags)
    )


def test_a_room_that_is_missing_or_of_another_system_is_named(runs):
    noisy, room, _ = runs
    with pytest.raises(LmbrainError, match="names no empty-room recording"):
        preprocess(noisy, settings(PROJECT))
    part = room.copy().drop_channels(["MEG 0111"])
    with pytest.raises(LmbrainError, match="lacks the sensor MEG 0111"):
        preprocess(noisy, settings(PROJECT), room=part)


def test_it_does_not_go_with_the_maxwell_filter():
    from configs import read_config

    config = read_config()
    config["preprocessing"]["empty_room_projections"] = 2
    with pytest.raises(LmbrainError, match="both remove the surroundings"):
        load_study(config)
