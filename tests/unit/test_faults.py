"""What goes wrong in the simulated recordings is there as planted, and nothing else changes."""

from pathlib import Path

import mne
import numpy as np
import pytest
import scipy.io.wavfile
import scipy.signal

from configs import read_config
from faulty import RATE, events, read, record, recording, story
from lmbrain.datasets.bids_events import read_events, words_of_run
from lmbrain.errors import LmbrainError
from lmbrain.simulation import noise
from lmbrain.simulation.events import AWKWARD
from lmbrain.simulation.faults import NONE, RANGE
from lmbrain.simulation.person import make_person
from lmbrain.simulation.recordings import Conditions, simulate_run
from lmbrain.simulation.sources import dipole_gain, topographies
from lmbrain.simulation.systems import device_to_head, measurement_info

COLUMNS = {
    "word_column": "word",
    "kind_columns": ["trial_type"],
    "word_kinds": ["word"],
    "other_kinds": ["fixation"],
    "silences": [],
    "quoted": False,
    "dictionary_column": None,
    "story_column": "story",
    "sentence_column": None,
    "sentence_pause": None,
}


@pytest.fixture(scope="module")
def tale():
    return story()


@pytest.fixture(scope="module")
def beginning(tale):
    """The first 13 s."""
    return tuple(part.iloc[:25] for part in tale)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("plain")
    record(root)
    return root


def triggers_of(raw) -> np.ndarray:
    return mne.find_events(raw, "STI101", verbose="error")[:, 0] / RATE


def test_the_config_plants_nothing_unless_asked():
    assert read_config()["data"]["simulated"]["recordings"]["faults"] == NONE


def test_words_heard_on_another_clock_are_in_the_recording_at_lag_plus_rate(tmp_path, tale):
    record(tmp_path, audio={"lags": [0.31], "rates": [1.002]})
    raw = read(tmp_path)
    written = read_events(events(tmp_path))["onset"].to_numpy()
    assert np.allclose(written, tale[0]["onset"])
    assert np.allclose(triggers_of(raw), 0.31 + 1.002 * written, atol=0.5 / RATE + 1e-9)
    average = mne.Epochs(
        raw.filter(1.0, 40.0, verbose="error"),
        mne.find_events(raw, "STI101", verbose="error"),
        tmin=-0.1,
        tmax=0.4,
        picks="grad",
        baseline=(None, 0),
        verbose="error",
    ).average()
    assert average.get_peak()[1] == pytest.approx(0.23, abs=0.03)  # of the onset's late component


def test_the_sound_channel_and_the_stimulus_agree_at_the_planted_lag(tmp_path):
    record(tmp_path, audio={"lags": [0.31], "rates": [1.0], "channel": True})
    raw = read(tmp_path)
    rate, sound = scipy.io.wavfile.read(tmp_path / "stimuli" / "tale_run-01.wav")
    assert set(read_events(events(tmp_path))["stim_file"]) == {"tale_run-01.wav"}
    sound = scipy.signal.resample_poly(sound.astype(float), 1, round(rate / RATE))
    heard = raw.get_data("MISC001")[0]
    lags = scipy.signal.correlation_lags(len(heard), len(sound)) / RATE
    correlation = scipy.signal.correlate(heard, sound)
    assert lags[correlation.argmax()] == pytest.approx(0.31, abs=1 / RATE)
    assert correlation.max() > 0.7 * np.linalg.norm(heard) * np.linalg.norm(sound)


def test_the_sound_is_the_same_for_all_people_and_louder_in_words(tmp_path, tale):
    sounds = []
    for subject in ("01", "02"):
        record(tmp_path, subject, audio={"channel": True})
        sounds.append((tmp_path / "stimuli" / "tale_run-01.wav").read_bytes())
    assert sounds[0] == sounds[1]
    rate, sound = scipy.io.wavfile.read(tmp_path / "stimuli" / "tale_run-01.wav")
    loudness = [
        np.std(sound[round(rate * onset) : round(rate * (onset + 0.35))].astype(float))
        for onset in tale[0]["onset"]
    ]
    assert min(np.array(loudness)[tale[0]["is_word"]]) > 300
    assert max(np.array(loudness)[~tale[0]["is_word"]]) == 0


def test_triggers_are_missing_doubled_and_shifted_as_recorded(tmp_path, tale):
    shares = {"missing": 0.05, "doubled": 0.05, "shifted": 0.02, "shift": 0.08}
    planted = record(tmp_path, triggers=shares)["faults"]["01"]["triggers"]
    onsets = tale[0]["onset"].to_numpy()
    assert [len(planted[k]) for k in ("missing", "doubled", "shifted")] == [4, 4, 2]
    assert not set(planted["missing"]) & {*planted["doubled"], *planted["shifted"]}
    expected = dict(enumerate(onsets, start=1))
    for item in planted["shifted"]:
        expected[item] += 0.08
    again = [expected[item] + 0.06 for item in planted["doubled"]]
    for item in planted["missing"]:
        del expected[item]
    assert np.allclose(triggers_of(read(tmp_path)), sorted([*expected.values(), *again]))


def test_faulty_triggers_leave_all_else_as_it_was(tmp_path, plain):
    record(tmp_path, triggers={"missing": 0.1})
    good, spoilt = read(plain), read(tmp_path)
    for name in good.ch_names:
        same = np.array_equal(good.get_data(name), spoilt.get_data(name))
        assert same == (name != "STI101")
    assert events(plain).read_bytes() == events(tmp_path).read_bytes()


@pytest.mark.parametrize("dictionary", [False, True])
def test_awkward_events_hold_the_awkward_words_behind_a_byte_order_mark(tmp_path, tale, dictionary):
    awkward = {"byte_order_mark": True, "awkward_words": True, "dictionary": dictionary}
    record(tmp_path, events=awkward)
    text = events(tmp_path).read_bytes()
    assert text.startswith(b"\xef\xbb\xbfonset\t")
    columns = COLUMNS
    if dictionary:
        assert b"'pronounced': nan" in text and b"\tword\t" not in text.splitlines()[0]
        columns = COLUMNS | {"kind_columns": ["kind"], "dictionary_column": "trial_type"}
    found = words_of_run(read_events(events(tmp_path)), "other", "01", **columns)
    changed = found["text"].to_numpy() != tale[0]["text"].to_numpy()
    assert found["text"][changed].tolist() == list(AWKWARD)
    assert found["is_word"].tolist() == tale[0]["is_word"].tolist()
    assert found["sentence"].tolist() == tale[0]["sentence"].tolist()
    assert set(found["story"]) == {"tale"}


def test_ten_unpadded_runs_keep_their_order(tmp_path):
    runs = tuple(str(number) for number in range(1, 11))
    record(tmp_path, tale=story(6, runs))
    texts = [
        words_of_run(read_events(events(tmp_path, run=run)), "tale", run, **COLUMNS) for run in runs
    ]
    shown, _ = story(6, ("1", "2", "3", "4", "5", "6", "7", "8", "9", "10"))
    assert [t for part in texts for t in part["text"]] == shown["text"].tolist()
    assert recording(tmp_path, run="1").is_file() and not recording(tmp_path, run="01").exists()


def test_the_field_follows_the_head(beginning):
    """What the planted responses add is, at any time, their field at the head's place then."""
    shown, table = beginning
    person = make_person("01", 3, {"onset": 1.0, "length": 0.0, "lm": 0.0})
    conditions = Conditions(distance=0.02, rotation=10.0)
    runs = [
        simulate_run(shown, regressors, person, "01", RATE, 50.0, conditions)
        for regressors in (table, table.assign(onset=0.0))
    ]
    raw, path = runs[0]
    added = raw.get_data("meg") - runs[1][0].get_data("meg")
    middle = round(np.mean(person.sources[1].window) * RATE)
    good = ~np.isin(raw.ch_names[:306], [person.flat, person.noisy])
    away = []
    for onset in shown["onset"][[5, 12, 20]]:
        sample = round(onset * RATE) + middle
        heads = [np.interp(sample / RATE, path.times, column) for column in path.heads.T]
        info = mne.pick_info(raw.info, range(306))
        info["dev_head_t"] = device_to_head(np.array(heads))
        basis = topographies(info, person.sources[:2])
        still = topographies(mne.pick_info(raw.info, range(306)), person.sources[:2])
        measured = added[good, sample]
        for fields, errors in ((basis, None), (still, away)):
            fit = fields[good] @ np.linalg.lstsq(fields[good], measured, rcond=None)[0]
            error = np.linalg.norm(fit - measured) / np.linalg.norm(measured)
            if errors is None:
                assert error < 0.01
            else:
                errors.append(error)
    assert max(away) > 0.05


def test_a_head_that_leaves_the_helmet_is_refused(tmp_path, beginning):
    with pytest.raises(LmbrainError, match="person 01 would touch the helmet; lower .*movement"):
        record(tmp_path, tale=beginning, movement={"distance": 0.1})


def test_positions_lie_beside_a_recording_with_movement(tmp_path, plain, beginning):
    record(tmp_path, tale=beginning, movement={"distance": 0.01, "rotation": 4.0})
    assert not recording(plain).with_suffix(".pos").exists()
    positions = mne.chpi.read_head_pos(recording(tmp_path).with_suffix(".pos"))
    assert positions[-1, 0] >= read(tmp_path).times[-1]
    away = np.linalg.norm(positions[:, 4:7] - positions[0, 4:7], axis=1)
    assert away.max() == pytest.approx(0.01, abs=2e-4)
    start = mne.transforms.quat_to_rot(positions[0, 1:4])
    assert np.allclose(start, read(tmp_path).info["dev_head_t"]["trans"][:3, :3], atol=1e-4)


def test_coils_tell_where_the_head_was(beginning):
    shown, table = (part.iloc[:12] for part in beginning)
    person = make_person("01", 3, {"onset": 1.0, "length": 0.0, "lm": 0.0})
    conditions = Conditions(distance=0.01, rotation=5.0, coils=True)
    raw, path = simulate_run(shown, table, person, "01", 1000.0, 50.0, conditions)
    amplitudes = mne.chpi.compute_chpi_amplitudes(raw, t_step_min=1.0, verbose="error")
    places = mne.chpi.compute_chpi_locs(raw.info, amplitudes, verbose="error")
    found = mne.chpi.compute_head_pos(raw.info, places, verbose="error")
    assert len(found) > 5
    for row in found:
        head = [np.interp(row[0], path.times, column) for column in path.heads.T]
        expected = device_to_head(np.array(head))["trans"]
        assert np.linalg.norm(row[4:7] - expected[:3, 3]) < 1.5e-3
        assert row[7] > 0.98
    with pytest.raises(LmbrainError, match="at least 1000 Hz, not 200"):
        simulate_run(shown, table, person, "01", RATE, 50.0, conditions)


def test_saturated_sensors_stay_at_their_ranges_end_and_only_then(tmp_path, plain):
    stretch = {"runs": ["01"], "start": 10.0, "stop": 14.0, "share": 0.5}
    planted = record(tmp_path, saturation=stretch)["faults"]["01"]["saturation"]
    assert len(planted["sensors"]) == 153
    raw, good = read(tmp_path), read(plain)
    inside = (raw.times >= 10) & (raw.times < 14)
    for name, kind in zip(raw.ch_names[:306], raw.get_channel_types()[:306], strict=True):
        values = raw.get_data(name)[0]
        if name in planted["sensors"]:
            assert np.allclose(np.abs(values[inside]), RANGE[kind])
            assert np.ptp(values[inside]) == 0
        assert np.array_equal(values[~inside], good.get_data(name)[0][~inside])


def test_a_silent_person_has_no_signal_but_her_triggers(tmp_path, plain):
    record(tmp_path, silent=["01"])
    assert not read(tmp_path).get_data("meg").any()
    assert np.array_equal(triggers_of(read(tmp_path)), triggers_of(read(plain)))


def test_an_unresponsive_person_has_the_noise_of_a_person_without_planted_responses(
    tmp_path, plain
):
    record(tmp_path, unresponsive=["01"])
    still = read(tmp_path).get_data("meg")
    record(tmp_path / "null", strengths=dict.fromkeys(("onset", "length", "lm"), 0.0))
    assert np.array_equal(still, read(tmp_path / "null").get_data("meg"))
    assert not np.allclose(still, read(plain).get_data("meg"), rtol=0, atol=1e-14)


def test_steep_noise_is_autocorrelated_from_word_to_word_and_as_strong():
    levels, after = [], []
    for slope in (1.0, 2.0):
        person = make_person("01", 3, {"onset": 0.0, "length": 0.0, "lm": 0.0}, noise_slope=slope)
        brain, rng = person.brain, np.random.default_rng(0)
        meg = mne.pick_info(measurement_info(RATE, 50.0, person.head), range(306))
        gain = dipole_gain(meg, brain.positions, brain.orientations)
        courses = noise.brain_courses(brain, np.ones(40_000), 40_000, RATE, rng)
        bins = mne.filter.filter_data(
            gain[::3] @ courses.astype(float), RATE, *noise.BAND, verbose="error"
        )
        bins = bins.reshape(102, -1, 5).mean(axis=2)  # 25 ms, 16 of them from word to word
        levels.append(np.median(bins.std(axis=1)))  # every third sensor is a gradiometer
        after.append(np.median([np.corrcoef(b[16:], b[:-16])[0, 1] for b in bins]))
    assert levels == pytest.approx([noise.BRAIN_NOISE] * 2, rel=0.1)
    assert 0.02 < after[0] < 0.2
    assert 0.4 < after[1] < 0.7


def test_interference_scales_what_comes_from_the_room(tmp_path, plain):
    record(tmp_path, interference=20.0)
    spread = [read(root).get_data("mag").std(axis=1) for root in (plain, tmp_path)]
    assert 10 < np.median(spread[1] / spread[0]) < 21
