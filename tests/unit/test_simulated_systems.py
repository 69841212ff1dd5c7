"""The same simulated brain seen by other MEG systems."""

import mne
import numpy as np
import pytest
from mne.io.constants import FIFF

from faulty import RATE, read, record, story
from lmbrain.datasets.bids_layout import recording_path
from lmbrain.datasets.bids_recording import read_recording
from lmbrain.errors import LmbrainError
from lmbrain.simulation import surroundings
from lmbrain.simulation.person import make_person
from lmbrain.simulation.recordings import planted_courses
from lmbrain.simulation.sources import topographies
from lmbrain.simulation.systems import SYSTEMS, clearance, measurement_info, sensor_picks, sensors

STRENGTHS = {"onset": 1.0, "length": 0.2, "lm": 0.3}
LAYOUTS = {
    "neuromag": ({"grad": 204, "mag": 102}, FIFF.FIFFV_COIL_VV_PLANAR_T1),
    "ctf275": ({"mag": 274, "ref_meg": 6}, FIFF.FIFFV_COIL_CTF_GRAD),
    "kit157": ({"mag": 157, "ref_meg": 3}, FIFF.FIFFV_COIL_KIT_GRAD),
}
HEAD = np.array([0.002, -0.001, 0.003, 0.02, 0.0, -0.03])


@pytest.mark.parametrize("system", SYSTEMS)
def test_layouts_have_the_systems_sensors_around_the_head(system):
    counts, coil = LAYOUTS[system]
    info = measurement_info(RATE, 50.0, make_person("01", 3, STRENGTHS, system=system).head, system)
    picks = sensor_picks(info)
    kinds = np.array(info.get_channel_types(picks))
    assert {kind: (kinds == kind).sum() for kind in set(kinds)} == counts
    assert info.ch_names[len(picks) :] == ["STI101", "EOG061", "ECG063"]
    assert coil in {info["chs"][pick]["coil_type"] for pick in picks}
    places = np.array([info["chs"][pick]["loc"][:3] for pick in picks])
    near = mne.transforms.apply_trans(info["dev_head_t"], places) - [0.0, 0.0, 0.04]
    distance = np.linalg.norm(near, axis=1)
    assert distance[kinds != "ref_meg"].min() > 0.095  # outside the head
    assert clearance(info) == pytest.approx(distance.min() - 0.09)
    assert distance[kinds != "ref_meg"].max() < 0.17
    assert (distance[kinds == "ref_meg"] > 0.2).all()
    normals = np.array([info["chs"][pick]["loc"][9:12] for pick in picks])
    assert np.allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-3)


def test_references_look_along_the_three_axes():
    for system in ("ctf275", "kit157"):
        info = sensors(system)
        picks = mne.pick_types(info, meg=False, ref_meg=True)
        axes = np.array([info["chs"][pick]["loc"][9:12] for pick in picks[:3]])
        assert np.allclose(axes, np.eye(3))
        frames = [info["chs"][pick]["loc"][3:].reshape(3, 3) for pick in picks]
        assert np.allclose([np.linalg.det(frame) for frame in frames], 1.0)


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_rooms_field_is_that_of_the_coils(system):
    """Against MNE's coils, integrated over their area: within the error of points."""
    from mne.forward import _magnetic_dipole_field_vec, _prep_meg_channels

    info = measurement_info(RATE, 50.0, HEAD, system)
    picks = mne.pick_types(info, meg=True, ref_meg=False)
    place, moment = np.array([0.4, 0.3, -0.2]), np.array([0.3, -0.5, 1.0])
    coils = _prep_meg_channels(mne.pick_info(info, picks), head_frame=False)["defs"]
    exact = moment @ _magnetic_dipole_field_vec(place[None], coils)
    found = surroundings.magnetic_dipole(info, place, moment)[: len(picks)]
    assert np.linalg.norm(found - exact) < 0.02 * np.linalg.norm(exact)


def test_all_systems_see_the_same_brain():
    people = [make_person("01", 3, STRENGTHS, system=system) for system in SYSTEMS]
    for person in people[1:]:
        assert np.array_equal(person.currents, people[0].currents)
        assert np.array_equal(person.brain.moments, people[0].brain.moments)
        assert np.array_equal(person.sources[0].positions, people[0].sources[0].positions)
        assert np.allclose(person.head - people[0].head, [0, 0, 0.01, 0, 0, 0])
        # As strong a response, relative to the noise, as the best of sensors of another kind.
        strength = np.abs(person.strengths).max(axis=0) / np.abs(people[0].strengths).max(axis=0)
        assert strength.min() > 0.5 and strength.max() < 2.0


@pytest.mark.parametrize("system", ["ctf275", "kit157"])
def test_recordings_of_other_systems_are_read_from_bids_and_hold_what_was_planted(tmp_path, system):
    tale = story()
    record(tmp_path, system=system, tale=tale)
    raw = read_recording(recording_path(tmp_path, "01", None, "story", "01")).load_data()
    counts, _ = LAYOUTS[system]
    kinds = raw.get_channel_types()
    assert {kind: kinds.count(kind) for kind in counts} == counts
    record(tmp_path, "02", system=system, tale=tale, unresponsive=["02"])
    assert len(mne.find_events(raw, "STI101", verbose="error")) == len(tale[0])
    person = make_person("01", 3, STRENGTHS, system=system)
    picks = mne.pick_types(raw.info, meg=True, ref_meg=False)
    fields = topographies(mne.pick_info(raw.info, picks), person.sources[:2])
    course = planted_courses(*tale, person, len(raw.times), RATE)[1]
    good = ~np.isin(np.array(raw.ch_names)[picks], [person.noisy, person.flat])
    data = mne.filter.filter_data(raw.get_data(picks)[good], RATE, 1.0, 20.0, verbose="error")
    found = data @ (course - course.mean())
    assert np.abs(np.corrcoef(found, fields[good, 1])[0, 1]) > 0.5


def test_references_tell_the_rooms_field(tmp_path):
    record(tmp_path, system="ctf275", interference=10.0)
    raw = read(tmp_path)
    references = raw.get_data("ref_meg")
    sensors_ = raw.get_data("mag")
    fit = sensors_ @ np.linalg.pinv(references) @ references
    assert np.median(fit.var(axis=1) / sensors_.var(axis=1)) > 0.5


def test_an_unknown_system_is_refused():
    with pytest.raises(LmbrainError, match="No layout of a system 'opm'"):
        sensors("opm")
