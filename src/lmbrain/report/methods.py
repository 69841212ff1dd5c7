"""The report's last section: formulas, tests and their limits, and what made every file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmbrain.report.blocks import Block, Fold, Formulas, Listing, Section, Table
from lmbrain.report.wording import count, number


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
        Of each stage, what its files say about their limits; equal notes are shown once.
    inputs
        SHA-256 of each input of the page, by path.
    """
    said = [
        f"{stage}: {note}"
        for stage, found in notes.items()
        for note in dict.fromkeys(found)
        if note
    ]
    blocks: list[Block] = [
        Formulas(),
        Listing("Tests and the smallest p they can give", floors(config, people)),
        Listing("What the files say about their limits", said or ["Nothing was noted."]),
        Fold("Files this page was made from", [_files(inputs)]),
    ]
    verdict = (
        f"{count(len(said), 'note')} from the stages limit what can be concluded."
        if said
        else "No stage noted anything that limits what can be concluded."
    )
    return Section("methods", "Methods and limits", verdict, blocks)


def floors(config: Mapping[str, Any], people: int) -> list[str]:
    """Each test of the study and the smallest p-value it can give."""
    chance, ideas = config["significance"], config["hypotheses"]["resamples"]
    how = {
        "circular_shift": "predictions shifted circularly inside each test fold",
        "permute_words": "words permuted as published (ignores autocorrelation)",
    }[chance["method"]]
    lines = [
        f"Encoding against chance: {how}, {chance['resamples']:,} times, corrected by the maximum "
        f"over sensors and bins; p at least {number(1 / (chance['resamples'] + 1), 5)}.",
        f"Hypotheses: group labels exchanged between sentences, {ideas:,} times, Holm; p at least "
        f"{number(1 / (ideas + 1), 5)} before correction.",
    ]
    if config["finetuning"]["domains"]:
        flips = config["evaluation"]
        unit = {
            "blocks": f"signs of blocks of {flips['block']:g} words flipped",
            "words": "words permuted as published (ignores autocorrelation)",
        }[flips["unit"]]
        lines.append(
            f"Tuned against base: {unit}, {flips['resamples']:,} times; p at least "
            f"{number(1 / (flips['resamples'] + 1), 5)}."
        )
        if people > 1:
            lines.append(
                f"Across people: signs of {people} people flipped; p at least "
                f"{number(max(1 / 2**people, 1 / (flips['resamples'] + 1)), 4)}."
            )
    return lines


def _files(inputs: Mapping[str, str]) -> Table:
    rows = [[path, digest[:16]] for path, digest in inputs.items()]
    caption = (
        "SHA-256 (first 16 digits) of every file that this page reads. Each of them names in the "
        "same way the inputs, settings and package versions that made it (attribute or key "
        "made_by; for tables and hypotheses in the .json beside them)."
    )
    return Table(["file", "SHA-256"], rows, caption, text_columns=2)
