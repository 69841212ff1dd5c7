"""The report's section on hypotheses: what they say, how they were tested, which sentences."""

from __future__ import annotations

import pandas as pd

from lmbrain.hypotheses.groups import CONVERGENT, DIVERGENT, RESEARCH, VALIDATION
from lmbrain.report.blocks import Block, Cell, Fold, Listing, Section, Table, Text
from lmbrain.report.wording import LEVEL, count, number, p_value, signed


def section(ranked: pd.DataFrame, groups: pd.DataFrame, shown: int) -> Section:
    """Describe the ranked hypotheses.

    Parameters
    ----------
    ranked
        From `lmbrain.hypotheses.validity.rank`.
    groups
        From `lmbrain.hypotheses.groups.choose_groups`.
    shown
        Hypotheses listed at most.
    """
    blocks: list[Block] = [Text(_how(groups))]
    if len(ranked):
        top = ranked.head(shown)
        blocks.append(_table(top, len(ranked)))
        texts = groups.set_index("sentence")["text"]
        blocks += [_evidence(row, texts) for row in top.to_dict("records")]
    return Section("hypotheses", "Hypotheses", _verdict(ranked), blocks)


def _verdict(ranked: pd.DataFrame) -> str:
    if ranked.empty:
        return (
            "No hypothesis was proposed: on the research half nothing set the divergent sentences "
            "apart clearly enough. That is a result, not an error."
        )
    held = ranked[ranked["p_corrected"] < LEVEL]
    partial = int((ranked["p_partial_corrected"] < LEVEL).sum())
    proposed = count(len(ranked), "hypothesis", "hypotheses")
    text = f"{proposed} proposed; {len(held) or 'none'} held on other sentences"
    text += f" (corrected p < {LEVEL:g})"
    text += f", {partial or 'none'} when all are weighed in one regression."
    if len(held):
        best = held.iloc[0]
        words, size = best["text"].rstrip("."), signed(best["validity"], 2)
        text += f" The strongest: \u201c{words}\u201d (V\u2032 {size})."
    return text


def _how(groups: pd.DataFrame) -> str:
    def size(half: str, group: str) -> int:
        return int(((groups["half"] == half) & (groups["group"] == group)).sum())

    return (
        f"The story was cut into {groups['block'].nunique()} blocks that take turns: the "
        f"{size(RESEARCH, DIVERGENT)} most and {size(RESEARCH, CONVERGENT)} least divergent "
        "sentences of one half proposed the hypotheses, the "
        f"{size(VALIDATION, DIVERGENT)} most and {size(VALIDATION, CONVERGENT)} least divergent "
        "of the other half tested them, so no hypothesis is tested on what suggested it."
    )


def _table(top: pd.DataFrame, total: int) -> Table:
    rows = []
    for row in top.to_dict("records"):
        strong = bool(row["p_corrected"] < LEVEL)
        rows.append(
            [
                Cell(f"{row['rank']:.0f}. {row['text']}", strong=strong),
                signed(row["validity"], 2),
                number(row["se"], 2),
                p_value(row["p"]),
                Cell(p_value(row["p_corrected"]), strong=strong),
                signed(row["z_partial"], 1),
                p_value(row["p_partial_corrected"]),
                p_value(row["p_published"]),
            ]
        )
    left_out = f" {total - len(top)} more are in ranked.tsv." if total > len(top) else ""
    caption = (
        "V\u2032: mean score of the divergent minus the convergent validation sentences. p: "
        "one-sided, labels exchanged between sentences; corrected by Holm over all hypotheses "
        f"(bold: below {LEVEL:g}). z, partial: regression of all validation sentences' "
        "divergence on all hypotheses at once, which does not suffer when several kinds of "
        "sentences compete for the top group. Published p: Student t, uncorrected, for comparison."
        + left_out
    )
    columns = ["hypothesis", "V\u2032", "SE", "p", "p corrected"]
    columns += ["z, partial", "p partial, corrected", "published p"]
    return Table(columns, rows, caption)


def _evidence(row: dict, texts: pd.Series) -> Fold:
    def sentences(ids: str) -> list[str]:
        return [texts[int(i)] for i in ids.split(",") if i] or ["none"]

    means = f"mean score {number(row['mean_a'], 2)} against {number(row['mean_b'], 2)}"
    summary = f"{row['rank']:.0f}. Evidence: {row['text']} ({means})"
    return Fold(
        summary,
        [
            Listing("For: divergent sentences that show it", sentences(row["examples_for"])),
            Listing(
                "Against: convergent sentences that show it, too",
                sentences(row["examples_against"]),
            ),
        ],
    )
