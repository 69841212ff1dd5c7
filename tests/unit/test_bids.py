"""Reading a MEG-BIDS folder: words stay words, subjects are compared item by item."""

from pathlib import Path

import pytest

from configs import read_config
from lmbrain.datasets.bids import words_table
from lmbrain.datasets.bids_events import read_events, words_of_run
from lmbrain.errors import LmbrainError

EVENTS = read_config()["data"]["bids"]["events"]
HEADER = "onset\tduration\ttrial_type\tvalue\tword"
ITEMS = ["+", "null", "NA", 'nan."', "None", "true", "didn't"]


def rows_of(items: list[str], first: float = 1.0) -> list[str]:
    kinds = ["fixation" if item == "+" else "word" for item in items]
    return [
        f"{first + 0.5 * i}\t0.4\t{kind}\t{1 + (kind != 'word')}\t{item}"
        for i, (item, kind) in enumerate(zip(items, kinds, strict=True))
    ]


def write_run(root: Path, subject: str, run: str, rows: list[str], header: str = HEADER) -> Path:
    folder = root / f"sub-{subject}" / "meg"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"sub-{subject}_task-read_run-{run}_events.tsv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def read_in(runs: list[str]) -> dict[str, dict[str, str | None]]:
    return {run: {"session": None, "task": "read", "run": run} for run in runs}


def alone(runs: list[str]) -> dict[str, list[str]]:
    return {run: [run] for run in runs}


def study_words(root: Path, subjects: list[str], runs: list[str], **events):
    settings = {"story_per": None, "user_columns": []} | EVENTS | events
    return words_table(root, subjects, read_in(runs), alone(runs), {}, "tale", **settings)


def test_words_that_look_like_missing_values_survive(tmp_path):
    events = read_events(write_run(tmp_path, "01", "01", rows_of(ITEMS)))
    assert events["word"].tolist() == ITEMS
    assert events["onset"].tolist() == [1.0 + 0.5 * i for i in range(len(ITEMS))]


def test_byte_order_mark_and_missing_trial_type_are_read(tmp_path):
    path = write_run(
        tmp_path, "01", "01", ["0.5\tn/a\tOnce", "1.0\t0.4\t+"], "\ufeffonset\tduration\tword"
    )
    words = words_of_run(read_events(path), "tale", "01", **EVENTS | {"kind_columns": []})
    assert words["text"].tolist() == ["Once", "+"]
    assert words["is_word"].tolist() == [True, False]
    assert words["onset"].tolist() == [0.5, 1.0]
    assert words["duration"].isna().tolist() == [True, False]


def test_items_of_other_trial_types_are_kept_as_no_words(tmp_path):
    rows = [
        "0.1\t0\tresponse\t64\tn/a",
        "0.2\t0\tresponse\t64\t",
        "3.0\t0.4\tword\t1\tend.",
        "1.0\t0.4\tquestion\t3\tReady?",
        "2.0\t0.4\tword\t1\tThe",
    ]
    words = words_of_run(read_events(write_run(tmp_path, "01", "01", rows)), "tale", "01", **EVENTS)
    assert words["text"].tolist() == ["Ready?", "The", "end."]
    assert words["is_word"].tolist() == [False, True, True]
    assert words["sentence"].tolist() == [-1, 0, 0]
    assert words["item"].tolist() == [0, 1, 2]
    assert words["value"].tolist() == ["3", "1", "1"]


def test_words_table_runs_on_over_runs_and_takes_the_first_subjects_onsets(tmp_path):
    for subject, first in (("01", 1.0), ("02", 2.5)):
        write_run(tmp_path, subject, "01", rows_of(["+", "One", "day"], first))
        write_run(tmp_path, subject, "02", rows_of(["+", "it", "rained.", "Then", "sun."], first))
    words = study_words(tmp_path, ["01", "02"], ["01", "02"])
    assert words["item"].tolist() == list(range(8))
    assert words["run"].tolist() == ["01"] * 3 + ["02"] * 5
    assert words["sentence"].tolist() == [-1, 0, 0, -1, 0, 0, 1, 1]
    assert words["onset"].tolist()[:4] == [1.0, 1.5, 2.0, 1.0]
    assert "value" not in words


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        (
            ["+", "One", "night"],
            "item 3: expected the word 'day' as for subject 01, found the word",
        ),
        (["One", "+", "day"], r"item 1: expected the non-word '\+' .* found the word 'One'"),
        (["+", "One"], r"item 3: .* found no more items \(3 items against 2\)"),
        (["+", "One", "day", "it"], "item 4: expected no more items .* found the word 'it'"),
    ],
)
def test_a_subject_who_saw_something_else_is_named(tmp_path, shown, message):
    write_run(tmp_path, "01", "01", rows_of(["+", "One", "day"]))
    write_run(tmp_path, "02", "01", rows_of(shown))
    with pytest.raises(LmbrainError, match=f"Subject 02, run 01, {message}"):
        study_words(tmp_path, ["01", "02"], ["01"])


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (["soon\t0.4\tword\t1\tOne"], HEADER, "row 1: onset is 'soon', not a number"),
        (["n/a\t0.4\tword\t1\tOne"], HEADER, "row 1: a text without an onset"),
        (["1\t0.4\tword\t1\tOne\tmore"], HEADER, "row 1: expected 5 fields .* found 6"),
        (
            ["1\t0\tword\t1\tOne", "2\t0\tword\t1\tday\tx\ty"],
            HEADER,
            "row 2: expected 5 .* found 7",
        ),
        (["1\t0.4\tword\t1"], HEADER, "row 1: expected 5 fields .* found 4"),
        (["1\t0.4\tspoken\t1\tOne"], HEADER, "holds no word .a text with trial_type among"),
        (["1\t0.4"], "onset\tduration", "no column 'word'"),
        (["1\tOne"], "onset\tword", "no column 'duration'"),
    ],
)
def test_a_malformed_events_file_is_named_with_its_row(tmp_path, rows, header, message):
    path = write_run(tmp_path, "01", "01", rows, header)
    with pytest.raises(LmbrainError, match=message) as error:
        words_of_run(read_events(path), "tale", "01", **EVENTS)
    assert path.name in str(error.value)


def test_a_run_that_nobody_has_is_refused(tmp_path):
    settings = {"user_columns": []} | EVENTS
    with pytest.raises(LmbrainError, match=r"data\.missing leaves nobody for run 01"):
        words_table(
            tmp_path,
            ["01"],
            read_in(["01"]),
            alone(["01"]),
            {"01": ["01"]},
            "tale",
            None,
            **settings,
        )


def test_people_may_lack_runs(tmp_path):
    write_run(tmp_path, "01", "02", rows_of(["it", "rained."], 2.0))
    write_run(tmp_path, "02", "01", rows_of(["One", "day"], 3.0))
    write_run(tmp_path, "02", "02", rows_of(["it", "rained."], 4.0))
    settings = {"user_columns": []} | EVENTS
    recordings = read_in(["01", "02"])
    once = alone(["01", "02"])
    words = words_table(
        tmp_path, ["01", "02"], recordings, once, {"01": ["01"]}, "tale", None, **settings
    )
    assert words["onset"].tolist() == [3.0, 3.5, 2.0, 2.5]
    with pytest.raises(LmbrainError, match=r"sub-01_task-read_run-01_events\.tsv does not exist"):
        words_table(tmp_path, ["01", "02"], recordings, once, {}, "tale", None, **settings)


def test_every_value_of_an_entity_may_be_a_story_of_its_own(tmp_path):
    write_run(tmp_path, "01", "1", rows_of(["One", "day"]))
    write_run(tmp_path, "01", "2", rows_of(["it", "rained."]))
    words = study_words(tmp_path, ["01"], ["1", "2"], story_per="run")
    assert words["story"].tolist() == ["tale_1", "tale_1", "tale_2", "tale_2"]
    assert words["sentence"].tolist() == [0, 0, 1, 1]
    joined = study_words(tmp_path, ["01"], ["1", "2"])
    assert joined["sentence"].tolist() == [0, 0, 0, 0]
    paused = study_words(tmp_path, ["01"], ["1", "2"], sentence_pause=0.05)
    assert paused["sentence"].tolist() == [0, 1, 2, 3]


TALE = [f"word{i}" for i in range(60)]


@pytest.mark.parametrize(
    ("first", "second", "begin"),
    [
        (["+", *TALE], [*TALE, "Again."], "word0 word1"),
        (TALE, ["Again:", *TALE], "word0 word1"),
        (TALE, ["A", "new", "opening.", *TALE[20:50]], "word20 word21"),
        (["+", "One", "day."], ["one", "DAY."], "one day."),
    ],
)
def test_a_story_presented_twice_is_refused_with_both_runs(tmp_path, first, second, begin):
    write_run(tmp_path, "01", "1", rows_of(first))
    write_run(tmp_path, "01", "2", rows_of(["Then", "came", "sun."]))
    write_run(tmp_path, "01", "3", rows_of(second, 2.0))
    for story_per in (None, "run"):
        with pytest.raises(
            LmbrainError, match=rf"Runs 1 and 3 present the same words \(from {begin}"
        ):
            study_words(tmp_path, ["01"], ["1", "2", "3"], story_per=story_per)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["The", "old", "man"], ["The"]),
        (["The", "old", "man"], ["The", "old", "sea", "was"]),
        (TALE, [*TALE[:29], "and", *TALE[31:60]]),
    ],
)
def test_runs_that_share_a_few_words_are_no_repeats(tmp_path, first, second):
    write_run(tmp_path, "01", "1", rows_of(first))
    write_run(tmp_path, "01", "2", rows_of(second))
    assert len(study_words(tmp_path, ["01"], ["1", "2"])) == len(first) + len(second)


def test_a_story_presented_again_is_in_the_table_once_after_a_comparison(tmp_path):
    tale = ["+", "One", "day", "it", "rained."]
    write_run(tmp_path, "01", "1", rows_of(tale, 1.0))
    write_run(tmp_path, "01", "3", rows_of(tale, 5.0))
    write_run(tmp_path, "02", "3", rows_of(tale, 7.0))
    write_run(tmp_path, "01", "2", rows_of(["Then", "sun."]))
    write_run(tmp_path, "02", "2", rows_of(["Then", "sun."]))
    settings = {"story_per": None, "user_columns": []} | EVENTS
    people, runs, twice = ["02", "01"], read_in(["1", "2", "3"]), {"1": ["1", "3"], "2": ["2"]}
    words = words_table(tmp_path, people, runs, twice, {"02": ["1"]}, "tale", **settings)
    assert words["run"].tolist() == ["1"] * 5 + ["2"] * 2
    assert words["onset"].tolist()[:2] == [1.0, 1.5], "of the first presentation that there is"
    write_run(tmp_path, "02", "3", rows_of([*tale[:-1], "snowed."], 7.0))
    with pytest.raises(
        LmbrainError,
        match=r"Subject 02, run 3, item 5: expected the word 'rained.' as for subject 01 in run 1",
    ):
        words_table(tmp_path, people, runs, twice, {"02": ["1"]}, "tale", **settings)


RATED = f"{HEADER}\tvalence"


def rated(items: list[str], values: list[str]) -> list[str]:
    return [f"{row}\t{value}" for row, value in zip(rows_of(items), values, strict=True)]


def test_user_columns_are_kept_as_text_and_no_others(tmp_path):
    for subject, cross in (("01", "n/a"), ("02", "0")):  # of items that are no words any value
        write_run(tmp_path, subject, "01", rated(["+", "One", "day"], [cross, "1.5", "-2"]), RATED)
    words = study_words(tmp_path, ["01", "02"], ["01"], user_columns=["valence"])
    assert words["valence"].tolist() == ["n/a", "1.5", "-2"]
    assert "valence" not in study_words(tmp_path, ["01", "02"], ["01"])


def test_a_user_column_that_is_missing_taken_or_differs_between_subjects_stops(tmp_path):
    write_run(tmp_path, "01", "01", rated(["+", "One", "day"], ["0", "1.5", "-2"]), RATED)
    write_run(tmp_path, "02", "01", rated(["+", "One", "day"], ["0", "1.5", "-3"]), RATED)
    with pytest.raises(LmbrainError, match=r"events\.tsv has no column 'arousal' \(it has onset"):
        study_words(tmp_path, ["01"], ["01"], user_columns=["arousal"])
    for taken in ("onset", "value"):
        with pytest.raises(LmbrainError, match=f"'{taken}', which the words table fills itself"):
            study_words(tmp_path, ["01"], ["01"], user_columns=[taken])
    with pytest.raises(
        LmbrainError, match=r"Subject 02, run 01, item 3: valence is '-3', but '-2' for subject 01"
    ):
        study_words(tmp_path, ["01", "02"], ["01"], user_columns=["valence"])
