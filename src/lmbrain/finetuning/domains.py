"""Multiple-choice sets of the fine-tuning domains: Social IQa, Fig-QA and PIQA.

Sources: Social IQa (Sap et al. 2019), Fig-QA (Liu et al. 2022), PIQA (Bisk et al. 2020).
"""

from __future__ import annotations

import csv
import json
import logging
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmbrain.errors import LmbrainError

logger = logging.getLogger(__name__)

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class ChoiceItem:
    """One question: the prompt, the options that may follow it, index of the right one."""

    prompt: str
    options: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class Form:
    """Columns of a set, and the names its files have.

    Attributes
    ----------
    fields
        Columns that a prompt may use.
    options
        Columns of the options.
    label
        Column of the right option.
    first_label
        Label of the first option, 0 or 1.
    train, validation
        File names looked for in a folder, the first one found is read.
    hub_files
        File of each split on the hub, where the hub's own choice is wrong.
    """

    fields: tuple[str, ...]
    options: tuple[str, ...]
    label: str
    first_label: int
    train: tuple[str, ...]
    validation: tuple[str, ...]
    hub_files: Mapping[str, str] | None = None


FORMS: Mapping[str, Form] = {
    "social_iqa": Form(
        fields=("context", "question"),
        options=("answerA", "answerB", "answerC"),
        label="label",
        first_label=1,
        train=("train.jsonl",),
        validation=("validation.jsonl", "dev.jsonl"),
    ),
    # train_xl.csv holds the rows of the smaller training files, too. The hub's own train split
    # joins all three, and its column types differ between files.
    "figqa": Form(
        fields=("startphrase",),
        options=("ending1", "ending2"),
        label="labels",
        first_label=0,
        train=("train_xl.csv", "train.csv"),
        validation=("validation.csv", "dev.csv"),
        hub_files={"train": "train_xl.csv", "validation": "dev.csv"},
    ),
    "piqa": Form(
        fields=("goal",),
        options=("sol1", "sol2"),
        label="label",
        first_label=0,
        train=("train.jsonl",),
        validation=("validation.jsonl", "valid.jsonl"),
    ),
}


def read_choice_set(
    form: str, source: str | Path, prompt: str
) -> tuple[list[ChoiceItem], list[ChoiceItem]]:
    """Read the training and validation items of a multiple-choice set.

    Parameters
    ----------
    form
        `social_iqa`, `figqa` or `piqa`: which columns there are (see `FORMS`).
    source
        A folder with the set's files, or an id on the Hugging Face hub. Labels are a column, or
        lie beside ``x.jsonl`` in ``x-labels.lst``, one a line.
    prompt
        How the fields are joined before each option, such as ``{context} {question}``.

    Returns
    -------
    train, validation : list of ChoiceItem
        Prompts and options without white space at their ends; no prompt or option is empty.

    Raises
    ------
    LmbrainError
        If the form or a field of the prompt is unknown, the source cannot be read, or a row lacks
        a column, has an empty prompt or option, or a label that names no option.
    """
    if form not in FORMS:
        raise LmbrainError(
            f"A choice set has the unknown form {form!r}; use one of {', '.join(FORMS)}."
        )
    _check_prompt(prompt, form)
    if Path(source).is_dir():
        splits = _folder_splits(form, Path(source))
    elif HUB_ID.fullmatch(str(source)):
        splits = _hub_splits(form, str(source))
    else:
        raise LmbrainError(
            f"The source {str(source)!r} of a {form} set is neither a folder nor a hub id "
            "(owner/name); make the folder or correct finetuning.sets."
        )
    train, validation = (_items(form, name, rows, prompt) for name, rows in splits)
    return train, validation


def _check_prompt(prompt: str, form: str) -> None:
    allowed = FORMS[form].fields
    try:
        used = [name for _, name, _, _ in string.Formatter().parse(prompt) if name is not None]
    except ValueError as error:
        raise LmbrainError(
            f"The prompt {prompt!r} of a {form} set is malformed ({error}); "
            "write {field} for each field."
        ) from None
    wrong = [name for name in used if name not in allowed]
    if wrong or not used:
        problem = f"names the unknown field {wrong[0]!r}" if wrong else "names no field"
        raise LmbrainError(
            f"The prompt {prompt!r} of a {form} set {problem}; "
            f"use {' and '.join(f'{{{name}}}' for name in allowed)}."
        )


def _items(
    form: str, name: str, rows: Sequence[Mapping[str, Any]], prompt: str
) -> list[ChoiceItem]:
    if not rows:
        raise LmbrainError(f"{name} holds no rows; a {form} set needs items in both splits.")
    return [
        _item(FORMS[form], f"{name}, row {number}", row, prompt)
        for number, row in enumerate(rows, 1)
    ]


def _item(columns: Form, place: str, row: Mapping[str, Any], prompt: str) -> ChoiceItem:
    for column in (*columns.fields, *columns.options, columns.label):
        if row.get(column) is None:
            raise LmbrainError(f"{place} lacks the column {column!r}; complete or delete the row.")
    fields = {column: str(row[column]).strip() for column in columns.fields}
    item = ChoiceItem(
        prompt=prompt.format(**fields).strip(),
        options=tuple(str(row[column]).strip() for column in columns.options),
        label=_label(row[columns.label], columns, place),
    )
    if not item.prompt:
        raise LmbrainError(f"{place} gives an empty prompt; complete or delete the row.")
    if "" in item.options:
        column = columns.options[item.options.index("")]
        raise LmbrainError(f"{place} has an empty option {column!r}; complete or delete the row.")
    return item


def _label(value: Any, columns: Form, place: str) -> int:
    allowed = [str(columns.first_label + i) for i in range(len(columns.options))]
    if isinstance(value, bool) or str(value).strip() not in allowed:
        raise LmbrainError(
            f"{place} has the label {value!r}, not one of {', '.join(allowed)}; "
            "use a split whose answers are published, or correct the row."
        )
    return int(value) - columns.first_label


def _folder_splits(form: str, folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for names in (FORMS[form].train, FORMS[form].validation):
        path = next((folder / name for name in names if (folder / name).is_file()), None)
        if path is None:
            raise LmbrainError(
                f"{folder} holds no {' or '.join(names)}; put that file of the {form} set there."
            )
        logger.info("reading %s", path)
        yield str(path), _rows(path, FORMS[form].label)


def _rows(path: Path, label: str) -> list[dict[str, Any]]:
    try:
        rows = _csv_rows(path) if path.suffix == ".csv" else _json_rows(path)
    except UnicodeDecodeError as error:
        raise LmbrainError(f"{path} is no UTF-8 text ({error}); convert it.") from None
    beside = path.with_name(f"{path.stem}-labels.lst")
    if not beside.is_file():
        return rows
    labels = beside.read_text(encoding="utf-8-sig").split()
    if len(labels) != len(rows):
        raise LmbrainError(
            f"{beside} holds {len(labels)} labels for {len(rows)} rows of {path.name}; "
            "fetch both files again."
        )
    if any(label in row for row in rows):
        raise LmbrainError(
            f"{path} has a column {label!r} although {beside.name} gives the labels; delete one."
        )
    return [row | {label: value} for row, value in zip(rows, labels, strict=True)]


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for number, row in enumerate(rows, 1):
        if None in row:
            raise LmbrainError(
                f"{path}, row {number} has more cells than the header; "
                "quote the cells that hold a comma."
            )
    return rows


def _json_rows(path: Path) -> list[dict[str, Any]]:
    rows = []
    # Only \n ends a row: texts may hold the other characters that str.splitlines would cut at.
    lines = path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise LmbrainError(
                f"{path}, row {number} is no JSON ({error}); fetch the file again."
            ) from None
        if not isinstance(row, dict):
            raise LmbrainError(
                f"{path}, row {number} is no JSON object; write one object of columns a line."
            )
        rows.append(row)
    return rows


def _hub_splits(form: str, hub_id: str) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    import datasets

    columns = FORMS[form]
    try:
        loaded = datasets.load_dataset(hub_id, data_files=columns.hub_files)
    # OSError: no network, no such set; ValueError: not in the cache; RuntimeError: it is a script.
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise LmbrainError(
            f"The {form} set {hub_id!r} could not be fetched from the Hugging Face hub "
            f"({type(error).__name__}: {str(error).splitlines()[0]}); go online once, or put "
            f"{columns.train[0]} and {columns.validation[-1]} with their labels into a folder and "
            "give that folder as the set's source in finetuning.sets."
        ) from error
    for split in ("train", "validation"):
        if split not in loaded:
            raise LmbrainError(
                f"The hub's {hub_id!r} has no split {split!r} (it has {', '.join(loaded)}); "
                "use another id, or a folder with the set's files."
            )
        yield f"{hub_id}, split {split}", list(loaded[split])
