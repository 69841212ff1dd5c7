"""The report's section for simulated studies: what was found of what was planted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmbrain.report.blocks import Block, Cell, Fold, Section, Table
from lmbrain.report.scorecard import LEVEL
from lmbrain.report.wording import gain, measure, number, p_value, plain

SHADE_OF_CHANCE = 0.5  # AUC


def section(card: Mapping[str, Any]) -> Section:
    """Describe the scorecard (the content of scorecard.json)."""
    blocks: list[Block] = [_checks(card), _latents(card), _encoding(card), _divergence(card)]
    if card["tuning"]:
        blocks.append(_tuning(card))
    blocks.append(Fold("Time and memory of every rule", [_costs(card)]))
    return Section(
        "scorecard", "Scorecard: what was planted, what was found", _verdict(card), blocks
    )


def _verdict(card: Mapping[str, Any]) -> str:
    ranks = next((r for r in card["divergence"] if r["measure"] == card["measure"]), None)
    named = [domain for domain, text in card["named"].items() if text]
    parts = []
    if card["encoding"]:
        weaker = [r for r in card["encoding"] if r["planted"] <= r["elsewhere"]]
        found = len(card["encoding"]) - len(weaker)
        parts.append(
            f"encoding is better where something was planted than elsewhere for {found} of "
            f"{len(card['encoding'])} components"
        )
    if ranks is not None and ranks["words"] is not None:
        sentences = number(ranks["sentences"], 2)
        parts.append(
            f"divergence finds planted words with an AUC of {number(ranks['words'], 2)} (their "
            f"sentences {sentences}; chance 0.50)"
        )
    parts.append(f"hypotheses name {len(named)} of {len(card['named'])} planted domains")
    own = [row[f"p_{row['model']}"] for row in card["tuning"] if f"p_{row['model']}" in row]
    if own:
        held = sum(p < LEVEL for p in own)
        parts.append(f"{held} of {len(own)} tuned models gain on their own domain's words")
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:]


def _checks(card: Mapping[str, Any]) -> Table:
    rows = []
    for row in card["checks"]:
        right = row["found"] == row["expected"]
        verdict = "as planted" if right else ("missed" if row["expected"] else "false find")
        rows.append(
            [
                row["claim"],
                "yes" if row["expected"] else "no",
                Cell("yes" if row["found"] else "no", strong=not right),
                verdict,
                row["detail"],
            ]
        )
    caption = (
        "What the analysis should find in this cohort and what it found, each at the level 0.05. "
        "How often the tests behind these checks err is measured by the calibration "
        "(docs/calibration.md)."
    )
    return Table(["claim", "planted", "found", "verdict", "figures"], rows, caption, 2)


def _latents(card: Mapping[str, Any]) -> Table:
    rows = [
        [plain(domain), card["named"][domain] or "not named", number(r2)]
        for domain, r2 in card["latent_r2"].items()
    ]
    caption = (
        "Named by: the best ranked hypothesis that holds on held-out sentences and names the "
        "domain by a fixed list of words. Latent R2: how much of the planted latent the base "
        "features and controls predict, held out; near or below 0 the language model lacks it, so "
        "there is a divergence to find."
    )
    return Table(["planted domain", "named by", "latent R\N{SUPERSCRIPT TWO}"], rows, caption, 2)


def _encoding(card: Mapping[str, Any]) -> Table:
    rows = [
        [plain(row["component"]), number(row["planted"]), number(row["elsewhere"])]
        for row in card["encoding"]
    ]
    caption = (
        "Encoding: mean r of single people (controls + language model) in the sensors and window "
        "of each planted component, and where nothing predictable was planted. What the model "
        "lacks should be hard to predict, but components overlap in sensors and time, so that a "
        "domain's place also holds others' signal."
    )
    return Table(["component", "r where planted", "r elsewhere"], rows, caption)


def _divergence(card: Mapping[str, Any]) -> Table:
    domains = [key for key in (card["divergence"] or [{}])[0] if key.startswith("words_")]
    rows = []
    for row in card["divergence"]:
        strong = row["measure"] == card["measure"]
        name = measure(row["measure"]) + (" - ranks" if strong else "")
        cells = [Cell(name, strong=strong)]
        for key in ("words", "sentences", *domains):
            value = row[key]
            tint = None if value is None else 2 * (value - SHADE_OF_CHANCE)
            cells.append(Cell(number(value, 2), strong=strong, shade=tint))
        rows.append(cells)
    caption = (
        "AUC with which each measure of divergence finds the planted words, the sentences that "
        "hold any, and one domain's words against words of none (0.5 is chance). Bold: the "
        "measure that ranks the sentences."
    )
    columns = ["measure", "words", "sentences"]
    columns += [plain(key.removeprefix("words_")) for key in domains]
    return Table(columns, rows, caption)


def _tuning(card: Mapping[str, Any]) -> Table:
    categories = list(
        dict.fromkeys(
            key.removeprefix("gain_")
            for row in card["tuning"]
            for key in row
            if key.startswith("gain_")
        )
    )
    largest = max(
        (abs(row[f"gain_{c}"]) for row in card["tuning"] for c in categories if f"gain_{c}" in row),
        default=1.0,
    )
    rows = []
    for row in card["tuning"]:
        accuracy = f"{number(row['accuracy_before'], 2)} to {number(row['accuracy'], 2)}"
        cells: list[str | Cell] = [plain(row["model"]), accuracy]
        for category in categories:
            if f"gain_{category}" not in row:
                cells.append("-")
                continue
            size, p = row[f"gain_{category}"], row[f"p_{category}"]
            text = f"{gain(size)}\np {p_value(p)}"
            own = category == row["model"]
            cells.append(Cell(text, strong=own, shade=size / (largest or 1.0)))
        rows.append(cells)
    caption = (
        "Tuned models: accuracy of held-out questions before and after tuning, and gain over the "
        "base model on each domain's words (thousandths of the training variance; p corrected over "
        "the table). "
        "Bold: the model's own domain. Blue: gain, orange: loss."
    )
    return Table(["tuned on", "accuracy", *map(plain, categories)], rows, caption)


def _costs(card: Mapping[str, Any]) -> Table:
    ordered = sorted(card["costs"], key=lambda row: -row["seconds"])
    rows = [
        [
            row["rule"],
            str(row["jobs"]),
            f"{row['seconds']:.1f}",
            "n/a" if row["peak_mb"] is None else f"{row['peak_mb']:,}",
        ]
        for row in ordered
    ]
    total = sum(row["seconds"] for row in ordered)
    caption = (
        f"Snakemake's benchmarks: {total:,.0f} s of jobs in all (several run side by side), and "
        "the largest job's resident memory. n/a: the job ended before it was measured."
    )
    return Table(["rule", "jobs", "seconds", "MB"], rows, caption)
