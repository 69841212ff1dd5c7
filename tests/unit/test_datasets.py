import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from configs import PROJECT
from lmbrain.datasets import alice, harry_potter
from lmbrain.datasets.inventory import missing_files, missing_from_hub, missing_key, require
from lmbrain.datasets.places import data_folder
from lmbrain.errors import LmbrainError
from lmbrain.meg.word_locked import write_epochs
from lmbrain.responses import read_responses

SHOWN = ["+", "The", "@old@", "man^", "ran."]


def write_mat(path, shown=SHOWN, seed=0, **changes):
    """A file of the public release's form: nested cells of labels, data in double."""
    labels = np.empty((len(shown), 1), dtype=object)
    for i, text in enumerate(shown):
        labels[i, 0] = np.array([[text]], dtype=object)
    data = np.random.default_rng(seed).normal(size=(len(shown), 306, 20))
    savemat(path, {"data": data, "labels": labels} | changes)
    return data


@pytest.fixture
def reading(tmp_path):
    for i, subject in enumerate("AB"):
        write_mat(tmp_path / f"{subject}_HP_notDetrended_25ms.mat", seed=i)
    return tmp_path


def test_layout_marks_are_removed_and_crosses_are_no_words(reading):
    words = harry_potter.words_table(reading, ["A", "B"], 9, "hp")
    assert words["text"].tolist() == ["+", "The", "old", "man", "ran."]
    assert words["is_word"].tolist() == [False, True, True, True, True]
    assert words["onset"].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_epochs_keep_the_values_and_survive_their_file(reading, tmp_path):
    words = harry_potter.words_table(reading, ["A"], 9, "hp")
    data = write_mat(reading / "A_HP_notDetrended_25ms.mat", seed=3)
    epochs = harry_potter.epochs(reading, "A", 9, words, ["grad", "mag"])
    write_epochs(epochs, tmp_path / "sub-A-epo.fif", {})
    back = read_responses(tmp_path / "sub-A-epo.fif")
    np.testing.assert_allclose(back.to_numpy(), data, rtol=1e-6)
    assert back["usable"].to_numpy().tolist() == [False, True, True, True, True]
    np.testing.assert_allclose(back["time"], np.arange(20) * 0.025 + 0.0125, atol=1e-6)
    kinds = epochs.get_channel_types()
    assert kinds[:6] == ["grad", "grad", "mag"] * 2, "sensors come in triplets"
    picked = harry_potter.epochs(reading, "A", 9, words, ["mag"])
    np.testing.assert_allclose(picked.get_data(), data[:, 2::3], rtol=1e-6)


def test_people_who_were_shown_other_items_are_refused_by_file_and_row(reading):
    write_mat(reading / "B_HP_notDetrended_25ms.mat", ["+", "The", "new", "man", "ran."])
    with pytest.raises(LmbrainError, match=r"B_HP.*row 3"):
        harry_potter.words_table(reading, ["A", "B"], 9, "hp")


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"data": np.zeros((5, 306, 10))}, "shape"), ({"labels": np.array([])}, "shape")],
)
def test_arrays_of_another_form_are_refused_by_file(reading, changes, said):
    write_mat(reading / "A_HP_notDetrended_25ms.mat", **changes)
    with pytest.raises(LmbrainError, match=f"A_HP.*{said}"):
        harry_potter.read_recording(reading / "A_HP_notDetrended_25ms.mat")


def test_a_file_that_is_no_matlab_file_is_refused(reading):
    path = reading / "A_HP_notDetrended_25ms.mat"
    path.write_bytes(b"not a mat file at all" * 100)
    with pytest.raises(LmbrainError, match="no readable MATLAB file"):
        harry_potter.read_recording(path)


def test_categories_are_the_majority_of_annotators_and_a_short_table_is_padded(reading):
    words = harry_potter.words_table(reading, ["A"], 9, "hp")
    votes = {1: ["", "1", "1", "", "1"], 2: ["0", "1", "", "", "1"], 3: ["", "1", "", "1"]}
    for annotator, emotion in votes.items():
        rows = [f"{w},{v},,,,,\n" for w, v in zip(SHOWN, emotion, strict=False)]
        header = "Word,Emotion,Figurative,Physical,,,\n"
        (reading / f"harry_annot_sub{annotator}.csv").write_text(header + "".join(rows))
    table = harry_potter.categories(reading, words)
    assert table["social_emotional"].tolist() == [False, True, False, False, True]
    assert not table["figurative"].any()


@pytest.fixture
def listening(tmp_path):
    (tmp_path / "words.tsv").write_text(
        "onset\tduration\tword\n20.1\t0.5\tAlice\n20.6\t0.2\twas\n21.0\t0.2\tnull\n"
    )
    values = pd.DataFrame(np.random.default_rng(0).normal(100, 1, size=(30, 2)), columns=["L", "R"])
    values.to_csv(tmp_path / "sub-01_bold.tsv", sep="\t", index=False)
    (values * 0).to_csv(tmp_path / "sub-02_bold.tsv", sep="\t", index=False)
    return tmp_path


def test_heard_words_and_volumes_share_one_clock(listening):
    words = alice.words_table(listening, "alice", 0.15)
    responses = alice.responses(listening, "01", 20.0, 2.0)
    assert words["text"].tolist() == ["Alice", "was", "null"]
    assert words["sentence"].tolist() == [0, 0, 1], "a silence of 0.2 s ends a sentence"
    assert responses["seconds"].to_numpy()[:3].tolist() == [20.0, 22.0, 24.0]
    assert responses.shape == (30, 2, 1)


def test_an_all_zero_person_stops_by_name_with_the_mend(listening):
    with pytest.raises(LmbrainError, match=r"subject 02.*every sensor is constant.*data\.exclude"):
        alice.responses(listening, "02", 20.0, 2.0)


def test_a_value_that_is_no_number_is_refused_by_file_row_and_column(listening):
    text = (listening / "sub-01_bold.tsv").read_text().splitlines()
    text[4] = "oops\t1.0"
    (listening / "sub-01_bold.tsv").write_text("\n".join(text))
    with pytest.raises(LmbrainError, match=r"sub-01_bold\.tsv, row 4: L is 'oops'"):
        alice.responses(listening, "01", 20.0, 2.0)


def test_every_missing_file_is_named_with_what_it_is_and_where_it_is_published(tmp_path):
    wanted = harry_potter.files(tmp_path, ["A"], 9) | alice.files(tmp_path, ["18"])
    sentences = missing_files(wanted, PROJECT / "config" / "downloads.tsv")
    assert len(sentences) == 6
    assert any(
        "harry_annot_sub2.csv: word categories" in s and "annotator 2" in s for s in sentences
    )
    assert all(str(tmp_path) in s and "published at" in s for s in sentences)
    with pytest.raises(LmbrainError, match="6 things are missing"):
        require(sentences)
    require([])


def test_a_hub_repository_out_of_reach_is_named_and_a_folder_is_at_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    [sentence] = missing_from_hub("someone/some-model", "model")
    assert "someone/some-model" in sentence
    assert missing_from_hub(str(tmp_path), "model") == []


def test_a_missing_key_is_named_but_never_shown(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert "OPENAI_API_KEY" in missing_key("OPENAI_API_KEY")[0]
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert missing_key("OPENAI_API_KEY") == []


def test_the_data_folder_is_the_configs_or_the_variables(monkeypatch, tmp_path):
    monkeypatch.setenv("LMBRAIN_DATA", str(tmp_path))
    assert data_folder(None, "alice") == tmp_path / "alice"
    assert data_folder("/elsewhere", "alice").as_posix() == "/elsewhere"
    monkeypatch.delenv("LMBRAIN_DATA")
    with pytest.raises(LmbrainError, match="LMBRAIN_DATA"):
        data_folder(None, "alice")
