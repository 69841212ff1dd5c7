"""What is found of planted effects: power and detection, as the calibration's page shows them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lmbrain.calibration.detection import DECOYS
from lmbrain.divergence import MEASURES
from lmbrain.report.blocks import Block, Cell, Fold, Picture, Section, Table
from lmbrain.report.calibration_noise import noise_name
from lmbrain.report.figures import COLOURS, FAINT, WIDTH, draw
from lmbrain.report.wording import measure, number, percent, plain


def power_section(power: pd.DataFrame) -> Section:
    blocks: list[Block] = []
    for (question, noise, words), table in power.groupby(
        ["question", "noise", "words"], sort=False
    ):
        blocks.append(_power_picture(table, question, noise, words))
    blocks.append(Fold("All power curves", [_power_table(power)]))
    strongest = power[power["strength"] == power["strength"].max()]
    best = strongest.loc[strongest.groupby("question")["equal"].idxmax()]
    verdict = " ".join(
        f"{row.question.capitalize()}: at the strongest effect {row.test} finds "
        f"{percent(row.equal)} at equal false positive rates."
        for row in best.itertuples()
    )
    return Section("power", "Power", verdict, blocks)


def _power_picture(table: pd.DataFrame, question: str, noise: str, words: int) -> Picture:
    def plot(figure: Figure) -> None:
        axes = figure.subplots(1, 2, sharey=True)
        for i, (test, curve) in enumerate(table.groupby("test", sort=False)):
            colour = COLOURS[i % len(COLOURS)]
            style = "--" if "published" in test else "-"
            for ax, column in zip(axes, ("nominal", "equal"), strict=True):
                ax.plot(curve["strength"], curve[column], style, color=colour, label=test)
            axes[1].fill_between(
                curve["strength"], curve["ci_low"], curve["ci_high"], color=colour, alpha=0.12
            )
        for ax, title in zip(axes, ("nominal level", "equal false positive rates"), strict=True):
            ax.set_title(title)
            ax.set_xlabel("planted response (SD of the noise)")
        axes[0].set_ylabel("share of cohorts found")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)

    caption = (
        f"{question.capitalize()}, {noise_name(noise)} noise, {words:,.0f} words: share of cohorts "
        "in which a planted target is found at .05 corrected over all targets (left), and with "
        "each test's threshold set so that 5% of cohorts without an effect have a hit (right; "
        "shaded: 95% interval). A nominal power above 5% at strength 0 is false."
    )
    return draw(plot, (WIDTH, 3.6), caption, f"Power of tests, {question}")


def _power_table(power: pd.DataFrame) -> Table:
    rows = [
        [
            row.question,
            row.test,
            noise_name(row.noise),
            f"{row.words:,.0f}",
            f"{row.strength:g}",
            f"{row.cohorts:,.0f}",
            number(row.nominal, 2),
            number(row.equal, 2),
            f"{number(row.ci_low, 2)} to {number(row.ci_high, 2)}",
            f"{row.threshold:.2g}",
        ]
        for row in power.itertuples()
    ]
    columns = ["question", "test", "noise", "words", "strength", "cohorts", "nominal", "equal"]
    caption = "Power at the nominal level and at equal false positive rates (threshold: its p)."
    return Table([*columns, "95% interval", "threshold"], rows, caption, text_columns=3)


def detection_section(detection: pd.DataFrame) -> Section:
    strongest = detection[detection["strength"] == detection["strength"].max()]
    means = strongest.groupby(["people", "measure"])["auc_words"].mean()
    best_people, best = means.idxmax()
    published = means.get(("average", "squared_error"), np.nan)
    verdict = (
        f"At the largest strength {measure(best)} ({best_people}) finds planted words best, with "
        f"an AUC of {number(means.max(), 2)} over all lengths and gains; squared error, of the "
        f"average as published, reaches {number(published, 2)} (chance 0.50)."
    )
    blocks: list[Block] = [_detection_picture(detection)]
    for (strength, gain), table in strongest.groupby(["strength", "gain"], sort=True):
        middle = sorted(table["words"].unique())[(table["words"].nunique() - 1) // 2]
        rows = table[table["words"] == middle]
        title = f"strength {strength:g}, gain {gain:g}, {middle:,.0f} words"
        blocks.append(_detection_table(rows, title))
    blocks.append(Fold("All cells", [_detection_table(detection, "all cells")]))
    return Section("detection", "Planted words", verdict, blocks)


def _detection_picture(detection: pd.DataFrame) -> Picture:
    # As published, squared error is that of the group's average.
    people = np.where(detection["measure"] == "squared_error", "average", "group")
    group = detection[(detection["people"] == people) & detection["measure"].isin(MEASURES)]
    strengths, gains = (sorted(group[c].unique()) for c in ("strength", "gain"))

    def plot(figure: Figure) -> None:
        axes = figure.subplots(len(gains), len(strengths), sharex=True, sharey=True, squeeze=False)
        for row, gain in zip(axes, gains, strict=True):
            for ax, strength in zip(row, strengths, strict=True):
                cell = group[(group["gain"] == gain) & (group["strength"] == strength)]
                for i, name in enumerate(m for m in MEASURES if (cell["measure"] == m).any()):
                    line = cell[cell["measure"] == name].sort_values("words")
                    style = "--" if name == "squared_error" else "-"
                    ax.errorbar(
                        line["words"],
                        line["auc_words"],
                        line["auc_words_error"],
                        color=COLOURS[i % len(COLOURS)],
                        linestyle=style,
                        label=measure(name),
                    )
                ax.axhline(0.5, color=FAINT, linewidth=0.8)
                ax.set_title(f"strength {strength:g}, gain {gain:g}")
                ax.set_xscale("log")
        for ax in axes[-1]:
            ax.set_xlabel("words")
        for ax in axes[:, 0]:
            ax.set_ylabel("AUC of words")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)

    caption = (
        "AUC with which measures over four people find planted words, by length of the story, "
        "strength of the planted response and variation of the noise's energy from word to word "
        "(gain: SD of its log amplitude); bars: one standard error over cohorts. "
        "Dashed: squared error of the average, as published."
    )
    size = (WIDTH, 1.2 + 2.0 * len(gains))
    return draw(plot, size, caption, "Detection of planted words by measure")


def _detection_table(table: pd.DataFrame, title: str) -> Table:
    columns = ["auc_words", "auc_sentences", *(f"auc_{name}" for name in DECOYS)]
    rows = []
    for row in table.to_dict("records"):
        cells = [Cell(number(row[c], 2), shade=_shade(row[c])) for c in columns]
        where = f"{row['words']:,.0f} / {row['strength']:g} / {row['gain']:g}"
        cells.append(Cell(number(row["energy"], 2)))
        rows.append([measure(row["measure"]), row["people"], where, *cells])
    caption = (
        f"{title.capitalize()}: AUC of planted words among all others, of sentences that hold "
        "them, and of planted words against each kind of decoy alone (strong responses that the "
        "model, the controls or nobody else's brain explain); correlation with response energy. "
        "Group: measures over people; average: the mean response taken for one person; single: one "
        "person."
    )
    names = ["words", "sentences", *(f"against {plain(name)}" for name in DECOYS), "energy"]
    return Table(
        ["measure", "people", "words / strength / gain", *names], rows, caption, text_columns=3
    )


def _shade(auc: float) -> float | None:
    return None if not np.isfinite(auc) else 2 * (auc - 0.5)
