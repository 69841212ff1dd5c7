"""Multiple-choice sets of the toy study, in the file forms of Social IQa, Fig-QA and PIQA.

Forms: Social IQa (Sap et al. 2019), Fig-QA (Liu et al. 2022), PIQA (Bisk et al. 2020). What the
items ask is in `lmbrain.simulation.choice_items`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from lmbrain.artefacts import atomic_path
from lmbrain.simulation.choice_items import Item, draw_items


def write_social_iqa(
    folder: str | Path,
    lexicon: pd.DataFrame,
    subjects: pd.DataFrame,
    neutral: pd.DataFrame,
    *,
    seed: int,
    n_train: int = 2000,
    n_validation: int = 300,
) -> None:
    """Write the social-emotional set: how good or bad is the feeling, three answers.

    Files: ``train.jsonl`` and ``validation.jsonl`` with ``context, question, answerA, answerB,
    answerC, label`` ("1" to "3"). The text before is in the field ``question``, so the prompt is
    ``{question} {context}``.

    Parameters
    ----------
    folder
        Where the files go; made if missing.
    lexicon, subjects, neutral
        Tables as `lmbrain.simulation.material` gives them.
    seed
        Seed of every draw.
    n_train, n_validation
        Number of items; no combination of frame and word is in both, each word is in training.
    """

    def write(path: Path, items: Sequence[Item]) -> None:
        _write_lines(
            path.with_suffix(".jsonl"),
            [
                {"context": item.prompt, "question": item.preamble}
                | dict(zip(("answerA", "answerB", "answerC"), item.options, strict=True))
                | {"label": str(item.label + 1)}
                for item in items
            ],
        )

    parts = draw_items(
        "social_emotional",
        lexicon,
        subjects,
        neutral,
        n_options=3,
        seed=seed,
        n_train=n_train,
        n_validation=n_validation,
    )
    _write_parts(folder, parts, write)


def write_figqa(
    folder: str | Path,
    lexicon: pd.DataFrame,
    subjects: pd.DataFrame,
    neutral: pd.DataFrame,
    *,
    seed: int,
    n_train: int = 2000,
    n_validation: int = 300,
) -> None:
    """Write the figurative set: how far is the verb meant literally, two answers.

    With an animate subject the answer is the literal one, else it grows with the verb's latent.
    Files: ``train.csv`` and ``validation.csv`` with ``startphrase, ending1, ending2, labels`` (0
    or 1); the prompt is ``{startphrase}``. Parameters as in `write_social_iqa`.
    """

    def write(path: Path, items: Sequence[Item]) -> None:
        with (
            atomic_path(path.with_suffix(".csv")) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as stream,
        ):
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow(("startphrase", "ending1", "ending2", "labels"))
            rows.writerows((_joined(item), *item.options, item.label) for item in items)

    parts = draw_items(
        "figurative",
        lexicon,
        subjects,
        neutral,
        n_options=2,
        seed=seed,
        n_train=n_train,
        n_validation=n_validation,
    )
    _write_parts(folder, parts, write)


def write_piqa(
    folder: str | Path,
    lexicon: pd.DataFrame,
    subjects: pd.DataFrame,
    neutral: pd.DataFrame,
    *,
    seed: int,
    n_train: int = 2000,
    n_validation: int = 300,
) -> None:
    """Write the physical set: how easily can a hand do it, two answers.

    Files: ``train.jsonl`` and ``validation.jsonl`` with ``goal, sol1, sol2``, the labels (0 or 1)
    in ``train-labels.lst`` and ``validation-labels.lst``; the prompt is ``{goal}``. Parameters as
    in `write_social_iqa`.
    """

    def write(path: Path, items: Sequence[Item]) -> None:
        _write_lines(
            path.with_suffix(".jsonl"),
            [
                {"goal": _joined(item), "sol1": item.options[0], "sol2": item.options[1]}
                for item in items
            ],
        )
        with atomic_path(path.with_name(f"{path.name}-labels.lst")) as temporary:
            temporary.write_text("".join(f"{item.label}\n" for item in items), encoding="utf-8")

    parts = draw_items(
        "physical",
        lexicon,
        subjects,
        neutral,
        n_options=2,
        seed=seed,
        n_train=n_train,
        n_validation=n_validation,
    )
    _write_parts(folder, parts, write)


def _write_parts(
    folder: str | Path,
    parts: tuple[list[Item], list[Item]],
    write: Callable[[Path, Sequence[Item]], None],
) -> None:
    for name, items in zip(("train", "validation"), parts, strict=True):
        write(Path(folder) / name, items)


def _joined(item: Item) -> str:
    return f"{item.preamble} {item.prompt}".strip()


def _write_lines(path: Path, records: Sequence[Mapping[str, str]]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(
            "".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8"
        )
