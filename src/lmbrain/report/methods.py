"""The report's last section: formulas, tests and their limits, and what made every file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmbrain.report.blocks import Block, Fold, Formulas, Listing, Section, Table
from lmbrain.report.wording import count, names


def section(
    config: Mapping[str, Any],
    people: int,
    notes: Mapping[str, Sequence[str]],
    inputs: Mapping[str, str],
) -> Section:
    """Describe the methods.

    Parameters
    ----------
    config
        The whole configuration.
    people
        People analysed.
    notes
        Of each stage, what its files say about their limits; equal notes are shown together.
    inputs
        SHA-256 of each input of the page, by path.
    """
    stages: dict[str, list[str]] = {}
    for stage, found in notes.items():
        for note in filter(None, dict.fromkeys(found)):
            stages.setdefault(note, []).append(stage)
    said = [f"{names(where)}: {note}" for note, where in stages.items()]
    blocks: list[Block] = [
        Formulas(),
        Listing("Tests and the smallest p they can give", floors(config, people)),
        Listing("What the files say about their limits", said or ["Nothing was noted."]),
        Fold("Files this page was made from", [_files(inputs)]),
    ]
    verdict = (
        f"What limits the conclusions: {count(len(said), 'note')} from the stages, listed below."
        if said
        else "No stage noted anything that limits what can be concluded."
    )
    return Section("methods", "Methods and limits", verdict, blocks)


def floors(config: Mapping[str, Any], people: int) -> list[str]:
    """Each test of the study and the smallest p-value it can give."""
    chance, ideas = config["significance"], config["hypotheses"]["resamples"]
    how = {
        "flip_blocks": "signs of blocks of words flipped",
        "circular_shift": "predictions shifted circularly inside each test fold",
        "permute_words": "words permuted as published (ignores autocorrelation)",
    }[chance["method"]]
    lines = [
        f"Encoding against chance: {how}, {chance['resamples']:,} times, corrected by the maximum "
        f"over sensors and bins; p at least {_smallest(chance['resamples'])}.",
        f"Hypotheses: group labels exchanged between sentences, {ideas:,} times, Holm; p at least "
        f"{_smallest(ideas)} before correction.",
    ]
    flips = config["evaluation"]
    unit = {
        "blocks": "jackknife over folds, signs of blocks of words flipped",
        "words": "words permuted as published (ignores autocorrelation and refitting)",
    }[flips["unit"]]
    lines.append(
        f"Comparison of two models: {unit}, {flips['resamples']:,} times; p at least "
        f"{_smallest(flips['resamples'])} at a sensor and bin, Student's t in a window."
    )
    if config["finetuning"]["domains"]:
        lines.append(
            f"Word categories: signs of blocks of words flipped, {flips['resamples']:,} times; p "
            f"at least {_smallest(flips['resamples'])}."
        )
    if people > 1:
        lines.append(
            f"Across people: signs of {people} people flipped; p at least "
            f"{_smallest(min(2**people - 1, flips['resamples']))}."
        )
    lines.append("Fewer blocks than 10 or so raise these floors; notes say so where it matters.")
    return lines


def _smallest(resamples: int) -> str:
    return f"{1 / (resamples + 1):.2g}"


def _files(inputs: Mapping[str, str]) -> Table:
    rows = [[path, digest[:16]] for path, digest in inputs.items()]
    caption = (
        "SHA-256 (first 16 digits) of every file that this page reads. Each of them names in the "
        "same way the inputs, settings and package versions that made it (attribute or key "
        "made_by; for tables and hypotheses in the .json beside them)."
    )
    return Table(["file", "SHA-256"], rows, caption, text_columns=2)
