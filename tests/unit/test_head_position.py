"""Where the head was, and that moving it back mends the fields."""

import mne
import numpy as np
import pytest

from lmbrain.datasets.bids_layout import movement_path, recording_files
from lmbrain.errors import LmbrainError
from lmbrain.meg.head_position import MOST_POINTS, head_movement, head_positions
from lmbrain.meg.preprocessing import preprocess
from lmbrain.simulation import systems
from lmbrain.simulation.head import COIL_CHANNEL, HeadPath, add_coils, coil_places
from lmbrain.simulation.head import head_positions as planted_positions
from meg_runs import SSS, field_of, fields, measurement_info, recording, settings

RATE, SECONDS = 1000.0, 4.0
START = np.zeros(6)
END = np.array([0.012, -0.008, 0.006, 0.0, 0.0, 0.12])  # m and radians
COMPENSATED = {
    "maxwell": {"apply": True, "tsss_duration": None, "movement_compensation": True},
    "band": (2.0, 40.0),
}


@pytest.fixture(scope="module")
def path():
    times = np.linspace(0.0, SECONDS - 0.01, 9)
    return HeadPath(times, START + np.outer(times / SECONDS, END))


@pytest.fixture(scope="module")
def moving(path):
    """A source at 11 Hz in a head that moves away steadily."""
    extra = systems.EXTRA_CHANNELS | {COIL_CHANNEL: "stim"}
    info = systems.measurement_info(RATE, 50.0, START, "neuromag", extra, coil_places())
    times = np.arange(round(RATE * SECONDS)) / RATE
    at_places = [source_field(head) for head in path.heads]
    gain = np.array([np.interp(times, path.times, sensor) for sensor in np.transpose(at_places)])
    data = np.zeros((len(info.ch_names), len(times)))
    data[:306] = gain * 4e-8 * np.sin(2 * np.pi * 11 * times)
    data[:306] += 1e-14 * np.random.default_rng(0).standard_normal((306, len(times)))
    return mne.io.RawArray(data, info, first_samp=3000, verbose="error")


@pytest.fixture(scope="module")
def tracked(moving, path):
    """The same with cHPI on."""
    raw = mne.io.RawArray(moving.get_data(), moving.info.copy(), verbose="error")
    add_coils(raw, path)
    return mne.io.RawArray(raw.get_data(), raw.info, first_samp=3000, verbose="error")


def source_field(head):
    info = systems.measurement_info(RATE, 50.0, head, "neuromag")
    return fields(info)["brain"]


def misfit(raw):
    """How far the source's field over the whole run is from that at the head's start."""
    course = np.sin(2 * np.pi * 11 * raw.times) * 4e-8
    inner = slice(500, -500)
    found = raw.get_data()[:306, inner] @ course[inner] / (course[inner] @ course[inner])
    target, picks = source_field(START), mne.pick_types(raw.info, meg="grad")
    return np.linalg.norm((found - target)[picks]) / np.linalg.norm(target[picks])


@pytest.fixture(scope="module")
def uncompensated(moving):
    return preprocess(moving, settings(COMPENSATED, {"maxwell": {"movement_compensation": False}}))


def test_continuous_head_position_mends_a_moving_heads_fields(tracked, uncompensated):
    raw, quality = preprocess(tracked, settings(COMPENSATED))
    assert misfit(raw) < 0.1
    assert misfit(raw) < misfit(uncompensated[0]) / 2
    assert uncompensated[1]["head"]["movement"] is None
    track = quality["head"]["movement"]
    assert track["times"][0] == pytest.approx(0, abs=0.2)
    assert SECONDS - 1.1 < track["times"][-1] <= SECONDS  # MNE fits at least every second
    part = (track["times"][-1] - track["times"][0]) / SECONDS
    assert track["distance"][-1] == pytest.approx(1e3 * np.linalg.norm(END[:3]) * part, abs=0.5)
    assert track["rotation"][-1] == pytest.approx(np.degrees(END[5]) * part, abs=0.3)
    assert quality["maxwell"]["head_position"] == "the run's own, movement compensated"


def test_a_position_file_serves_as_well_and_is_found_beside_the_recording(
    moving, uncompensated, path, tmp_path
):
    positions = planted_positions(path)
    positions[:, 0] += moving.first_time
    recorded = tmp_path / "sub-1_task-a_split-01_meg.fif"
    recorded.touch()
    assert movement_path(recorded) is None
    mne.chpi.write_head_pos(tmp_path / "sub-1_task-a_meg.pos", positions)
    found = movement_path(recorded)
    assert found in recording_files(recorded)
    with pytest.raises(LmbrainError, match="no continuous head position .*movement_compensation"):
        preprocess(moving, settings(COMPENSATED))
    raw, _ = preprocess(moving, settings(COMPENSATED), positions=found)
    assert misfit(raw) < misfit(uncompensated[0]) / 10


def test_coils_that_are_off_are_told(tracked):
    silent = tracked.copy()
    silent._data[silent.ch_names.index(COIL_CHANNEL)] = 0
    with pytest.raises(LmbrainError, match=r"A run holds no continuous head position"):
        head_positions(silent, "A run", None)


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (0.0, r"its positions begin at 0\.000 s, the recording lasts from 3\.500 to 23\.495 s"),
        (50.0, r"begin at 50\.000 s"),
    ],
)
def test_a_position_file_of_another_recording_is_refused(path, tmp_path, shift, message):
    raw = recording()
    raw = mne.io.RawArray(raw.get_data(), raw.info, first_samp=700, verbose="error")
    positions = planted_positions(path)
    positions[:, 0] += shift
    mne.chpi.write_head_pos(tmp_path / "run.pos", positions)
    with pytest.raises(LmbrainError, match=f"run.pos does not belong to A run: .*{message}"):
        head_positions(raw, "A run", tmp_path / "run.pos")
    (tmp_path / "broken.pos").write_text("Time q1\nnot a number\n")
    with pytest.raises(LmbrainError, match="broken.pos is no MaxFilter position file"):
        head_positions(raw, "A run", tmp_path / "broken.pos")


def test_a_long_track_is_thinned_out_and_counts_from_the_first_sample():
    positions = np.zeros((1000, 10))
    positions[:, 0] = 50 + np.arange(1000)
    positions[:, 4] = np.linspace(0, 0.01, 1000)
    track = head_movement(measurement_info(), None, positions, 50.0)["movement"]
    assert len(track["times"]) == MOST_POINTS
    assert (track["times"][0], track["times"][-1]) == (0.0, 999.0)
    assert track["distance"][-1] == 10.0
    assert set(track["rotation"]) == {0.0}


def test_head_movement_gives_the_angle_turned():
    info, turned = measurement_info(), measurement_info()
    turned["dev_head_t"]["trans"][:3, :3] = mne.transforms.rotation3d(0, 0, np.radians(7))[:3, :3]
    movement = head_movement(turned, info["dev_head_t"])
    assert movement == {
        "position": [0.0, 0.0, 40.0],
        "distance": 0.0,
        "rotation": 7.0,
        "movement": None,
    }


def test_sss_moves_the_head_to_the_reference_run_if_told_to():
    reference = measurement_info()["dev_head_t"]
    moved = recording(head=(0.006, -0.004, 0.045), sources=["brain"], noise=0.1)
    target = fields(measurement_info())["brain"]
    picks = mne.pick_types(moved.info, meg="grad")

    def error(raw):
        field = field_of("brain", raw)
        return np.linalg.norm((field - target)[picks]) / np.linalg.norm(target[picks])

    stay = {"maxwell": {"head_position": "none"}}
    here, _ = preprocess(moved, settings(SSS))
    kept, _ = preprocess(moved, settings(SSS, stay), head_position=reference)
    there, quality = preprocess(moved, settings(SSS), head_position=reference)
    assert error(there) < 0.1 < error(here)
    np.testing.assert_array_equal(kept.get_data(), here.get_data())
    assert quality["head"]["distance"] == pytest.approx(np.sqrt(6**2 + 4**2 + 5**2), abs=0.01)
    assert quality["maxwell"]["head_position"] == "the person's first run"
