"""The report's section on the tuned models: task, brain, and whether the gain is their domain's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from scipy import stats

from lmbrain.inference.specificity import OWN_MINUS_OTHERS
from lmbrain.report.blocks import Block, Cell, Picture, Section, Table, Text
from lmbrain.report.figures import (
    COLOURS,
    FAINT,
    WIDTH,
    draw,
    sensor_layouts,
    topographies,
)
from lmbrain.report.wording import (
    LEVEL,
    count,
    gain_interval,
    names,
    number,
    p_value,
    plain,
    signed,
)

if TYPE_CHECKING:
    import mne
    from matplotlib.axes import Axes

UNIT = "1/1000 training variance"


def section(
    histories: Mapping[str, pd.DataFrame],
    comparisons: Mapping[str, xr.Dataset],
    specificity: pd.DataFrame | None,
    info: mne.Info | None,
    window: Mapping[str, float],
) -> Section:
    """Describe the tuned models.

    Parameters
    ----------
    histories
        Of each domain, from `lmbrain.finetuning.training.finetune`.
    comparisons
        Of each domain: `effect`, `effect_people`, `p_fwe` ... of tuned against base.
    specificity
        From `lmbrain.inference.specificity.specificity`; None without word categories.
    info
        Positions of the sensors; None draws no maps.
    window
        `start` and `stop` of the evaluation in seconds after onset.
    """
    blocks: list[Block] = [_curves(histories, comparisons, window)]
    if info is not None:
        blocks.append(_maps(comparisons, info, window))
    blocks.append(_table(histories, comparisons, window))
    if specificity is not None:
        blocks.append(_heat_map(specificity))
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
    accuracy = [float(best_row(h)["validation_accuracy"]) for h in histories.values()]
    reached = " to ".join(dict.fromkeys(number(a, 2) for a in (min(accuracy), max(accuracy))))
    better = [plain(d) for d, c in comparisons.items() if c.attrs["window_p"] < LEVEL]
    text = f"Share of held-out questions answered after tuning: {reached}. Over all words, "
    text += _predicts_better(better, len(comparisons))
    if specificity is None:
        return text + " Without word categories, their own domains' words cannot be told apart."
    held = [_own(specificity, domain) for domain in comparisons]
    own = [plain(d) for d, h in zip(comparisons, held, strict=True) if h]
    text += f" Their own domain's words gain in {len(own)} of {len(comparisons)}"
    text += f" ({names(own)})" if own else ""
    contrast = specificity[specificity["category"] == OWN_MINUS_OTHERS]
    if len(contrast):
        more = int((contrast["p_corrected"] < LEVEL).sum())
        text += f", more than other domains' words in {more} of {len(contrast)}"
    return text + f" (corrected p < {LEVEL:g})."


def _predicts_better(better: Sequence[str], total: int) -> str:
    if not better:
        return "no tuned model adds to the base model's prediction of the responses."
    return (
        f"{len(better)} of {total} add to the base model's prediction of the responses "
        f"({names(better)}; p < {LEVEL:g})."
    )


def _own(specificity: pd.DataFrame, domain: str) -> bool:
    row = (specificity["model"] == domain) & (specificity["category"] == domain)
    return bool((specificity.loc[row, "p_corrected"] < LEVEL).any())


def _curves(
    histories: Mapping[str, pd.DataFrame],
    comparisons: Mapping[str, xr.Dataset],
    window: Mapping[str, float],
) -> Picture:
    several = next(iter(comparisons.values())).sizes["subject"] > 1

    def plot(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
        for i, (domain, history) in enumerate(histories.items()):
            colour = COLOURS[i % len(COLOURS)]
            accuracy = history["validation_accuracy"]
            left.plot(history["step"], accuracy, "o-", color=colour, markersize=3)
            _effect(right, comparisons[domain], colour, plain(domain))
        left.set_ylim(0, 1.03)
        left.set_xlabel("training step")
        left.set_ylabel("held-out questions answered")
        left.set_title("the task")
        right.axvspan(1e3 * window["start"], 1e3 * window["stop"], color="#f1f3f5", zorder=0)
        right.axhline(0, color=FAINT, linewidth=0.8)
        right.set_xlabel("time after word onset (ms)")
        right.set_ylabel(f"gain over base ({UNIT})")
        right.set_title("the brain, mean over sensors")
        handles, labels = right.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))

    spread = "shaded: 95% interval over people, Student t" if several else "one person"
    caption = (
        "Left: share of held-out multiple-choice questions answered rightly; step 0 is the base "
        "model. Right: loss of the base model minus loss of the tuned one, all words, mean over "
        f"sensors and people ({spread}); above 0 the tuned model predicts better. Grey: the "
        "window of the tests."
    )
    return draw(plot, (WIDTH, 3.4), caption, "Task accuracy and gain over time of tuned models")


def _effect(ax: Axes, comparison: xr.Dataset, colour: str, label: str) -> None:
    ms = 1e3 * comparison["time"].to_numpy()
    people = 1e3 * comparison["effect_people"].mean("sensor").to_numpy()
    mean = people.mean(axis=0)
    ax.plot(ms, mean, color=colour, label=label)
    if len(people) > 1:
        half = stats.t.ppf(0.975, len(people) - 1) * stats.sem(people, axis=0)
        ax.fill_between(ms, mean - half, mean + half, color=colour, alpha=0.13, linewidth=0)


def _maps(
    comparisons: Mapping[str, xr.Dataset], info: mne.Info, window: Mapping[str, float]
) -> Picture:
    shown = {}
    for domain, comparison in comparisons.items():
        inside = (comparison["time"] > window["start"]) & (comparison["time"] < window["stop"])
        effect = comparison["effect"].isel(time=np.flatnonzero(inside.to_numpy()))
        shown[plain(domain)] = 1e3 * effect.mean("time").to_numpy()
    sensors = [str(s) for s in next(iter(comparisons.values()))["sensor"].to_numpy()]
    layouts = sensor_layouts(info)

    def plot(figure: Figure) -> None:
        topographies(figure, layouts, sensors, shown, f"gain ({UNIT})", signed=True)

    caption = (
        "Where each tuned model predicts all words better (blue) or worse (orange) than the base "
        "model: loss of base minus loss of tuned, mean over people and the window."
    )
    size = (WIDTH * min(1, 0.3 + 0.2 * len(shown)), 0.5 + 1.75 * len(layouts))
    return draw(plot, size, caption, "Head maps of the tuned models' gain", vector=False)


def _table(
    histories: Mapping[str, pd.DataFrame],
    comparisons: Mapping[str, xr.Dataset],
    window: Mapping[str, float],
) -> Table:
    rows = []
    for domain, history in histories.items():
        best, found = best_row(history), comparisons[domain]
        low, high = np.ravel(found.attrs["window_ci"])
        rows.append(
            [
                plain(domain),
                number(float(history["validation_accuracy"].iloc[0]), 2),
                f"{number(float(best['validation_accuracy']), 2)}\nstep {best['step']:.0f}",
                gain_interval(float(found.attrs["window_effect"]), float(low), float(high)),
                p_value(float(found.attrs["window_p"])),
                p_value(found.attrs.get("people_p")),
                f"{float((found['p_fwe'] < LEVEL).mean()):.1%}",
                signed(float(found["r_gain"].mean()), 4),
            ]
        )
    caption = (
        "Each tuned model against the base model over all words; both are fitted on the average of "
        "all people and compared on each person's held-out responses, so that people's gains share "
        "one fit. Accuracy of held-out questions before and after; gain in loss (thousandths of "
        "the training variance) in the window "
        f"{1e3 * window['start']:.0f} to {1e3 * window['stop']:.0f} ms with its 95% block "
        "bootstrap interval; one-sided p by flipping signs of blocks of words, and of people; "
        "share of sensors and bins with a gain after max-correction; mean gain in r."
    )
    columns = ["model tuned on", "accuracy before", "after", "gain [95%]", "p, blocks", "p, people"]
    columns += ["sensors and bins", "gain in r"]
    return Table(columns, rows, caption)


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
        "window), freed from length, frequency, position, capitals, punctuation and response "
        "energy, with 95% interval and p corrected over the whole table (one-sided, block sign "
        "flips). Bold: the model's own domain. Blue: gain, orange: loss."
    )
    return Table(["model", *map(plain, categories)], rows, caption)
