"""Each person's onsets in a BIDS data set: from events, triggers, anchors or the recorded sound."""

from pathlib import Path

import mne
import numpy as np
import pytest
import scipy.io.wavfile
import yaml

from configs import read_config
from lmbrain.config import load_study
from lmbrain.datasets.bids import named_path
from lmbrain.datasets.bids_onsets import (
    anchors_of_events,
    item_onsets,
    read_anchors,
)
from lmbrain.errors import LmbrainError
from lmbrain.simulation.sound import RATE, recorded, speech
from lmbrain.words import make_words

ENTITIES = {"session": None, "task": "listen", "run": "1"}
LABELS = {"subject": "07", "run": "1", "entities": ENTITIES, "story": "tale"}
TEXT = ["the", "boat", "+", "crossed", "slowly"] * 30
ONSETS = 2.0 + 0.4 * np.arange(150.0)
EVENTS = read_config()["data"]["bids"]["events"] | {"kind_columns": ["trial_type"]}
KINDS = ["fixation" if text == "+" else "word" for text in TEXT]


def write_events(root: Path, onsets=ONSETS, extra=(), values=None) -> Path:
    folder = root / "sub-07" / "meg"
    folder.mkdir(parents=True, exist_ok=True)
    values = values or [1 + (kind != "word") for kind in KINDS]
    rows = [
        f"{o:.6f}\t0.4\t{k}\t{v}\t{t}\tn/a"
        for o, k, v, t in zip(onsets, KINDS, values, TEXT, strict=True)
    ]
    path = folder / "sub-07_task-listen_run-1_events.tsv"
    header = "onset\tduration\ttrial_type\tvalue\tword\theard"
    path.write_text("\n".join([header, *rows, *extra]) + "\n")
    return path


def write_recording(root: Path, channel: np.ndarray, rate: float, name: str, kind: str) -> Path:
    info = mne.create_info([name], rate, kind)
    path = root / "sub-07" / "meg" / "sub-07_task-listen_run-1_meg.fif"
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = mne.io.RawArray(channel[None], info, first_samp=4000, verbose="error")
    raw.save(path, fmt="double", verbose="error")
    return path


def found(root: Path, recording=None, audio=None, **timing):
    settings = read_config()["timing"]
    settings |= timing | {"audio": settings["audio"] | (audio or {})}
    return item_onsets(
        recording, root=root, **LABELS, events=EVENTS, timing=settings, bin_width=0.025
    )


def test_onsets_of_the_events_are_read_without_the_recording(tmp_path):
    write_events(tmp_path)
    onsets, told = found(tmp_path)
    np.testing.assert_allclose(onsets, ONSETS)
    assert told["source"] == "events" and told["items"] == 150


def trigger_channel(onsets, rate=1000.0, skip=()):
    channel = np.zeros(round((onsets[-1] + 2) * rate))
    for i, (onset, kind) in enumerate(zip(onsets, KINDS, strict=True)):
        if i not in skip:
            start = round(onset * rate)
            channel[start : start + 20] = 1 + (kind != "word")
    return channel


def test_triggers_are_read_from_the_recording_and_half_a_bin_is_the_tolerance(tmp_path):
    write_events(tmp_path)
    shown = ONSETS + 0.008
    path = write_recording(tmp_path, trigger_channel(shown, skip=[4, 9]), 1000, "STI101", "stim")
    by = {"onsets": "triggers", "trigger_channel": "STI101"}
    onsets, told = found(tmp_path, path, **by)
    np.testing.assert_allclose(onsets, shown, atol=1e-3)
    assert (told["missing"], told["found"]) == ([5, 10], 148)
    assert len(told["repairs"]) == 1
    with pytest.raises(LmbrainError, match="Subject 07, run 1: .* allowed are 5.0 ms"):
        found(tmp_path, path, **by, largest_lag=0.005)
    with pytest.raises(LmbrainError, match=r"Subject 07, run 1: .* 149 items"):
        found(tmp_path, path, **by, most_missing=0.01)


def test_codes_may_be_left_out_of_account(tmp_path):
    write_events(tmp_path, values=["seen"] * 150)
    path = write_recording(tmp_path, trigger_channel(ONSETS), 1000, "STI101", "stim")
    by = {"onsets": "triggers", "trigger_channel": "STI101"}
    with pytest.raises(LmbrainError, match="value of item 1 .* is 'seen', not a trigger code"):
        found(tmp_path, path, **by)
    onsets, _ = found(tmp_path, path, **by, trigger_codes=False)
    np.testing.assert_allclose(onsets, ONSETS, atol=1e-3)


def test_events_without_codes_are_aligned_and_said_to_be(tmp_path):
    path = write_events(tmp_path)
    path.write_text(path.read_text().replace("\tvalue\t", "\tnumber\t"))
    recording = write_recording(tmp_path, trigger_channel(ONSETS), 1000, "STI101", "stim")
    by = {"onsets": "triggers", "trigger_channel": "STI101"}
    _, told = found(tmp_path, recording, **by)
    assert len(told["repairs"]) == 1
    assert "no column value: codes were not compared" in told["repairs"][0]
    assert found(tmp_path, recording, **by, trigger_codes=False)[1]["repairs"] == []


def test_a_lag_of_the_events_clock_needs_leave(tmp_path):
    write_events(tmp_path)
    path = write_recording(tmp_path, trigger_channel(0.3 + ONSETS), 1000, "STI101", "stim")
    by = {"onsets": "triggers", "trigger_channel": "STI101"}
    with pytest.raises(LmbrainError, match="begin 300.0 ms from where the items are expected"):
        found(tmp_path, path, **by)
    onsets, told = found(tmp_path, path, **by, largest_lag=0.35)
    np.testing.assert_allclose(onsets, 0.3 + ONSETS, atol=1e-3)
    np.testing.assert_allclose(told["lag"], 0.3, atol=1e-3)


def test_words_of_a_recorded_sound_are_placed_on_the_recordings_clock(tmp_path):
    write_events(tmp_path)  # onsets in seconds of the sound
    words = make_words(["tale"] * 150, ["1"] * 150, TEXT, ONSETS, np.full(150, 0.4))
    sound = speech(words, seed=1)
    (tmp_path / "stimuli").mkdir()
    samples = np.round(sound * 32767).astype(np.int16)
    scipy.io.wavfile.write(tmp_path / "stimuli" / "tale_run-1.wav", RATE, samples)
    n = round(200 * (len(sound) / RATE + 3))
    heard = recorded(sound, n, 200.0, 0.42, 1.0005, np.random.default_rng(3))
    path = write_recording(tmp_path, heard, 200, "MISC001", "misc")
    audio = {"channel": "MISC001", "sound": "stimuli/{story}_run-{run}.wav"}
    onsets, told = found(tmp_path, path, audio, onsets="audio")
    np.testing.assert_allclose(onsets, 0.42 + 1.0005 * ONSETS, atol=2e-3)
    assert told["source"] == "audio" and told["windows"] == told["found"]
    with pytest.raises(LmbrainError, match=r"other.wav does not exist; add the sound"):
        found(tmp_path, path, audio | {"sound": "other.wav"}, onsets="audio")


def test_anchors_may_be_rows_of_the_events_file(tmp_path):
    extra = [f"{0.7 + 1.0005 * t:.6f}\tn/a\tmark\t9\tn/a\t{t}" for t in (0, 30, 60)]
    extra.append("0.7\tn/a\tsound\t9\tn/a\tn/a")
    write_events(tmp_path, extra=extra)
    audio = {"anchor_kinds": ["mark"], "anchor_column": "heard"}
    onsets, told = found(tmp_path, audio=audio, onsets="audio")
    np.testing.assert_allclose(onsets, 0.7 + 1.0005 * ONSETS, atol=1e-5)
    assert told["found"] == 3
    audio = {"anchor_kinds": ["sou*"], "rate": 1.0}  # only the sound's start is known
    onsets, _ = found(tmp_path, audio=audio, onsets="audio")
    np.testing.assert_allclose(onsets, 0.7 + ONSETS, atol=1e-9)


def test_words_may_come_from_a_table_beside_events_that_hold_the_sounds_start_alone(tmp_path):
    words = write_events(tmp_path)
    table = tmp_path / "stimuli" / "tale_1.tsv"
    table.parent.mkdir()
    table.write_text(words.read_text())
    words.write_text("onset\tduration\ttrial_type\n3.5\t62\tsound\n")
    audio = {"words": "stimuli/{story}_{run}.tsv", "anchor_kinds": ["sound"], "rate": 1.0}
    onsets, _ = found(tmp_path, audio=audio, onsets="audio")
    np.testing.assert_allclose(onsets, 3.5 + ONSETS)


def test_anchors_of_a_table_are_those_of_the_person_and_run(tmp_path):
    path = tmp_path / "anchors.tsv"
    rows = ["07\t1\t0\t1", "07\t1\t10\t11.01", "07\t2\t0\t5", "08\t1\t0\t7"]
    path.write_text("\n".join(["subject\trun\taudio\trecording", *rows]))
    chosen = read_anchors(path, "07", "1", ENTITIES)
    assert chosen.to_numpy().tolist() == [[0, 1], [10, 11.01]]
    path.write_text("audio\trecording\n0\t1\n5\tn/a\n")
    with pytest.raises(LmbrainError, match=r"anchors.tsv, row 2: an anchor whose times are no"):
        read_anchors(path, "07", "1", ENTITIES)
    write_events(tmp_path)
    path.write_text("audio\trecording\n0\t1\n60\t61.03\n")
    onsets, _ = found(tmp_path, audio={"anchors": "anchors.tsv"}, onsets="audio")
    np.testing.assert_allclose(onsets, 1 + 1.0005 * ONSETS, atol=1e-9)


def test_anchors_of_a_run_are_those_of_its_session_and_task_by_the_names_in_bids(tmp_path):
    path = tmp_path / "anchors.tsv"
    rows = ["1\tlisten\t2\t0\t1", "1\tread\t2\t0\t5", "2\tlisten\t2\t0\t7"]
    path.write_text("\n".join(["session\ttask\trun\taudio\trecording", *rows]))
    entities = {"session": "1", "task": "listen", "run": "2"}
    chosen = read_anchors(path, "07", "1_2", entities)
    assert chosen.to_numpy().tolist() == [[0, 1]]
    path.write_text("run\tlabel\taudio\trecording\nn/a\ta\t0\t1\n2\ta\t0\t2\nn/a\tb\t0\t3\n")
    chosen = read_anchors(path, "07", "a", {"session": None, "task": "listen", "run": None})
    assert chosen.to_numpy().tolist() == [[0, 1]]


def test_run_in_a_path_is_that_of_bids_and_label_that_of_the_words_table(tmp_path):
    entities = {"session": "1", "task": "listen", "run": "2"}
    place = {"subject": "07", "run": "1_2", "entities": entities, "story": "tale"}
    path = named_path(tmp_path, "ses-{session}_run-{run}_{label}.wav", **place)
    assert path.name == "ses-1_run-2_1_2.wav"
    with pytest.raises(LmbrainError, match=r"more between braces than .*, \{session\}, \{task\};"):
        named_path(tmp_path, "{run}.wav", **place | {"entities": entities | {"run": None}})


def test_anchors_in_a_column_of_dicts_are_read(tmp_path):
    import pandas as pd

    cells = ["{'kind': 'sound', 'start': 2.5}", "{'kind': 'word', 'start': nan}"]
    events = pd.DataFrame({"onset": [3.0, 4.0], "duration": [1.0, 1.0], "trial_type": cells})
    anchors = anchors_of_events(events, ["sound"], "start", ["kind"], "trial_type")
    assert anchors.to_numpy().tolist() == [[2.5, 3.0]]
    with pytest.raises(LmbrainError, match="no column 'begin' for the anchors of the sound"):
        anchors_of_events(events, ["sound"], "begin", ["kind"], "trial_type")


def test_unknown_names_in_a_path_are_refused(tmp_path):
    assert named_path(tmp_path, "{task}/{subject}.tsv", **LABELS) == (
        tmp_path / "listen" / "07.tsv"
    )
    with pytest.raises(LmbrainError, match=r"'.stori..wav' under timing.audio .*\{story\}"):
        named_path(tmp_path, "{stori}.wav", **LABELS)


# The config


@pytest.mark.parametrize(
    ("timing", "said"),
    [
        ("{onsets: triggers}", "triggers, and only they, need a channel"),
        ("{trigger_channel: STI101}", "onsets is events and trigger_channel STI101"),
        ("{audio: {sound: a.wav}}", "onsets is events, but audio.sound is given"),
        ("{onsets: audio}", "one of anchors, anchor_kinds and channel, and none of them is given"),
        (
            "{onsets: audio, audio: {anchors: a.tsv, channel: MISC001, sound: a.wav}}",
            "anchors and channel is given",
        ),
        ("{onsets: audio, audio: {channel: MISC001}}", "need each other"),
        ("{onsets: audio, audio: {anchor_kinds: [sound]}}", "give audio.rate"),
        ("{onsets: audio, audio: {anchors: a.tsv, rate: 1.1}}", "within 0.002 of 1"),
        ("{most_missing: 0.9}", "most_missing"),
        ("{tolerance: 0.03}", "must not exceed responses.bin_width"),
    ],
)
def test_ways_of_timing_that_make_no_sense_are_refused(timing, said):
    config = read_config()
    given = yaml.safe_load(timing)
    audio = config["timing"]["audio"] | given.pop("audio", {})
    config["timing"] = config["timing"] | given | {"audio": audio}
    with pytest.raises(LmbrainError, match=said):
        load_study(config)


@pytest.mark.parametrize(
    "correction",
    [{"detrend": "linear"}, {"baseline": {"start": -0.1, "stop": 0.0}}, {"reject": {"mag": 4e-12}}],
)
def test_responses_that_come_in_bins_cannot_be_corrected(correction):
    config = read_config()
    (name,) = correction
    given = {"grad": None, **correction[name]} if name == "reject" else correction[name]
    config["responses"] = config["responses"] | {name: given}
    with pytest.raises(LmbrainError, match=f"responses.{name} is for responses that are averaged"):
        load_study(config)
    config["data"] = config["data"] | {"kind": "bids"}
    assert load_study(config).responses.corrections == [name]
