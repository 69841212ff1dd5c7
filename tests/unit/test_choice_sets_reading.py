"""Reading of multiple-choice sets: each form, each way a row can be wrong."""

import csv
import json

import pytest

from lmbrain.errors import LmbrainError
from lmbrain.finetuning.domains import FORMS, ChoiceItem, read_choice_set
from lmbrain.simulation import choice_sets, material

SIQA_ROW = {
    "context": "Ann lost her key.",
    "question": "How does Ann feel?",
    "answerA": "glad",
    "answerB": "annoyed",
    "answerC": "sleepy",
    "label": "2",
}
PIQA_ROW = {"goal": "open a jar", "sol1": "twist the lid", "sol2": "twist the glass"}
PROMPTS = {"social_iqa": "{context} {question}", "figqa": "{startphrase}", "piqa": "{goal}"}


def write_jsonl(path, rows, labels=None):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    if labels is not None:
        beside = path.with_name(f"{path.stem}-labels.lst")
        beside.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def write_csv(path, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


@pytest.fixture
def siqa(tmp_path):
    write_jsonl(tmp_path / "train.jsonl", [SIQA_ROW, SIQA_ROW])
    write_jsonl(tmp_path / "validation.jsonl", [SIQA_ROW])
    return tmp_path


@pytest.fixture
def piqa(tmp_path):
    write_jsonl(tmp_path / "train.jsonl", [PIQA_ROW, PIQA_ROW], [0, 1])
    write_jsonl(tmp_path / "valid.jsonl", [PIQA_ROW], [1])
    return tmp_path


@pytest.fixture
def figqa(tmp_path):
    header = ["startphrase", "ending1", "ending2", "labels", "valid", "qid"]
    rows = [["It was gold, to me", "dear", "cheap", "0", "1", "X3180"]]
    write_csv(tmp_path / "train.csv", [header, *rows, *rows])
    write_csv(tmp_path / "dev.csv", [header, *rows])
    return tmp_path


def test_social_iqa_labels_count_from_one(siqa):
    train, validation = read_choice_set("social_iqa", siqa, "{context} {question}")
    assert len(train) == 2
    assert validation == [
        ChoiceItem("Ann lost her key. How does Ann feel?", ("glad", "annoyed", "sleepy"), 1)
    ]


def test_social_iqa_labels_may_lie_in_a_file_beside(tmp_path):
    row = {key: value for key, value in SIQA_ROW.items() if key != "label"}
    write_jsonl(tmp_path / "train.jsonl", [row], [3])
    write_jsonl(tmp_path / "dev.jsonl", [row], [1])
    train, validation = read_choice_set("social_iqa", tmp_path, "{context}")
    assert (train[0].label, validation[0].label) == (2, 0)


def test_piqa_labels_come_from_the_file_beside(piqa):
    train, validation = read_choice_set("piqa", piqa, "{goal}")
    assert [item.label for item in train] == [0, 1]
    assert validation == [ChoiceItem("open a jar", ("twist the lid", "twist the glass"), 1)]


def test_figqa_reads_quoted_cells_and_ids_that_are_no_numbers(figqa):
    train, _ = read_choice_set("figqa", figqa, "{startphrase}")
    assert train == [ChoiceItem("It was gold, to me", ("dear", "cheap"), 0)] * 2


def test_the_larger_published_figqa_training_file_is_preferred(figqa):
    rows = (figqa / "train.csv").read_text(encoding="utf-8").splitlines()
    (figqa / "train_xl.csv").write_text("\n".join([*rows, rows[-1]]) + "\n", encoding="utf-8")
    assert len(read_choice_set("figqa", figqa, "{startphrase}")[0]) == 3


@pytest.mark.parametrize("form", FORMS)
def test_simulated_sets_are_read_whole(form, tmp_path):
    tables = (material.lexicon(), material.subjects(), material.neutral())
    write = getattr(choice_sets, f"write_{form}")
    write(tmp_path, *tables, seed=1, n_train=60, n_validation=30)
    train, validation = read_choice_set(form, tmp_path, PROMPTS[form])
    assert (len(train), len(validation)) == (60, 30)
    n_options = len(FORMS[form].options)
    assert {item.label for item in train} == set(range(n_options))
    assert all(len(item.options) == n_options for item in train + validation)


def test_an_empty_field_leaves_no_space_in_the_prompt(siqa):
    write_jsonl(siqa / "train.jsonl", [SIQA_ROW | {"question": ""}])
    train, _ = read_choice_set("social_iqa", siqa, "{question} {context}")
    assert train[0].prompt == "Ann lost her key."


def test_only_line_feeds_end_a_row(piqa):
    text = json.dumps(PIQA_ROW | {"goal": "open\u2028a jar"}, ensure_ascii=False) + "\n"
    (piqa / "valid.jsonl").write_text(text, encoding="utf-8")
    assert read_choice_set("piqa", piqa, "{goal}")[1][0].prompt == "open\u2028a jar"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answerB": "  "}, r"train.jsonl, row 2 has an empty option 'answerB'"),
        ({"label": "4"}, r"train.jsonl, row 2 has the label '4', not one of 1, 2, 3"),
        ({"label": "0"}, r"row 2 has the label '0'"),
        ({"label": 1.0}, r"row 2 has the label 1.0"),
        ({"label": True}, r"row 2 has the label True"),
        ({"answerC": None}, r"train.jsonl, row 2 lacks the column 'answerC'"),
        ({"context": "", "question": ""}, r"train.jsonl, row 2 gives an empty prompt"),
    ],
)
def test_a_bad_row_is_named(siqa, change, message):
    write_jsonl(siqa / "train.jsonl", [SIQA_ROW, SIQA_ROW | change])
    with pytest.raises(LmbrainError, match=message):
        read_choice_set("social_iqa", siqa, "{context} {question}")


def test_unanswered_test_rows_are_refused(figqa):
    write_csv(
        figqa / "dev.csv",
        [["startphrase", "ending1", "ending2", "labels"], ["It was gold", "dear", "cheap", "-1"]],
    )
    with pytest.raises(LmbrainError, match=r"dev.csv, row 1 has the label '-1'"):
        read_choice_set("figqa", figqa, "{startphrase}")


def test_a_column_that_is_missing_is_named(figqa):
    write_csv(figqa / "dev.csv", [["startphrase", "ending1", "labels"], ["a", "b", "0"]])
    with pytest.raises(LmbrainError, match=r"dev.csv, row 1 lacks the column 'ending2'"):
        read_choice_set("figqa", figqa, "{startphrase}")


def test_an_unquoted_comma_is_refused(figqa):
    text = "startphrase,ending1,ending2,labels\nIt was gold, to me,dear,cheap,0\n"
    (figqa / "dev.csv").write_text(text, encoding="utf-8")
    with pytest.raises(LmbrainError, match=r"dev.csv, row 1 has more cells than the header"):
        read_choice_set("figqa", figqa, "{startphrase}")


def test_a_wrong_number_of_labels_is_refused(piqa):
    (piqa / "train-labels.lst").write_text("0\n", encoding="utf-8")
    with pytest.raises(LmbrainError, match=r"train-labels.lst holds 1 labels for 2 rows"):
        read_choice_set("piqa", piqa, "{goal}")


def test_labels_given_twice_are_refused(piqa):
    write_jsonl(piqa / "valid.jsonl", [PIQA_ROW | {"label": 0}], [1])
    with pytest.raises(LmbrainError, match=r"has a column 'label' although valid-labels.lst"):
        read_choice_set("piqa", piqa, "{goal}")


@pytest.mark.parametrize("text", ["{broken\n", "[1, 2]\n"])
def test_a_line_that_is_no_object_is_named(piqa, text):
    (piqa / "valid.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(LmbrainError, match=r"valid.jsonl, row 1 is no JSON"):
        read_choice_set("piqa", piqa, "{goal}")


def test_a_folder_without_the_files_says_which(tmp_path):
    with pytest.raises(LmbrainError, match=r"holds no train.jsonl; put that file of the piqa set"):
        read_choice_set("piqa", tmp_path, "{goal}")


def test_a_file_without_rows_is_refused(figqa):
    (figqa / "dev.csv").write_text("startphrase,ending1,ending2,labels\n", encoding="utf-8")
    with pytest.raises(LmbrainError, match=r"dev.csv holds no rows"):
        read_choice_set("figqa", figqa, "{startphrase}")


@pytest.mark.parametrize("prompt", ["{goal} {label}", "{}", "{goal.x}", "no field", "{goal"])
def test_a_prompt_with_other_fields_is_refused(piqa, prompt):
    with pytest.raises(LmbrainError, match=r"The prompt .* of a piqa set"):
        read_choice_set("piqa", piqa, prompt)


def test_unknown_form_and_source_are_refused(tmp_path):
    with pytest.raises(LmbrainError, match=r"unknown form 'copa'"):
        read_choice_set("copa", tmp_path, "{goal}")
    with pytest.raises(LmbrainError, match=r"neither a folder nor a hub id"):
        read_choice_set("piqa", tmp_path / "absent", "{goal}")


def test_hub_splits_are_read_with_the_right_files(monkeypatch):
    import datasets

    row = {"startphrase": "gold", "ending1": "dear", "ending2": "cheap", "labels": 1}
    asked = {}

    def load_dataset(name, data_files):
        asked.update({"name": name} | data_files)
        split = datasets.Dataset.from_list([row])
        return datasets.DatasetDict({"train": split, "validation": split})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    train, validation = read_choice_set("figqa", "nightingal3/fig-qa", "{startphrase}")
    assert asked == {
        "name": "nightingal3/fig-qa",
        "train": "train_xl.csv",
        "validation": "dev.csv",
    }
    assert train == validation == [ChoiceItem("gold", ("dear", "cheap"), 1)]


def test_an_unreachable_hub_says_what_to_do(monkeypatch):
    import datasets

    def load_dataset(name, data_files):
        raise ConnectionError(f"Couldn't reach '{name}' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(
        LmbrainError, match=r"piqa set 'baber/piqa' could not .* put train.jsonl and valid.jsonl"
    ):
        read_choice_set("piqa", "baber/piqa", "{goal}")
