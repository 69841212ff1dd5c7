"""The simulated cohort: what is shown, what is planted, and that the recordings hold it."""

import csv
import json

import mne
import numpy as np
import pandas as pd
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.simulation import cohort, noise, sources, stimulus, surroundings, truth
from lmbrain.simulation.person import make_person
from lmbrain.simulation.recordings import simulate_run
from lmbrain.simulation.systems import measurement_info

RATE = 200.0
STORY = 'Null nodded. "NA is true," he said to None.\n\nThe dog ran off. It came back at nan.\n'
STRENGTHS = {"onset": 1.0, "length": 0.2, "lm": 0.3, "figurative": 0.9}


@pytest.fixture(scope="module")
def shown():
    return stimulus.stimulus_words(STORY * 3, None, ["01", "02"], 0.4, "tale")


@pytest.fixture(scope="module")
def annotation(shown):
    text = shown.loc[shown["is_word"], "text"].reset_index(drop=True)
    latent = np.where(np.arange(len(text)) % 4 == 1, 0.5, 0.0)
    return pd.DataFrame({"text": text, "figurative": latent, "physical": 0.0})


@pytest.fixture(scope="module")
def table(shown, annotation):
    features = np.random.default_rng(0).normal(size=(len(shown), 12))
    features[~shown["is_word"].to_numpy()] = np.nan
    return truth.truth_table(shown, annotation, features, ["figurative"])


@pytest.fixture(scope="module")
def person():
    return make_person("01", 3, STRENGTHS)


@pytest.fixture(scope="module")
def run(shown, table, person):
    part = shown[shown["run"] == "01"]
    return simulate_run(part, table.loc[part.index], person, "01", RATE, 50.0)[0]


def test_a_cross_precedes_each_paragraph_and_run_and_no_word_is_lost(shown):
    assert shown.loc[shown["is_word"], "text"].tolist() == (STORY * 3).split()
    crosses = shown.index[~shown["is_word"]]
    assert set(shown.groupby("run").head(1).index) <= set(crosses)
    assert (shown.loc[crosses, "text"] == "+").all()
    assert shown.loc[crosses + 1, "text"].isin(["Null", "The"]).all()
    for _, part in shown.groupby("run"):
        assert np.allclose(part["onset"], stimulus.LEAD_IN + 0.4 * np.arange(len(part)))


def test_the_story_is_cut_and_divided_at_sentence_ends():
    words = stimulus.stimulus_words(STORY * 3, 25, ["1", "2", "3"], 0.4, "tale")
    assert words["is_word"].sum() <= 25
    assert words.groupby("run")["text"].last().str.endswith(".").all()
    assert words["run"].unique().tolist() == ["1", "2", "3"]
    with pytest.raises(LmbrainError, match="cannot be spread"):
        stimulus.stimulus_words(STORY, 12, ["1", "2", "3"], 0.4, "tale")
    with pytest.raises(LmbrainError, match="fewer than the first sentence"):
        stimulus.stimulus_words(STORY, 1, ["1"], 0.4, "tale")


def test_latents_are_in_units_of_a_typical_word_of_the_domain(table, shown, annotation):
    carried = table["figurative"] != 0
    assert np.sqrt(np.mean(table.loc[carried, "figurative"] ** 2)) == pytest.approx(1)
    assert not carried[~shown["is_word"]].any()
    marked = truth.category_table(shown, annotation, ["figurative", "physical"])
    assert marked["figurative"].tolist() == carried.tolist()
    assert marked["physical"].sum() == 0
    words = shown["is_word"]
    assert table.loc[words, "length"].mean() == pytest.approx(0, abs=1e-12)
    assert table.loc[words, "length"].std(ddof=0) == pytest.approx(1)


def test_an_annotation_of_another_story_is_refused(shown, annotation):
    wrong = annotation.assign(text=annotation["text"].replace("dog", "cat"))
    with pytest.raises(LmbrainError, match=r"Row 11 .*'dog'"):
        truth.category_table(shown, wrong, ["figurative"])
    with pytest.raises(LmbrainError, match="no domain 'humour'"):
        truth.category_table(shown, annotation, ["humour"])
    with pytest.raises(LmbrainError, match="carries the domain 'physical'"):
        truth.truth_table(shown, annotation, np.eye(len(shown)), ["physical"])


def test_projections_are_the_leading_components_of_the_features():
    rng = np.random.default_rng(1)
    latent = rng.normal(size=(300, 2))
    features = latent @ rng.normal(size=(2, 20)) + 0.01 * rng.normal(size=(300, 20)) + 5
    found = truth.lm_projections(features, 2)
    assert np.allclose(found.T @ found / 300, np.eye(2))
    design = np.column_stack([np.ones(300), latent])
    residual = found - design @ np.linalg.lstsq(design, found, rcond=None)[0]
    assert residual.std() < 0.02
    with pytest.raises(LmbrainError, match="fewer than 3 dimensions"):
        truth.lm_projections(latent, 3)


def test_dipole_fields_come_in_the_order_asked_for_and_move_with_the_head():
    info = measurement_info(RATE, 50.0, np.zeros(6))
    positions = sources.ORIGIN + np.array([[0.05, 0, 0], [-0.05, 0, 0], [0, -0.05, 0.01]])
    orientations = np.array([[0, 0, 1.0], [0, 0, 1.0], [1.0, 0, 0]])
    both = sources.dipole_gain(info, positions, orientations)
    single = [
        sources.dipole_gain(info, p[None], o[None])[:, 0]
        for p, o in zip(positions, orientations, strict=True)
    ]
    assert np.allclose(both, np.stack(single, axis=1))
    x = np.array([info["chs"][k]["loc"][0] for k in range(306)])
    assert x[np.abs(both[:, 0]).argmax()] > 0.05 > -0.05 > x[np.abs(both[:, 1]).argmax()]
    moved = measurement_info(RATE, 50.0, np.array([0.01, 0, 0, 0, 0, 0]))
    nearer = sources.dipole_gain(moved, positions[1:2], orientations[1:2])
    assert np.abs(nearer).max() != pytest.approx(np.abs(both[:, 1]).max(), rel=0.02)


def test_each_group_peaks_at_its_strength_and_is_broad():
    shared = make_person("shared", 3, STRENGTHS, jitter=False)
    peaks = {
        s.component.name: p
        for s, p in zip(shared.sources, np.abs(shared.strengths).max(axis=0), strict=True)
    }
    assert peaks["onset_visual"] == pytest.approx(1.0, rel=0.05)
    assert peaks["length"] == pytest.approx(0.2)
    assert peaks["figurative"] == pytest.approx(0.9)
    assert 0.3 / np.sqrt(6) <= peaks["lm_1"] < 0.3
    strength = np.abs(shared.strengths[:, -1])
    assert 0.15 < np.mean(strength > strength.max() / 3) < 0.5


def test_domains_respond_between_250_and_450_ms():
    for component in sources.DOMAINS.values():
        course = sources.time_course(component.window, 1000.0)
        assert course[:250].max() == course[450:].max() == 0
        assert course.max() == pytest.approx(1)


def test_people_differ_but_a_domain_does_not_change_the_rest(person):
    other = make_person("02", 3, STRENGTHS)
    null = make_person("01", 3, {k: v for k, v in STRENGTHS.items() if k != "figurative"})
    assert not np.allclose(person.sources[0].positions, other.sources[0].positions)
    assert np.allclose(person.strengths[:, :-1], null.strengths)
    assert (person.noisy, person.flat) == (null.noisy, null.flat)


def test_triggers_mark_words_and_crosses_at_their_onsets(run, shown):
    part = shown[shown["run"] == "01"]
    events = mne.find_events(run, "STI101", verbose="error")
    assert np.allclose(events[:, 0] / RATE, part["onset"])
    assert (events[:, 2] == np.where(part["is_word"], 1, 2)).all()


def test_what_is_planted_is_exactly_in_the_recording(run, shown, table, person):
    part = shown[shown["run"] == "01"]
    zero = table.loc[part.index].assign(figurative=0.0)
    without, _ = simulate_run(part, zero, person, "01", RATE, 50.0)
    difference = run.get_data("meg") - without.get_data("meg")
    item = int(np.flatnonzero(table.loc[part.index, "figurative"])[0])
    window = person.sources[-1].window
    middle = round((part["onset"].iloc[item] + np.mean(window)) * RATE)
    topography = sources.topographies(run.info, person.sources[-1:])[:, 0] * person.currents[-1]
    good = ~np.isin(run.ch_names[:306], [person.flat, person.noisy])
    scale = np.abs(topography).max()
    assert np.allclose(difference[good, middle], topography[good], atol=0.02 * scale)


def test_the_noise_has_the_deviation_that_strengths_refer_to(person):
    info = measurement_info(RATE, 50.0, person.head)
    meg = mne.pick_info(info, mne.pick_types(info, meg=True))
    gain = sources.dipole_gain(meg, person.brain.positions, person.brain.orientations)
    rng = np.random.default_rng(0)
    n = 20000
    data = noise.sensor_noise(meg, n, RATE, rng)
    data += gain.astype(np.float32) @ noise.brain_courses(person.brain, np.ones(n), n, RATE, rng)
    filtered = mne.filter.filter_data(data.astype(float), RATE, 0.1, 40.0, verbose="error")
    measured = filtered.reshape(306, -1, 5).mean(axis=2).std(axis=1)
    ratio = measured / noise.noise_deviation(meg, person.brain, gain)
    assert np.abs(np.median(ratio) - 1) < 0.06
    assert ratio.min() > 0.7 and ratio.max() < 1.3


def test_signal_space_separation_removes_the_far_field():
    info = measurement_info(RATE, 50.0, np.zeros(6))
    meg = mne.pick_info(info, mne.pick_types(info, meg=True))
    fields = surroundings.room_fields(meg)
    courses = surroundings.room_courses(2000, RATE, 50.0, np.random.default_rng(0))
    raw = mne.io.RawArray(fields @ courses, meg, verbose="error")
    clean = mne.preprocessing.maxwell_filter(raw, verbose="error").get_data("mag")
    assert clean.std() < 0.05 * raw.get_data("mag").std()


def test_mains_heart_and_eyes_are_in_the_recording(run):
    power, frequency = run.compute_psd(
        fmin=40, fmax=60, n_fft=512, picks="mag", verbose="error"
    ).get_data(return_freqs=True)
    assert abs(frequency[np.median(power, axis=0).argmax()] - 50) < 0.5
    beats = mne.preprocessing.find_ecg_events(run, verbose="error")[0]
    assert 0.8 < len(beats) / run.times[-1] < 1.4
    temple, lids = (
        mne.filter.filter_data(run.get_data(name)[0], RATE, 1.0, 15.0, verbose="error")
        for name in ("MEG 0343", "EOG061")
    )
    assert np.abs(np.corrcoef(lids, temple)[0, 1]) > 0.4


def test_a_subject_folder_appears_whole_with_its_words_unchanged(tmp_path, shown, table):
    arguments = (shown, table, tmp_path, "story", STRENGTHS, RATE, 50.0, 3)
    record = cohort.simulate_subject("01", *arguments)
    assert [p.name for p in tmp_path.iterdir()] == ["sub-01"]
    for label, part in shown.groupby("run"):
        stem = tmp_path / "sub-01" / "meg" / f"sub-01_task-story_run-{label}"
        events = pd.read_csv(
            f"{stem}_events.tsv",
            sep="\t",
            dtype=str,
            keep_default_na=False,
            quoting=csv.QUOTE_NONE,
        )
        assert events["word"].tolist() == part["text"].tolist()
        assert np.allclose(events["onset"].astype(float), part["onset"])
        raw = mne.io.read_raw_fif(f"{stem}_meg.fif", verbose="error")
        assert raw.info["bads"] == [] and raw.info["line_freq"] == 50
        assert raw.get_channel_types().count("grad") == 204
    cohort.write_dataset_files(tmp_path, ["01"])
    assert (tmp_path / "participants.tsv").read_text() == "participant_id\nsub-01\n"
    assert json.loads((tmp_path / "dataset_description.json").read_text())["BIDSVersion"]
    assert json.loads(json.dumps(record)) == record
    figurative = next(c for c in record["components"] if c["name"] == "figurative")
    assert figurative["peak"] == pytest.approx(0.9 * figurative["gain"], abs=0.3)
    assert figurative["peak_sensor"] in figurative["grad"] + figurative["mag"]


def test_unknown_places_are_refused():
    with pytest.raises(LmbrainError, match="no place for the domain 'humour'"):
        sources.component_groups(["humour"])
