"""Faults planted in simulated recordings are found, repaired or refused by the pipeline itself."""

import mne
import numpy as np
import pandas as pd
import pytest
import scipy.io.wavfile
import xarray as xr

from configs import merge, read_config
from faulty import RATE, STRENGTHS, read, record, recording, story
from lmbrain.config import load_study
from lmbrain.datasets.bids import words_table
from lmbrain.datasets.bids_layout import movement_path, recording_path
from lmbrain.datasets.bids_onsets import item_onsets
from lmbrain.datasets.bids_recording import read_recording
from lmbrain.encoding.folds import make_folds
from lmbrain.errors import LmbrainError
from lmbrain.meg.ceiling import noise_ceiling
from lmbrain.meg.head_position import head_movement, head_positions
from lmbrain.meg.preprocessing import preprocess
from lmbrain.meg.word_locked import word_locked
from lmbrain.meg.word_response import word_response
from lmbrain.report.recording_concerns import of_person
from lmbrain.responses import check_responses
from lmbrain.simulation.person import make_person
from lmbrain.simulation.recordings import Conditions, planted_courses, simulate_run
from lmbrain.simulation.sources import topographies

BIN = 0.025
WINDOW = {"start": 0.0, "stop": 0.4}
NOTHING = dict.fromkeys(STRENGTHS, 0.0)
PLAIN = {  # of the cleaning: what a short recording allows
    "bad_channels": {"search": False},
    "maxwell": {"tsss_duration": None},
    "artefacts": {"method": "none"},
    "band": [1.0, 40.0],
}


@pytest.fixture(scope="module")
def beginning():
    """The first 13 s of the story."""
    return tuple(part.iloc[:25] for part in story())


def settings(**changed):
    config = read_config()
    config["preprocessing"] = merge(config["preprocessing"], merge(PLAIN, changed))
    return load_study(config).preprocessing.model_dump(mode="json")


def columns(**changed):
    return read_config()["data"]["bids"]["events"] | changed


def onsets(root, subject="01", run="01", columns=None, **timing):
    """The pipeline's onsets of a run, and what it tells."""
    study = load_study(merge(read_config(), {"timing": timing}))
    return item_onsets(
        recording(root, subject, run),
        root=root,
        subject=subject,
        run=run,
        entities={"session": None, "task": "story", "run": run},
        story="tale",
        events=columns or read_config()["data"]["bids"]["events"],
        timing=study.timing.model_dump(mode="json"),
        bin_width=BIN,
    )


BY_TRIGGERS = {"onsets": "triggers", "trigger_channel": "STI101"}
BY_SOUND = {
    "onsets": "audio",
    "audio": {"channel": "MISC001", "sound": "stimuli/{story}_run-{run}.wav"},
}


def test_a_sounds_lag_and_drift_are_found_in_its_channel(tmp_path):
    tale = story(4)
    record(tmp_path, tale=tale, audio={"lags": [0.31], "rates": [1.0008], "channel": True})
    found, told = onsets(tmp_path, **BY_SOUND)
    assert np.abs(found - (0.31 + 1.0008 * tale[0]["onset"])).max() < 0.004
    assert told["source"] == "audio"
    assert told["rate"] == pytest.approx(1.0008, abs=1e-4)


def test_another_sound_than_the_one_heard_is_refused_with_subject_and_run(tmp_path):
    record(tmp_path, tale=story(4), audio={"channel": True})
    path = tmp_path / "stimuli" / "tale_run-01.wav"
    rate, sound = scipy.io.wavfile.read(path)
    scipy.io.wavfile.write(path, rate, sound[::-1])
    with pytest.raises(LmbrainError, match=r"Subject 01, run 01: .*timing.audio.sound"):
        onsets(tmp_path, **BY_SOUND)


def test_events_on_a_sounds_clock_are_refused_as_the_recordings_and_repaired_by_triggers(tmp_path):
    record(tmp_path, audio={"lags": [0.31], "rates": [1.0008]})
    with pytest.raises(LmbrainError, match=r"Subject 01, run 01: .*timing.largest_lag"):
        onsets(tmp_path, **BY_TRIGGERS)
    found, told = onsets(tmp_path, **BY_TRIGGERS, largest_lag=0.5)
    assert np.abs(found - (0.31 + 1.0008 * story()[0]["onset"])).max() <= 0.5 / RATE + 1e-6
    assert told["lag"] == pytest.approx(0.31, abs=0.005)
    assert told["rate"] == pytest.approx(1.0008, abs=2e-4)


def test_missing_doubled_and_shifted_triggers_are_named_and_repaired(tmp_path):
    shares = {"missing": 0.02, "doubled": 0.05, "shifted": 0.02, "shift": 0.08}
    planted = record(tmp_path, triggers=shares)["faults"]["01"]["triggers"]
    found, told = onsets(tmp_path, **BY_TRIGGERS)
    assert {kind: told[kind] for kind in planted} == planted
    assert np.abs(found - story()[0]["onset"]).max() <= 1 / RATE
    assert len(told["repairs"]) == 3


def test_too_many_missing_triggers_are_refused(tmp_path):
    record(tmp_path, triggers={"missing": 0.2})
    with pytest.raises(LmbrainError, match=r"Subject 01, run 01: expected .* found 67"):
        onsets(tmp_path, **BY_TRIGGERS)


def test_awkward_events_of_unpadded_runs_become_one_words_table(tmp_path):
    runs = tuple(str(number) for number in range(1, 11))
    awkward = {"byte_order_mark": True, "awkward_words": True, "dictionary": True}
    once, regressors = (part.iloc[:20] for part in story(1))
    parts = [once.assign(run=run) for run in runs]
    for run, part in zip(runs, parts, strict=True):
        part.loc[1, "text"] = f"The{run}"  # a run that begins like another counts as its repeat
    shown = (
        pd.concat(parts, ignore_index=True),
        pd.concat([regressors] * len(runs), ignore_index=True),
    )
    record(tmp_path, tale=shown, events=awkward)
    study = read_config()
    study["data"]["bids"] |= {
        "root": str(tmp_path),
        "runs": list(runs),
        "events": columns(kind_columns=["kind"], dictionary_column="trial_type"),
    }
    bids = load_study(study).data.bids
    words = words_table(
        root=tmp_path,
        subjects=["01"],
        recordings=bids.recordings,
        presentations=bids.presentations,
        lacking={},
        story="tale",
        story_per=None,
        user_columns=[],
        **bids.events.model_dump(),
    )
    assert list(dict.fromkeys(words["run"])) == list(runs)
    first = words[words["run"] == "10"]["text"].tolist()
    assert {"null", "NA", "nan", "None", "true", "don't", '"quoted"'} <= set(first)


def test_movement_is_compensated_by_the_positions_beside_a_recording(tmp_path, beginning):
    """The planted field, in a recording of nothing else, comes to where the head was first."""
    beginning = tuple(part.iloc[:12] for part in beginning)
    movement = {"distance": 0.015, "rotation": 8.0}
    record(tmp_path, tale=beginning, movement=movement)
    positions = movement_path(recording(tmp_path))
    person = make_person("01", 3, STRENGTHS)
    conditions = Conditions(**movement)
    with_, without = (
        simulate_run(beginning[0], table, person, "01", RATE, 50.0, conditions)[0]
        for table in (beginning[1], beginning[1].iloc[:, :2].join(beginning[1].iloc[:, 2:] * 0))
    )
    field = with_.get_data("meg") - without.get_data("meg")
    raw = mne.io.RawArray(field, mne.pick_info(with_.info, range(306)), verbose="error")
    target = topographies(raw.info, person.sources) @ planted_courses(
        *beginning, person, len(raw.times), RATE
    )
    raw.info["bads"] = [person.noisy, person.flat]
    errors = {}
    for compensated in (False, True):
        cleaned, quality = preprocess(
            raw,
            settings(
                saturation={"share": None},  # the planted field alone is 0 before the first word
                maxwell={"movement_compensation": compensated},
                notch_frequencies=[],
                band=None,
            ),
            positions=positions,
        )
        errors[compensated] = np.linalg.norm(cleaned.get_data("grad") - _grads(raw, target))
    assert errors[True] < 0.7 * errors[False]
    assert errors[True] < 0.15 * np.linalg.norm(_grads(raw, target))
    assert max(quality["head"]["movement"]["distance"]) == pytest.approx(15, abs=0.5)
    assert max(quality["head"]["movement"]["rotation"]) == pytest.approx(8, abs=0.3)


def _grads(raw, data):
    return data[mne.pick_types(raw.info, meg="grad", exclude=())]


def test_movement_is_found_by_the_coils_and_refused_without_any(beginning, tmp_path):
    tale = tuple(part.iloc[:4] for part in beginning)
    person = make_person("01", 3, STRENGTHS)
    conditions = Conditions(distance=0.01, rotation=5.0, coils=True)
    raw, path = simulate_run(*tale, person, "01", 1000.0, 50.0, conditions)
    positions = head_positions(raw, "The recording", None)
    away = np.linalg.norm(path.heads[:, :3] - path.heads[0, :3], axis=1)
    expected = 1e3 * np.interp(raw.times[-1], path.times, away)
    movement = head_movement(raw.info, None, positions)["movement"]
    assert movement["distance"][-1] == pytest.approx(expected, abs=1.5)
    record(tmp_path, tale=tale)
    with pytest.raises(LmbrainError, match="holds no continuous head position"):
        preprocess(read(tmp_path), settings(maxwell={"movement_compensation": True}))


def test_words_in_a_saturated_stretch_are_lost_and_a_saturated_run_is_refused(tmp_path):
    tale = story()
    stretch = {"runs": ["01"], "start": 10.0, "stop": 14.0, "share": 0.4}
    record(tmp_path, tale=tale, saturation=stretch)
    cleaned, quality = preprocess(read(tmp_path), settings())
    assert quality["saturated"] == pytest.approx(4.4, abs=0.05)
    epochs = word_locked({"01": cleaned}, tale[0], {"01": tale[0]["onset"].to_numpy()},
                         WINDOW, BIN, ["mag"])  # fmt: skip
    lost = epochs.metadata["lost"]
    onset = tale[0]["onset"]
    inside = (onset < 14.0) & (onset + 0.4 > 10.0) & tale[0]["is_word"]
    assert (lost[inside] == "annotated as bad").all()
    assert not (lost[(onset > 14.3) | (onset < 9.3)] == "annotated as bad").any()
    record(tmp_path, "02", tale=tale, saturation=stretch | {"start": 0.0, "stop": None})
    with pytest.raises(LmbrainError, match=r"sub-02\S*run-01\S* is saturated: for 100%"):
        preprocess(read(tmp_path, "02"), settings())


def test_a_silent_person_is_refused_by_the_cleaning_or_as_responses(tmp_path, beginning):
    record(tmp_path, tale=beginning, silent=["01"])
    with pytest.raises(LmbrainError, match=r"sub-01\S* is saturated: .*are stuck"):
        preprocess(read(tmp_path), settings())
    cleaned, _ = preprocess(read(tmp_path), settings(saturation={"share": None}))
    onset = {"01": beginning[0]["onset"].to_numpy()}
    epochs = word_locked({"01": cleaned}, beginning[0], onset, WINDOW, BIN, ["mag"])
    values = xr.DataArray(
        epochs.get_data(),
        dims=("sample", "sensor", "time"),
        coords={"sensor": epochs.ch_names, "usable": ("sample", epochs.metadata["usable"])},
    )
    with pytest.raises(LmbrainError, match="person 01: every sensor is constant"):
        check_responses(values, "person 01")


def averages(root, subject, tale):
    """Word-locked averages after a plain cleaning, of a recording without interference."""
    cleaned, _ = preprocess(read(root, subject), settings(maxwell={"apply": False}))
    onset = {"01": tale[0]["onset"].to_numpy()}
    return word_locked({"01": cleaned}, tale[0], onset, WINDOW, BIN, ["mag"])


def test_a_person_who_does_not_respond_is_told_from_one_who_does(tmp_path):
    tale = story(6)
    for subject in ("01", "02"):
        record(tmp_path, subject, tale=tale, unresponsive=["02"], interference=1e-3)
    responds, silent = (word_response(averages(tmp_path, s, tale), seed=0) for s in ("01", "02"))
    assert responds["evoked"]["mag"]["p"] < 0.05 < silent["evoked"]["mag"]["p"]
    assert of_person(silent) and not of_person(responds)


def test_a_cohort_without_any_response_has_no_ceiling(tmp_path):
    tale = story(6)
    people = []
    for subject in ("01", "02", "03"):
        record(tmp_path, subject, tale=tale, strengths=NOTHING, interference=1e-3)
        people.append(averages(tmp_path, subject, tale).get_data()[tale[0]["is_word"]])
    n = len(people[0])
    folds = make_folds(np.array(["tale"] * n), np.arange(n), np.ones(n, bool), 3, 0)
    found = noise_ceiling(people, folds)
    assert abs(np.nanmean(found.reliability)) < 0.02


@pytest.mark.parametrize("system", ["ctf275", "kit157"])
def test_other_systems_go_through_the_cleaning_without_maxwell_filter(tmp_path, system):
    tale = tuple(part.iloc[:50] for part in story())
    record(tmp_path, tale=tale, system=system, strengths=NOTHING | {"onset": 5.0})
    raw = read_recording(recording_path(tmp_path, "01", None, "story", "01"))
    person = make_person("01", 3, STRENGTHS, system=system)
    raw.drop_channels([person.noisy, person.flat])  # interpolating so many sensors takes long
    cleaned, quality = preprocess(raw, settings(maxwell={"apply": False}))
    onset = {"01": onsets(tmp_path, **BY_TRIGGERS)[0]}
    epochs = word_locked({"01": cleaned}, tale[0], onset, WINDOW, BIN, ["mag"])
    values = epochs.get_data()[tale[0]["is_word"]]
    odd, even = (values[start::2].mean(axis=0).ravel() for start in (0, 1))
    assert np.corrcoef(odd, even)[0, 1] > 0.6, "a strong response to word onset"
    assert quality["maxwell"] is None
