import numpy as np
import pytest
from scipy.io import loadmat, savemat

from configs import merge, read_config
from formats.harry_potter import write_annotations, write_denoised, write_recording
from lmbrain.config import load_study
from lmbrain.datasets import harry_potter
from lmbrain.errors import LmbrainError
from lmbrain.meg.word_locked import write_epochs
from lmbrain.responses import read_responses

SHOWN = ["+", "The", "@old@", "man^", "ran.", "--", "+^"]
LATER = ["He", "\\slept", "well.", "+"]
BINS = {"window": {"start": 0.0, "stop": 0.5}, "bin_width": 0.025}
BOTH = {"chapters": [9, 10], "form": "people"}
ONE = {"chapters": [9], "form": "people"}
DENOISED = {"chapters": [9, 10], "form": "denoised"}
NAME = "_HP_notDetrended_25ms.mat"


@pytest.fixture
def reading(tmp_path):
    for i, subject in enumerate("AB"):
        write_recording(tmp_path / f"{subject}{NAME}", SHOWN, seed=i)
    write_recording(tmp_path / "chapter10" / f"B{NAME}", LATER, seed=7)
    return tmp_path


def test_layout_marks_are_removed_and_crosses_and_punctuation_are_no_words(reading):
    words = harry_potter.words_table(reading, ["A", "B"], "hp", ONE, {})
    assert words["text"].tolist() == ["+", "The", "old", "man", "ran.", "--", "+"]
    assert words["is_word"].tolist() == [False, True, True, True, True, False, False]
    assert words["onset"].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert set(words["story"]) == {"hp"}
    assert set(words["run"]) == {"ch9"}


@pytest.mark.parametrize(
    ("label", "shown"),
    [("+", "+"), ("@+@", "+"), ("+Harry", "Harry"), ('"@Stop!@"', '"Stop!"'), ("^", "")],
)
def test_a_plus_is_a_cross_only_where_it_stands_alone(label, shown):
    assert harry_potter.without_marks(label) == shown


def test_each_chapter_is_a_story_and_a_run_of_its_own(reading):
    words = harry_potter.words_table(reading, ["A", "B"], "hp", BOTH, {"A": ["ch10"]})
    assert words["story"].tolist() == ["hp_ch9"] * 7 + ["hp_ch10"] * 4
    assert words["run"].tolist() == ["ch9"] * 7 + ["ch10"] * 4
    assert words["onset"].tolist()[7:] == [0.0, 0.5, 1.0, 1.5]
    assert words["item"].tolist() == list(range(11))
    numbers = words.loc[words["is_word"], "sentence"].tolist()
    assert numbers == [0, 0, 0, 0, 1, 1, 1], "no sentence goes on in the next chapter"


def test_files_of_a_chapter_that_a_person_lacks_are_not_wanted(reading):
    wanted = harry_potter.files(reading, ["A", "B"], BOTH, {"A": ["ch10"]})
    assert [len(wanted[kind]) for kind in ("recording", "recording_chapter10")] == [2, 1]
    assert all(path.is_file() for paths in wanted.values() for path in paths)
    assert wanted["annotation"] == [], "chapter 10 has none"
    assert len(harry_potter.files(reading, ["A"], ONE, {})["annotation"]) == 3


def test_a_chapter_that_nobody_read_is_named(reading):
    with pytest.raises(LmbrainError, match=r"nobody who read chapter 10"):
        harry_potter.words_table(reading, ["A"], "hp", BOTH, {"A": ["ch10"]})


def test_a_person_who_is_said_to_lack_a_chapter_that_is_there_is_refused(reading):
    with pytest.raises(
        LmbrainError, match=r"chapter10/B_HP.* is there, but data\.missing.*B lacks"
    ):
        harry_potter.words_table(reading, ["A", "B"], "hp", BOTH, {"B": ["ch10"]})


def test_epochs_keep_the_values_and_survive_their_file(reading, tmp_path):
    words = harry_potter.words_table(reading, ["A"], "hp", ONE, {})
    data = write_recording(reading / f"A{NAME}", SHOWN, seed=3)
    binning = {**BINS, "picks": ["grad", "mag"]}
    epochs = harry_potter.responses(reading, "A", words, ONE, {}, binning)
    write_epochs(epochs, tmp_path / "sub-A-epo.fif", {})
    back = read_responses(tmp_path / "sub-A-epo.fif")
    usable = np.array([False, True, True, True, True, False, False])
    np.testing.assert_allclose(back.to_numpy()[usable], data[usable], rtol=1e-6)
    assert not back.to_numpy()[~usable].any()
    assert back["usable"].to_numpy().tolist() == usable.tolist()
    assert epochs.metadata["lost"].tolist() == ["no word", "", "", "", "", "no word", "no word"]
    np.testing.assert_allclose(back["time"], np.arange(20) * 0.025 + 0.0125, atol=1e-6)
    kinds = epochs.get_channel_types()
    assert kinds[:6] == ["grad", "grad", "mag"] * 2, "sensors come in triplets"
    picked = harry_potter.responses(reading, "A", words, ONE, {}, {**BINS, "picks": ["mag"]})
    np.testing.assert_allclose(picked.get_data()[usable], data[usable, 2::3], rtol=1e-6)


def test_words_of_a_chapter_that_a_person_lacks_are_zero_and_said_to_be_not_recorded(reading):
    lacking = {"A": ["ch10"]}
    words = harry_potter.words_table(reading, ["A", "B"], "hp", BOTH, lacking)
    binning = {**BINS, "picks": ["mag"]}
    a, b = (harry_potter.responses(reading, s, words, BOTH, lacking, binning) for s in ("A", "B"))
    assert not a.get_data()[7:].any()
    assert a.metadata["lost"].tolist()[7:] == ["not recorded"] * 3 + ["no word"]
    assert a.metadata["usable"].tolist()[:7] == b.metadata["usable"].tolist()[:7]
    assert b.metadata["usable"].tolist()[7:] == [True, True, True, False]
    assert b.get_data()[7:10].all()


def test_the_authors_arrays_are_read_with_sensors_before_bins(reading):
    arrays = write_denoised(reading, {9: SHOWN, 10: LATER})
    words = harry_potter.words_table(reading, ["group"], "hp", DENOISED, {})
    assert words["text"].tolist()[8:] == ["slept", "well.", "+"]
    binning = {**BINS, "picks": ["grad", "mag"]}
    epochs = harry_potter.responses(reading, "group", words, DENOISED, {}, binning)
    np.testing.assert_allclose(epochs.get_data()[1, 5], arrays[9][1, :, 5], rtol=1e-6)
    np.testing.assert_allclose(epochs.get_data()[8, 305], arrays[10][1, :, 305], rtol=1e-6)
    wanted = harry_potter.files(reading, ["group"], DENOISED, {})
    assert all(path.is_file() for paths in wanted.values() for path in paths)


def test_denoised_responses_are_labelled_as_fitted_over_all_words(reading):
    write_denoised(reading, {9: SHOWN, 10: LATER})
    words = harry_potter.words_table(reading, ["group"], "hp", DENOISED, {})
    assert "fitted over all words, test words included" in words.attrs["note"]
    assert "note" not in harry_potter.words_table(reading, ["A"], "hp", ONE, {}).attrs


def test_authors_arrays_that_do_not_fit_the_words_are_refused(reading):
    write_denoised(reading, {9: SHOWN, 10: LATER})
    words = harry_potter.words_table(reading, ["group"], "hp", DENOISED, {})
    for wrong in (np.zeros((6, 20, 306)), np.zeros((7, 306, 20)), np.zeros(7)):
        np.save(reading / "denoised_HP.npy", wrong)
        with pytest.raises(LmbrainError, match=r"denoised_HP\.npy.*expected \(7, 306, 20\)"):
            harry_potter.responses(reading, "group", words, DENOISED, {}, {**BINS, "picks": []})


def test_an_array_of_python_objects_is_refused_unread(reading):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("code in the file was run",))

    write_denoised(reading, {9: SHOWN, 10: LATER})
    trap = np.array([Trap(), "He"], dtype=object)
    np.save(reading / "words_chapter_2.npy", trap, allow_pickle=True)
    with pytest.raises(LmbrainError, match=r"words_chapter_2\.npy is no plain NumPy array"):
        harry_potter.words_table(reading, ["group"], "hp", DENOISED, {})


def test_people_who_were_shown_other_items_are_refused_by_file_and_row(reading):
    write_recording(reading / f"B{NAME}", ["+", "The", "new", *SHOWN[3:]])
    with pytest.raises(LmbrainError, match=r"B_HP.*row 3"):
        harry_potter.words_table(reading, ["A", "B"], "hp", ONE, {})


@pytest.mark.parametrize(
    "changes",
    [
        {"data": np.zeros((7, 306, 10))},
        {"data": np.zeros((8, 306, 20))},
        {"data": np.zeros((7, 306))},
        {"labels": np.array([])},
    ],
)
def test_arrays_of_another_form_are_refused_by_file(reading, changes):
    write_recording(reading / f"A{NAME}", SHOWN, **changes)
    with pytest.raises(LmbrainError, match="A_HP.*shape"):
        harry_potter.read_items(reading / f"A{NAME}")


def test_a_few_labels_beyond_the_responses_are_left_out_and_told(reading, caplog):
    write_recording(reading / f"A{NAME}", SHOWN, data=np.zeros((5, 306, 20)))
    with caplog.at_level("INFO"):
        assert len(harry_potter.read_items(reading / f"A{NAME}")) == 5
    assert "the last 2 labels have no response" in caplog.text
    write_recording(reading / f"A{NAME}", SHOWN * 4, data=np.zeros((12, 306, 20)))
    with pytest.raises(LmbrainError, match=r"\(12, 306, 20\), expected \(28, 306, 20\)"):
        harry_potter.read_items(reading / f"A{NAME}")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kept", [0.0, 60, 150, 300, 0.5, 0.99])
def test_a_file_that_is_cut_short_is_refused(reading, kept, compressed):
    path = reading / f"A{NAME}"
    written = {name: value for name, value in loadmat(path).items() if name in ("data", "labels")}
    savemat(path, written, do_compression=compressed)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    with pytest.raises(LmbrainError, match=r"A_HP.* (is no readable MATLAB file|lacks)"):
        harry_potter.read_items(path)
        harry_potter.responses(
            reading,
            "A",
            harry_potter.words_table(reading, ["B"], "hp", ONE, {}),
            ONE,
            {},
            {**BINS, "picks": ["mag"]},
        )


def test_a_file_that_is_no_matlab_file_is_refused(reading):
    path = reading / f"A{NAME}"
    path.write_bytes(b"not a mat file at all" * 100)
    with pytest.raises(LmbrainError, match="no readable MATLAB file"):
        harry_potter.read_items(path)


def test_categories_are_the_majority_of_annotators_and_a_short_table_is_padded(reading):
    words = harry_potter.words_table(reading, ["A"], "hp", ONE, {})
    votes = write_annotations(reading, SHOWN)
    votes[2, -1] = False
    table = harry_potter.categories(reading, words)
    assert table.columns.tolist() == ["item", "social_emotional", "figurative", "physical"]
    assert table["item"].tolist() == list(range(7))
    expected = votes.sum(axis=0) >= 2
    assert expected.any()
    np.testing.assert_array_equal(table.to_numpy()[:, 1:].astype(bool), expected)


def test_agreement_counts_words_not_crosses(reading):
    words = harry_potter.words_table(reading, ["A"], "hp", ONE, {})
    write_annotations(reading, SHOWN)
    table = harry_potter.agreement(reading, words, seed=0)
    assert table["category"].tolist() == ["social_emotional", "figurative", "physical"]
    assert table["words"].tolist() == [4, 4, 4]
    assert table["annotators"].tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    "binning",
    [
        {"window": {"start": 0.0, "stop": 0.4}},
        {"window": {"start": -0.1, "stop": 0.5}},
        {"bin_width": 0.05},
    ],
)
def test_bins_that_the_release_does_not_hold_are_refused_before_anything_runs(binning):
    change = {"responses": binning, "evaluation": {"windows": [{"start": 0.2, "stop": 0.4}]}}
    with pytest.raises(LmbrainError, match=r"25 ms bins from 0 to 0\.5 s.*responses\.bin_width"):
        load_study(merge(read_config(), change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"form": "denoised"}, "one name in data.subjects"),
        ({"chapters": []}, "data.harry_potter.chapters"),
        ({"chapters": [11]}, "data.harry_potter.chapters"),
        ({"chapters": [9, 10, 10]}, "10 twice"),
    ],
)
def test_settings_that_the_release_cannot_serve_are_refused(change, said):
    with pytest.raises(LmbrainError, match=said):
        load_study(merge(read_config(), {"data": {"harry_potter": change}}))
