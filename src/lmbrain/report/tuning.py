"""The report's section on the tuned models: task, brain, and whether the gain is their domain's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from lmbrain.inference.specificity import OWN_MINUS_OTHERS
from lmbrain.report import annotators
from lmbrain.report.blocks import Block, Cell, Picture, Section, Table, Text
from lmbrain.report.comparison import (
    COLUMNS,
    EXPLAINED,
    better_somewhere,
    gain_maps,
    plot_courses,
    window_cells,
    window_name,
)
from lmbrain.report.figures import COLOURS, WIDTH, draw
from lmbrain.report.wording import (
    count,
    gain_interval,
    names,
    number,
    p_value,
    plain,
)

if TYPE_CHECKING:
    import mne

MAPS = (
    "Where each tuned model predicts all words better (blue) or worse (orange) than the base "
    "model: difference in r, mean over the first window."
)
ALT = "Head maps of the tuned models' gain"


def section(
    histories: Mapping[str, pd.DataFrame],
    comparisons: Mapping[str, xr.Dataset],
    specificity: pd.DataFrame | None,
    info: mne.Info | None,
    agreement: pd.DataFrame | None = None,
) -> Section:
    """Describe the tuned models.

    Parameters
    ----------
    histories
        Of each domain, from `lmbrain.finetuning.training.finetune`.
    comparisons
        Of each domain, tuned against base, as the workflow's comparison writes them.
    specificity
        From `lmbrain.inference.specificity.specificity`; None without word categories.
    info
        Positions of the sensors; None draws no maps.
    agreement
        Of the word categories' annotators, from `lmbrain.datasets.annotators.agreement_table`;
        None where it is not known.
    """
    blocks: list[Block] = [_curves(histories, comparisons)]
    if info is not None:
        blocks.append(gain_maps({plain(d): c for d, c in comparisons.items()}, info, MAPS, ALT))
    blocks.append(_table(histories, comparisons))
    if specificity is not None:
        blocks.append(_heat_map(specificity))
    if agreement is not None:
        blocks.append(annotators.table(agreement))
    # One note a sentence, each once, naming the models that it is about.
    notes: dict[str, list[str]] = {}
    for domain, comparison in comparisons.items():
        for note in filter(None, dict.fromkeys(comparison.attrs["notes"].split("\n"))):
            notes.setdefault(note, []).append(plain(domain))
    blocks += [Text(f"{note} ({names(domains)})") for note, domains in notes.items()]
    verdict = _verdict(histories, comparisons, specificity)
    return Section("tuning", "Tuned against base models", verdict, blocks)


def best_row(history: pd.DataFrame) -> pd.Series:
    """The validation whose weights were kept: the lowest loss after any training."""
    return history.loc[history["validation_loss"].iloc[1:].idxmin()]


def _verdict(
    histories: Mapping[str, pd.DataFrame],
    comparisons: Mapping[str, xr.Dataset],
    specificity: pd.DataFrame | None,
) -> str:
    level = next(iter(comparisons.values())).attrs["level"]
    accuracy = [float(best_row(h)["validation_accuracy"]) for h in histories.values()]
    reached = " to ".join(dict.fromkeys(number(a, 2) for a in (min(accuracy), max(accuracy))))
    better = [plain(d) for d, c in comparisons.items() if better_somewhere(c)]
    text = f"Share of held-out questions answered after tuning: {reached}. Over all words, "
    text += _predicts_better(better, len(comparisons), level)
    if specificity is None:
        return text + " Without word categories, their own domains' words cannot be told apart."
    held = [_own(specificity, domain, level) for domain in comparisons]
    own = [plain(d) for d, h in zip(comparisons, held, strict=True) if h]
    text += f" Their own domain's words gain in {len(own)} of {len(comparisons)}"
    text += f" ({names(own)})" if own else ""
    contrast = specificity[specificity["category"] == OWN_MINUS_OTHERS]
    if len(contrast):
        more = int((contrast["p_corrected"] < level).sum())
        text += f", more than other domains' words in {more} of {len(contrast)}"
    return text + f" (corrected p < {level:g})."


def _predicts_better(better: Sequence[str], total: int, level: float) -> str:
    if not better:
        return "no tuned model is shown to predict the responses better than the base model."
    return (
        f"{len(better)} of {total} predict the responses better than the base model "
        f"({names(better)}; p < {level:g})."
    )


def _own(specificity: pd.DataFrame, domain: str, level: float) -> bool:
    row = (specificity["model"] == domain) & (specificity["category"] == domain)
    return bool((specificity.loc[row, "p_corrected"] < level).any())


def _curves(
    histories: Mapping[str, pd.DataFrame], comparisons: Mapping[str, xr.Dataset]
) -> Picture:
    def plot(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
        for i, history in enumerate(histories.values()):
            colour = COLOURS[i % len(COLOURS)]
            accuracy = history["validation_accuracy"]
            left.plot(history["step"], accuracy, "o-", color=colour, markersize=3)
        left.set_ylim(0, 1.03)
        left.set_xlabel("training step")
        left.set_ylabel("held-out questions answered")
        left.set_title("the task")
        plot_courses(right, {plain(domain): found for domain, found in comparisons.items()})
        right.set_title("the brain, mean over sensors")
        handles, labels = right.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))

    caption = (
        "Left: share of held-out multiple-choice questions answered rightly; step 0 is the base "
        "model. Right: r of the tuned model minus r of the base model, all words, mean over "
        "sensors (shaded: 95% interval over other words); above 0 the tuned model predicts "
        "better. Grey: the windows of the tests."
    )
    return draw(plot, (WIDTH, 3.4), caption, "Task accuracy and gain over time of tuned models")


def _table(histories: Mapping[str, pd.DataFrame], comparisons: Mapping[str, xr.Dataset]) -> Table:
    rows = []
    for domain, history in histories.items():
        best, found = best_row(history), comparisons[domain]
        task: list[str | Cell] = [
            plain(domain),
            number(float(history["validation_accuracy"].iloc[0]), 2),
            f"{number(float(best['validation_accuracy']), 2)}\nstep {best['step']:.0f}",
        ]
        for window in range(found.sizes["window"]):
            rows.append([*task, window_name(found, window), *window_cells(found, window)])
            task = ["", "", ""]
    caption = (
        "Each tuned model against the base model over all words, both fitted on the average "
        "response of all people. Accuracy of held-out questions before and after tuning. "
    )
    columns = ["model tuned on", "accuracy before", "after", "window", *COLUMNS]
    return Table(columns, rows, caption + EXPLAINED)


def _heat_map(specificity: pd.DataFrame) -> Table:
    categories = list(dict.fromkeys(specificity["category"]))
    largest = float(specificity["gain"].abs().max()) or 1.0
    cells = {(row.model, row.category): row for row in specificity.itertuples()}
    rows = []
    for model in dict.fromkeys(specificity["model"]):
        row: list[str | Cell] = [plain(model)]
        for category in categories:
            found = cells.get((model, category))
            if found is None:
                row.append("-")
                continue
            size = gain_interval(found.gain, found.ci_low, found.ci_high)
            text = f"{size}\np {p_value(found.p_corrected)}"
            row.append(
                Cell(
                    text,
                    strong=model == category,
                    shade=found.gain / largest,
                    title=count(int(found.n_words), "word"),
                )
            )
        rows.append(row)
    caption = (
        "Which words gain: rows are tuned models, columns annotated categories of words. Gain of "
        "a category's words over words of none (thousandths of the training variance, in the "
        "window), freed from length, frequency, position, capitals, names, punctuation and "
        "response energy, with 95% interval and p corrected over the whole table (one-sided, block "
        "sign flips). Bold: the model's own domain. Blue: gain, orange: loss."
    )
    return Table(["model", *map(plain, categories)], rows, caption)
