import numpy as np
import pytest
from scipy.io import savemat

from lmbrain.datasets import harry_potter
from lmbrain.errors import LmbrainError
from lmbrain.meg.word_locked import write_epochs
from lmbrain.responses import read_responses

SETTINGS = {"chapter": 9}
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
    words = harry_potter.words_table(reading, ["A", "B"], "hp", SETTINGS, {})
    assert words["text"].tolist() == ["+", "The", "old", "man", "ran."]
    assert words["is_word"].tolist() == [False, True, True, True, True]
    assert words["onset"].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_epochs_keep_the_values_and_survive_their_file(reading, tmp_path):
    words = harry_potter.words_table(reading, ["A"], "hp", SETTINGS, {})
    data = write_mat(reading / "A_HP_notDetrended_25ms.mat", seed=3)
    epochs = harry_potter.responses(reading, "A", words, SETTINGS, {}, {"picks": ["grad", "mag"]})
    write_epochs(epochs, tmp_path / "sub-A-epo.fif", {})
    back = read_responses(tmp_path / "sub-A-epo.fif")
    np.testing.assert_allclose(back.to_numpy(), data, rtol=1e-6)
    assert back["usable"].to_numpy().tolist() == [False, True, True, True, True]
    np.testing.assert_allclose(back["time"], np.arange(20) * 0.025 + 0.0125, atol=1e-6)
    kinds = epochs.get_channel_types()
    assert kinds[:6] == ["grad", "grad", "mag"] * 2, "sensors come in triplets"
    picked = harry_potter.responses(reading, "A", words, SETTINGS, {}, {"picks": ["mag"]})
    np.testing.assert_allclose(picked.get_data(), data[:, 2::3], rtol=1e-6)


def test_people_who_were_shown_other_items_are_refused_by_file_and_row(reading):
    write_mat(reading / "B_HP_notDetrended_25ms.mat", ["+", "The", "new", "man", "ran."])
    with pytest.raises(LmbrainError, match=r"B_HP.*row 3"):
        harry_potter.words_table(reading, ["A", "B"], "hp", SETTINGS, {})


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
    words = harry_potter.words_table(reading, ["A"], "hp", SETTINGS, {})
    votes = {1: ["", "1", "1", "", "1"], 2: ["0", "1", "", "", "1"], 3: ["", "1", "", "1"]}
    for annotator, emotion in votes.items():
        rows = [f"{w},{v},,,,,\n" for w, v in zip(SHOWN, emotion, strict=False)]
        header = "Word,Emotion,Figurative,Physical,,,\n"
        (reading / f"harry_annot_sub{annotator}.csv").write_text(header + "".join(rows))
    table = harry_potter.categories(reading, words)
    assert table["social_emotional"].tolist() == [False, True, False, False, True]
    assert not table["figurative"].any()
