"""The report's section on divergence: the story shaded, the top sentences, what scores follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from lmbrain.report.blocks import (
    Block,
    Cell,
    Fold,
    Section,
    ShadedSentence,
    ShadedWord,
    Story,
    Table,
    Text,
)
from lmbrain.report.wording import count, measure, number, percent, plain, signed

LEVELS = 8  # steps of shade
DARKEST = 0.98  # quantile of the words' scores at which the shade ends
TOP = 12  # sentences listed
# Spearman correlations from which the words of the verdict are chosen.
REPEATS, HARDLY = 0.3, 0.1
FOLLOWS = 0.5
RELIABILITY = ("split_half", "person_mean", "person_lowest", "person_highest")


def section(
    words: pd.DataFrame,
    scores: pd.DataFrame,
    sentences: pd.DataFrame,
    diagnostics: pd.DataFrame,
    made: Mapping[str, Any],
    window: Mapping[str, float],
) -> Section:
    """Describe the divergence of words and sentences.

    Parameters
    ----------
    words
        The words table.
    scores
        Word scores, a row an item: `divergence` (the ranking measure) and all measures.
    sentences
        Sentence scores, with `divergence`.
    diagnostics
        From `lmbrain.divergence.divergence_diagnostics`, with `ranks`.
    made
        Provenance of the word scores: `measure` that ranks and `note`.
    window
        `start` and `stop` in seconds after onset.
    """
    ranking = str(made["measure"])
    blocks: list[Block] = [
        Text(
            f"Sentences are ranked by the {measure(ranking)}, {window['start']:g} to "
            f"{window['stop']:g} s after word onset, in variances of the training responses, held "
            "out. High: the brains share something that the model's prediction "
            "lacks (squared error, however, is mostly the response's own energy)."
        )
    ]
    if made["note"]:
        blocks.append(Text(str(made["note"]), warning=True))
    blocks.append(shaded_story(words, scores["divergence"], sentences))
    blocks.append(_top(sentences))
    main = ~diagnostics["measure"].str.endswith(("_relative", "_adjusted"))
    blocks.append(_diagnostics(diagnostics[main]))
    if not main.all():
        caption = "The same for scores relative to the shared response, and for adjusted scores."
        more = _diagnostics(diagnostics[~main], caption)
        blocks.append(Fold("Relative and adjusted scores", [more]))
    verdict = _verdict(scores, sentences, diagnostics, ranking)
    return Section("divergence", "Divergence, word by word", verdict, blocks)


def _verdict(
    scores: pd.DataFrame, sentences: pd.DataFrame, diagnostics: pd.DataFrame, ranking: str
) -> str:
    row = diagnostics[diagnostics["measure"] == ranking].iloc[0]
    repeat, energy = float(row["split_half"]), float(row["response_energy"])
    scored = count(int(scores["divergence"].notna().sum()), "word")
    text = f"{scored} and {count(len(sentences), 'sentence')} scored by the {measure(ranking)}. "
    if not np.isfinite(repeat):
        text += "Whether the words' scores repeat across people cannot be told from so few; they "
    elif repeat < HARDLY:
        text += f"Single words' scores hardly repeat across people ({number(repeat, 2)}) and "
    elif repeat < REPEATS:
        text += f"Single words' scores repeat weakly across people ({number(repeat, 2)}) and "
    else:
        text += f"Single words' scores repeat across people ({number(repeat, 2)}) and "
    follow = "mostly follow" if abs(energy) >= FOLLOWS else "do not merely follow"
    return text + f"{follow} the energy of the response (correlation {signed(energy, 2)})."


def shade(values: np.ndarray, top: float) -> list[int | None]:
    """Levels 0 to LEVELS of scores: 0 for those at or below 0, LEVELS from `top` on."""
    share = np.clip(np.nan_to_num(values) / top, 0, 1) if top > 0 else np.zeros(len(values))
    levels = np.ceil(share * LEVELS).astype(int)
    finite = np.isfinite(values)
    return [int(level) if ok else None for level, ok in zip(levels, finite, strict=True)]


def shaded_story(words: pd.DataFrame, scores: pd.Series, sentences: pd.DataFrame) -> Story:
    """The story's items in order, sentence by sentence, shaded by their scores.

    Parameters
    ----------
    words
        The words table.
    scores
        A score an item; NaN for items without.
    sentences
        `sentence` and `divergence`; sentences that were too short are missing.
    """
    values = scores.to_numpy(float)
    darkest = _darkest(values)
    levels = shade(values, darkest)
    by_sentence = sentences.set_index("sentence")["divergence"]
    marks = shade(by_sentence.to_numpy(float), _darkest(by_sentence.to_numpy(float)))
    margin = dict(zip(by_sentence.index, marks, strict=True))
    shaded = []
    for number_, rows in _stretches(words["sentence"].to_numpy()):
        items = [
            ShadedWord(words["text"].iloc[i], levels[i], _tooltip(values[i], words, i))
            for i in rows
        ]
        scored = number_ in by_sentence.index
        title = (
            f"sentence {number_}: {by_sentence[number_]:+.3f}"
            if scored
            else f"sentence {number_}: too short to be ranked"
        )
        if number_ < 0:
            shaded.append(ShadedSentence(None, None, "", items))
        else:
            shaded.append(ShadedSentence(int(number_), margin.get(number_), title, items))
    caption = (
        "Every word as shown or heard, the darker the more the brains and the model's prediction "
        f"part ways (linear; no shade: 0 or below, darkest: the top {percent(1 - DARKEST)} of "
        "words). The bar beside each sentence shades its mean in the same way, on its own scale; "
        "grey words have no score. Pointing at a word shows its score."
    )
    return Story(shaded, LEVELS, "0 or less", f"{darkest:.2f} or more", caption)


def _darkest(values: np.ndarray) -> float:
    return float(np.nanquantile(values, DARKEST))


def _tooltip(value: float, words: pd.DataFrame, item: int) -> str:
    score = f"{value:+.3f}" if np.isfinite(value) else "no score"
    return f"item {words['item'].iloc[item]}: {score}"


def _stretches(sentence: np.ndarray) -> Iterator[tuple[int, range]]:
    """Runs of equal sentence numbers; a cross inside a sentence (-1) does not break it."""
    start = 0
    for end in range(1, len(sentence) + 1):
        if end < len(sentence) and sentence[end] in (sentence[start], -1):
            continue
        yield int(sentence[start]), range(start, end)
        start = end


def _top(sentences: pd.DataFrame) -> Table:
    ordered = sentences.sort_values("divergence", ascending=False, kind="stable")
    rows = [
        [row.text, str(row.sentence), f"{row.length:.0f}", number(row.divergence)]
        for row in ordered.head(TOP).itertuples()
    ]
    caption = (
        f"The {len(rows)} sentences of {len(sentences)} with the highest mean over their scored "
        "words. Ranks of single sentences are noisy: the hypotheses compare whole groups."
    )
    return Table(["sentence", "number", "scored words", "divergence"], rows, caption)


def _diagnostics(table: pd.DataFrame, caption: str | None = None) -> Table:
    followed = [c for c in table.columns if c not in ("measure", "ranks", *RELIABILITY)]
    rows = []
    for row in table.to_dict("records"):
        strong = bool(row["ranks"])
        cells = [Cell(measure(row["measure"]) + (" - ranks" if strong else ""), strong=strong)]
        cells += [Cell(signed(row[c], 2), shade=_finite(row[c]), strong=strong) for c in followed]
        cells.append(Cell(signed(row["split_half"], 2), strong=strong))
        rows.append([*cells, Cell(_over_people(row), strong=strong)])
    columns = ["measure", *map(plain, followed), "split halves", "each person"]
    caption = caption or (
        "What the words' scores follow: Spearman correlation of each measure with the energies of "
        "response, model's prediction and shared response, and with length, frequency and "
        "position of the word. A measure of divergence should follow none of them closely. Last "
        "columns: correlation between two halves of the people, stepped up to the whole group, and "
        "of each person with the others, mean and range over people. Measures that use the other "
        "people's prediction (gap, added by others, relative and adjusted scores) share data "
        "between the sides, so these two are biased for them."
    )
    return Table(columns, rows, caption)


def _over_people(row: Mapping[str, Any]) -> str:
    """Mean and range of the people's correlations with the others."""
    if not np.isfinite(row.get("person_mean", np.nan)):
        return "n/a"
    lowest, highest = signed(row["person_lowest"], 2), signed(row["person_highest"], 2)
    return f"{signed(row['person_mean'], 2)}\n[{lowest}, {highest}]"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
