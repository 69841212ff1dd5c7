"""The Moth release: four pickles, repeats on one clock, names of CTF and Elekta sensors."""

import pickle

import numpy as np
import pytest

from configs import PROJECT, merge, read_config
from formats.moth import RATE, trials, write
from lmbrain.artefacts import write_netcdf
from lmbrain.config import load_study
from lmbrain.datasets import moth
from lmbrain.datasets.inventory import missing_files
from lmbrain.errors import LmbrainError
from lmbrain.meg.canonical_sensors import canonical_names
from lmbrain.responses import read_responses
from lmbrain.words import read_words

SETTINGS = {
    **{"root": None, "sampling_rate": RATE, "bin_width": 0.05},
    **{"system": None, "sensors": None, "pause": None},
}


@pytest.fixture
def content():
    return dict(zip(moth.PICKLES, trials(24, 3), strict=True))


def words_of(folder, content, subjects=("01",), **changes):
    for name, value in content.items():
        (folder / name).write_bytes(pickle.dumps(value, 2))
    return moth.words_table(folder, subjects, "moth", SETTINGS | changes, {})


def responses_of(folder, content, **changes):
    words = words_of(folder, content)
    return moth.responses(folder, "01", words, SETTINGS | changes, {}, {})


def test_the_written_format_is_read_with_the_config_that_it_names(tmp_path):
    config = merge(read_config("moth"), write(tmp_path, words=24))
    study = load_study(config)
    assert study.data.continuous and study.data.sampling_interval == 0.05
    given = config["data"]["moth"]
    words = moth.words_table(tmp_path, ["01"], "moth", given, {})
    responses = moth.responses(tmp_path, "01", words, given, {}, {})
    assert responses.dims == ("repeat", "sample", "sensor", "time")
    assert responses["sensor"].to_numpy().tolist()[:2] == ["MEG 0111", "MEG 0112"]
    assert responses.attrs["system"] == "neuromag"
    wanted = moth.files(tmp_path, ["01"], given, {})
    assert missing_files(wanted, PROJECT / "config" / "downloads.tsv", tmp_path) == []
    (tmp_path / "Moth_words.pkl").unlink()
    (missing,) = missing_files(wanted, PROJECT / "config" / "downloads.tsv", tmp_path)
    assert "Moth_words.pkl" in missing and "Box link" in missing


def test_the_sampling_rate_must_be_given_and_make_speech(tmp_path, content):
    config = read_config("moth")
    config["data"]["moth"]["sampling_rate"] = None
    with pytest.raises(LmbrainError, match=r"moth\.sampling_rate must be given"):
        load_study(config)
    with pytest.raises(LmbrainError, match=r"At 1000 Hz story haveyou has 1\d words a second"):
        words_of(tmp_path, content, sampling_rate=1000.0)
    for rate in (90.0, 300.0):
        with pytest.raises(LmbrainError, match=f"At {rate:g} Hz story haveyou has .* no speech"):
            words_of(tmp_path, content, sampling_rate=rate)


def test_that_the_sampling_rate_is_assumed_is_noted_with_the_pace_that_it_makes(tmp_path, content):
    words = words_of(tmp_path, content)
    spans = words.groupby("story")["onset"].agg(lambda onset: onset.max() - onset.min())
    note = words.attrs["note"]
    assert "does not say" in note and "200 Hz is assumed" in note
    assert f"{len(words) / spans.sum():.2g} words a second" in note


@pytest.mark.parametrize("written", ["utf-8", "cp1252"])
def test_words_of_python_2_are_read_in_the_encoding_that_they_were_written_in(
    tmp_path, content, written
):
    texts = ["caf\u00e9", "don\u2019t", "\u201cna\u00efve\u201d"]
    content[moth.WORDS]["life_1"][:3] = [text.encode(written).decode("latin1") for text in texts]
    content[moth.WORDS]["tide_1"][:3] = [text.encode(written) for text in texts]
    content[moth.WORDS]["souls_1"][:3] = texts
    words = words_of(tmp_path, content)
    for story in ("life", "tide", "souls"):
        assert words.loc[words["story"] == story, "text"].tolist()[:3] == texts


def test_words_of_all_stories_are_one_table_and_sentences_end_with_their_story(tmp_path, content):
    words = words_of(tmp_path, content)
    words.to_csv(tmp_path / "words.tsv", sep="\t", index=False, na_rep="n/a")
    words = read_words(tmp_path / "words.tsv")
    assert words["story"].unique().tolist() == list(content[moth.STORIES])
    assert words["text"].tolist() == [
        t for story in content[moth.STORIES].values() for t in content[moth.WORDS][story[0]]
    ]
    expected = np.concatenate(
        [content[moth.ONSETS][story[0]] for story in content[moth.STORIES].values()]
    )
    np.testing.assert_allclose(words["onset"], expected / RATE)
    assert words["sentence"].tolist() == [i // 6 for i in range(len(words))]
    by_pauses = words_of(tmp_path, content, pause=0.4512)["sentence"].to_numpy()
    steps = np.diff(expected / RATE)
    new_story = words["story"].to_numpy()[1:] != words["story"].to_numpy()[:-1]
    np.testing.assert_array_equal(np.diff(by_pauses) == 1, (steps >= 0.4512) | new_story)


@pytest.mark.parametrize("width", [0.05, 0.005, 0.0325])
def test_bins_are_means_and_repeats_lie_on_the_first_ones_clock(tmp_path, content, width):
    responses = responses_of(tmp_path, content, bin_width=width)
    stories = responses["story"].to_numpy()
    for story, heard in content[moth.STORIES].items():
        rows = np.flatnonzero(stories == story)
        length = len(content[moth.MEG][heard[0]])
        assert len(rows) == int(length / RATE / width + 1e-6)
        for repeat, trial in enumerate(heard):
            late = content[moth.ONSETS][trial][0] - content[moth.ONSETS][heard[0]][0]
            seconds = np.round((np.arange(len(content[moth.MEG][trial])) - late) / RATE, 6)
            for i in (0, 1, len(rows) // 2, len(rows) - 1):
                inside = (seconds >= i * width - 1e-9) & (seconds < (i + 1) * width - 1e-9)
                mean = content[moth.MEG][trial][inside].mean(axis=0)
                got = responses[repeat, rows[i], :, 0] if "repeat" in responses.dims else None
                np.testing.assert_allclose(got, mean, rtol=1e-5)
                centre = responses["seconds"].to_numpy()[rows[i]]
                assert abs(centre - seconds[inside].mean()) < 0.5 / RATE
        if len(heard) == 1:
            assert np.isnan(responses[1:, rows]).all()


def test_bins_that_a_repeat_lacks_are_nan_and_the_others_stay(tmp_path, content):
    trial = content[moth.STORIES]["heard"][1]
    content[moth.MEG][trial] = content[moth.MEG][trial][:-30]
    responses = responses_of(tmp_path, content)
    heard = responses["story"].to_numpy() == "heard"
    lacking = np.isnan(responses[1, heard, 0, 0].to_numpy())
    assert lacking.sum() in (3, 4) and lacking[-3:].all()
    assert np.isfinite(responses[2, heard]).all()
    write_netcdf(responses.to_dataset(), tmp_path / "sub-01.nc", {})
    np.testing.assert_array_equal(read_responses(tmp_path / "sub-01.nc"), responses)


def test_stories_heard_once_need_no_dimension_for_repeats(tmp_path, content):
    content[moth.STORIES] = {
        "souls": np.array("souls_1"),
        b"tide": ["tide_1"],
        7: np.array(["life_1"]),
    }
    responses = responses_of(tmp_path, content)
    assert responses.dims == ("sample", "sensor", "time")
    assert set(responses["story"].to_numpy()) == {"souls", "tide", "7"}
    assert responses["sensor"].to_numpy().tolist() == ["s001", "s002", "s003"]


def test_names_of_ctf_sensors_are_found_with_and_without_their_suffix(tmp_path, content):
    (tmp_path / "names.txt").write_text("MLC11-1609\nMLC12\nmzo02-2908\n")
    responses = responses_of(tmp_path, content, system="ctf275", sensors="names.txt")
    assert responses["sensor"].to_numpy().tolist() == ["MLC11-2908", "MLC12-2908", "MZO02-2908"]
    assert canonical_names(["MEG 0113", "MEG0112"], "neuromag", "here") == ["MEG 0113", "MEG 0112"]
    with pytest.raises(LmbrainError, match="here: neuromag has no sensor 'MLC11'"):
        canonical_names(["MLC11"], "neuromag", "here")
    with pytest.raises(LmbrainError, match="here names sensor 'MEG 0113' twice"):
        canonical_names(["MEG0113", "MEG 0113"], "neuromag", "here")
    with pytest.raises(LmbrainError, match="3 channels, but 274 names"):
        responses_of(tmp_path, content, system="ctf275")


BROKEN = {
    "words of a trial are missing": (
        lambda c: c[moth.WORDS].pop("life_1"),
        r"Moth_words\.pkl has no trial 'life_1'",
    ),
    "a word has no onset": (
        lambda c: c[moth.ONSETS]["life_1"].pop(),
        r"'life_1' has 24 words and 23 onsets",
    ),
    "onsets go back": (
        lambda c: c[moth.ONSETS]["life_1"].__setitem__(4, 3),
        r"'life_1', word 5: the onset \(3\) goes back in time",
    ),
    "a repeat has other words": (
        lambda c: c[moth.WORDS].__setitem__("heard_2", [*c[moth.WORDS]["heard_1"][:-1], "no"]),
        r"'heard_1' and 'heard_2' of one story differ from word 24 on",
    ),
    "a repeat has another pace": (
        lambda c: c[moth.ONSETS]["heard_3"].__setitem__(23, c[moth.ONSETS]["heard_3"][23] + 9),
        r"Story heard: word 24 of trial 'heard_3' lies 9 samples from its place",
    ),
    "channel x time": (
        lambda c: c[moth.MEG].__setitem__("life_1", c[moth.MEG]["life_1"].T),
        r"'life_1': the recording has 3 samples, its last word .*time x channel",
    ),
    "no array": (
        lambda c: c[moth.MEG].__setitem__("life_1", ["a"]),
        r"'life_1': <U1 values of shape \(1,\)",
    ),
    "not finite": (
        lambda c: c[moth.MEG]["tide_1"].__setitem__((9, 1), np.nan),
        r"'tide_1', sample 10, channel 2: the value is not a finite number",
    ),
    "values of several lengths": (
        lambda c: c[moth.MEG].__setitem__("life_1", [[1.0], [1.0, 2.0]]),
        r"'life_1': the values are no array of numbers",
    ),
    "a trial has fewer channels": (
        lambda c: c[moth.MEG].__setitem__("life_1", c[moth.MEG]["life_1"][:, :2]),
        r"Moth_MEG\.pkl, story life: trials have 2 and 3 channels",
    ),
    "a story has no trial": (
        lambda c: c[moth.STORIES].__setitem__("life", []),
        r"story 'life' has no names of trials",
    ),
    "trials inside trials": (
        lambda c: c[moth.STORIES].__setitem__("life", [["life_1"]]),
        r"story 'life' has no names of trials",
    ),
    "words are nothing": (
        lambda c: c[moth.WORDS].__setitem__("life_1", None),
        r"'life_1': no list of words",
    ),
    "a word is nothing": (
        lambda c: c[moth.WORDS]["life_1"].__setitem__(3, None),
        r"Moth_words\.pkl: None is no text",
    ),
    "a word of no encoding": (
        lambda c: c[moth.WORDS]["life_1"].__setitem__(3, b"\x81"),
        r"Moth_words\.pkl: b'\\x81' is neither UTF-8",
    ),
    "onsets are texts": (
        lambda c: c[moth.ONSETS].__setitem__("life_1", ["a"] * 24),
        r"'life_1': the values are no array of numbers",
    ),
    "the last onset is endless": (
        lambda c: c[moth.ONSETS]["life_1"].__setitem__(23, np.inf),
        r"'life_1', word 24: the onset \(inf\) goes back in time or is no number",
    ),
    "an empty dictionary": (lambda c: c[moth.STORIES].clear(), "holds no dictionary of trials"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_of_another_form_is_refused_by_trial_and_place(tmp_path, content, name):
    breaking, said = BROKEN[name]
    breaking(content)
    with pytest.raises(LmbrainError, match=said):
        responses_of(tmp_path, content)


def test_one_person_only_and_bins_no_shorter_than_a_sample(tmp_path, content):
    with pytest.raises(LmbrainError, match="holds one person, the config lists 2"):
        words_of(tmp_path, content, ("01", "02"))
    with pytest.raises(LmbrainError, match="200 Hz leave bins of 0.004 s without a sample"):
        responses_of(tmp_path, content, bin_width=0.004)
