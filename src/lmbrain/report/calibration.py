"""The page of the calibration: error rates, coverage, power, detection and leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lmbrain.calibration.coverage import BAND
from lmbrain.calibration.detection import DECOYS
from lmbrain.calibration.rates import FAMILY_LEVEL, PART_LEVEL, detectable_rate
from lmbrain.divergence import MEASURES
from lmbrain.report.blocks import Block, Cell, Code, Fold, Picture, Section, Table, Text
from lmbrain.report.figures import COLOURS, FAINT, WIDTH, draw
from lmbrain.report.overview import Overview, versions_table
from lmbrain.report.wording import measure, number, percent, plain

SIMULATED = (
    "SIMULATED: responses, models and effects were made by a computer, so that the truth is known; "
    "this page tests the statistics and says nothing about people."
)
NOISE = {
    "ar0": "AR 0",
    "ar50": "AR .5",
    "ar80": "AR .8",
    "ar95": "AR .95",
    "drift": "drift",
    "one_over_f": "1/f",
}
_LEAST = 1e-4  # rates below are drawn there


def overview(
    study: str,
    calibration: Mapping[str, Any],
    shown: Sequence[Section],
    versions: Mapping[str, str],
) -> Overview:
    """The page's head.

    Parameters
    ----------
    study
        Its name.
    calibration
        The section `calibration` of the configuration.
    shown
        The page's sections, whose verdicts are repeated.
    versions
        Of the packages.
    """
    import yaml

    text = yaml.safe_dump(dict(calibration), sort_keys=False, width=96)
    return Overview(
        title="Proof by planted truth",
        study=study,
        warning=SIMULATED,
        summary=(
            "How often each test rejects where its null holds, how often intervals hold the truth, "
            "what is found of planted effects, and whether data that know the test words only "
            "through a leak are predicted."
        ),
        verdicts=shown,
        details=[
            Fold("Sizes of the simulations", [Code(text)]),
            Fold("Versions", [versions_table(versions)]),
        ],
    )


def sections(
    *,
    rates: pd.DataFrame,
    coverage: pd.DataFrame,
    power: pd.DataFrame,
    detection: pd.DataFrame,
    autocorrelation: pd.DataFrame,
    leaks: pd.DataFrame,
) -> list[Section]:
    """All sections of the page.

    Parameters
    ----------
    rates
        From `lmbrain.calibration.rates.summarise`.
    coverage
        From `lmbrain.calibration.coverage.coverage`.
    power
        From `lmbrain.calibration.power.power_curves`.
    detection
        From `lmbrain.calibration.detection.summarise_detection`.
    autocorrelation
        Of each kind of noise, from `lmbrain.calibration.false_positives.false_positives`.
    leaks
        From `lmbrain.calibration.leaks.leak_tests`.
    """
    return [
        _false_positives(rates, autocorrelation),
        _coverage(coverage),
        _power(power),
        _detection(detection),
        _leaks(leaks),
    ]


def _noise(name: str) -> str:
    return NOISE.get(name, name)


def _false_positives(rates: pd.DataFrame, autocorrelation: pd.DataFrame) -> Section:
    judged = rates[rates["judged"]]
    failed = judged[~judged["holds"]]
    beside = rates[~rates["judged"] & (rates["level"] == rates["level"].max())]
    verdict = (
        f"{len(judged) - len(failed)} of {len(judged)} cells (test, noise, length and level) keep "
        f"their level."
    )
    if len(beside):
        worst = beside.loc[beside["rate"].idxmax()]
        verdict += (
            f" Of the tests shown beside, {worst['test']} rejects up to "
            f"{percent(worst['rate'])} at {worst['level']:g}."
        )
    blocks: list[Block] = []
    if not (rates["noise"] == "fMRI").any():
        blocks.append(
            Text(
                "Measured noise was left out: put config/alice.yaml before config/calibration.yaml "
                "to hold the tests against the responses of people listening to a story.",
                warning=True,
            )
        )
    blocks += [_rate_picture(rates, level) for level in sorted(rates["level"].unique())[::-1]]
    blocks += [Fold("All rates", [_rate_table(rates)]), _autocorrelation_table(autocorrelation)]
    return Section("false-positives", "False positives", verdict, blocks)


def _rate_picture(rates: pd.DataFrame, level: float) -> Picture:
    table = rates[rates["level"] == level]
    tests = list(dict.fromkeys(table["test"]))
    cells = list(dict.fromkeys(zip(table["noise"], table["words"], strict=True)))
    shift = np.linspace(-0.3, 0.3, len(cells)) if len(cells) > 1 else [0.0]
    offset = dict(zip(cells, shift, strict=True))

    def plot(figure: Figure) -> None:
        ax = figure.subplots()
        for row in table.itertuples():
            y = tests.index(row.test) + offset[row.noise, row.words]
            colour = COLOURS[0] if row.judged else FAINT
            colour = COLOURS[1] if row.judged and not row.holds else colour
            ends = [max(row.ci_low, _LEAST), max(row.ci_high, _LEAST)]
            ax.plot(ends, [y, y], color=colour, linewidth=0.8)
            ax.plot(max(row.rate, _LEAST), y, ".", color=colour, markersize=3)
        ax.axvline(level, color=COLOURS[1], linewidth=0.8)
        ax.set_xscale("log")
        ax.set_yticks(range(len(tests)), tests)
        ax.set_ylim(len(tests) - 0.4, -0.6)
        ax.set_xlabel(f"share of tests that reject at {level:g}")

    caption = (
        f"Share of tests that reject at {level:g} where their null holds, with 95% binomial "
        "intervals; within a test, a line for each kind of noise and length of story. Blue: "
        "judged; orange: judged and above the bound; grey: shown beside, known not to hold. Rates "
        f"below {_LEAST:g} are drawn there."
    )
    height = 0.8 + 0.3 * len(tests)
    return draw(plot, (WIDTH, height), caption, f"False positive rates at {level:g}")


def _rate_table(rates: pd.DataFrame) -> Table:
    rows = []
    for row in rates.itertuples():
        said = "beside" if not row.judged else "holds" if row.holds else "FAILS"
        rows.append(
            [
                row.test,
                _noise(row.noise),
                f"{row.words:,.0f}",
                f"{row.level:g}",
                f"{row.tests:,.0f}",
                Cell(number(row.rate, 4), strong=said == "FAILS"),
                f"{number(row.ci_low, 4)} to {number(row.ci_high, 4)}",
                number(row.design_effect, 1),
                said,
            ]
        )
    judged = rates[rates["judged"]]
    top = judged[judged["level"] == judged["level"].max()]
    caption = (
        f"A cell fails where as many rejections or more would come with a probability below "
        f"{PART_LEVEL:.2g} / {len(judged)} at a true rate of exactly its level: a third of the "
        f"verdict's {FAMILY_LEVEL:g}, intervals and leaks having the rest. Counts are divided by "
        "the design effect, the scatter of the stories' counts beyond chance, and a t test over "
        f"stories must refute the level as well. True rates that would fail in 95% of runs at "
        f"{top['level'].iloc[0]:g}, by the binomial tail (median cell of each kind): "
        f"{_detectable(top, len(judged))}."
    )
    columns = ["test", "noise", "words", "level", "tests", "rate", "95% interval"]
    return Table([*columns, "design effect", ""], rows, caption, text_columns=2)


def _detectable(judged: pd.DataFrame, cells: int) -> str:
    """The detectable rate of each kind of cell: of targets, families, windows ..."""
    tests = (judged["tests"] / judged["design_effect"]).astype(int)
    kinds = judged["test"].str.rsplit(": ", n=1).str[-1]
    level = float(judged["level"].iloc[0])
    return ", ".join(
        f"{kind} {number(detectable_rate(int(count), level, cells), 3)}"
        for kind, count in tests.groupby(kinds, sort=False).median().items()
    )


def _autocorrelation_table(autocorrelation: pd.DataFrame) -> Table:
    rows = [
        [
            _noise(row.noise),
            f"{row.words:,.0f}",
            number(row.lag1, 2),
            number(row.decay, 1),
            number(row.lag1_cleared, 2),
            number(row.decay_cleared, 1),
        ]
        for row in autocorrelation.itertuples()
    ]
    caption = (
        "Measured autocorrelation of the simulated responses, mean over targets: between "
        "neighbouring words, and the lag in words at which it has dropped under .05; as simulated, "
        "and without drift, as they are analysed."
    )
    columns = ["noise", "words", "lag 1", "decay", "lag 1, no drift", "decay, no drift"]
    return Table(columns, rows, caption)


def _coverage(coverage: pd.DataFrame) -> Section:
    judged = coverage[coverage["judged"]]
    inside, holds = int(judged["inside"].sum()), int(judged["holds"].sum())
    wide = int((judged["coverage"] > BAND[1]).sum())
    verdict = (
        f"Of {len(judged)} kinds of intervals {inside} hold the truth in {BAND[0]:.0%} to "
        f"{BAND[1]:.0%} of studies, {wide} in more; {len(judged) - holds} are proven to hold it in "
        "fewer."
    )
    rows = [
        [
            row.effect,
            _noise(row.noise),
            f"{row.words:,.0f}",
            f"{row.strength:g}",
            number(row.truth, 4),
            number(row.width, 4),
            Cell(_covered(row), strong=row.judged and not row.holds),
            f"{100 * row.ci_low:.1f} to {100 * row.ci_high:.1f}%",
        ]
        for row in coverage.itertuples()
    ]
    caption = (
        "95% intervals of effect sizes: the truth is the mean effect over all cohorts of the cell. "
        f"Bold: proven to be less than {BAND[0]:.0%}; wide: above {BAND[1]:.0%}, the safe side; "
        "beside: not judged, as the interval keeps the fits as they are."
    )
    columns = ["effect", "noise", "words", "strength", "truth", "width", "coverage", "95% interval"]
    return Section("coverage", "Intervals", verdict, [Table(columns, rows, caption, 2)])


def _covered(row: Any) -> str:
    text = f"{100 * row.coverage:.1f}%"
    if not row.judged:
        return f"{text} (beside)"
    return f"{text} (wide)" if row.coverage > BAND[1] else text


def _power(power: pd.DataFrame) -> Section:
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
        f"{question.capitalize()}, {_noise(noise)} noise, {words:,.0f} words: share of cohorts in "
        "which a planted target is found at .05 corrected over all targets (left), and with each "
        "test's threshold set so that 5% of cohorts without an effect have a hit (right; shaded: "
        "95% interval). A nominal power above 5% at strength 0 is false."
    )
    return draw(plot, (WIDTH, 3.6), caption, f"Power of tests, {question}")


def _power_table(power: pd.DataFrame) -> Table:
    rows = [
        [
            row.question,
            row.test,
            _noise(row.noise),
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


def _detection(detection: pd.DataFrame) -> Section:
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


def _leaks(leaks: pd.DataFrame) -> Section:
    tight = int(leaks["tight"].sum())
    verdict = (
        f"{tight} of {len(leaks)} attacks give r = 0 within its error, while the leaky way gives "
        f"r up to {number(leaks['r_leaky'].max(), 2)}."
    )
    rows = [
        [
            plain(row.attack),
            f"{row.attempts:,.0f}",
            f"{number(row.r, 4)} \N{PLUS-MINUS SIGN} {number(row.error, 4)}",
            f"{row.p:.2g}",
            number(row.caught, 3),
            f"{number(row.r_leaky, 3)} \N{PLUS-MINUS SIGN} {number(row.error_leaky, 3)}",
            Cell("tight" if row.tight else "LEAKS", strong=not row.tight),
        ]
        for row in leaks.itertuples()
    ]
    caption = (
        "Data that know the test words' responses only where a step is fitted to all words: r by "
        "this project's own way, p of r = 0, the smallest r that would be caught, and r by the "
        "leaky way. Shuffled features and the "
        "random model stand against the features that the responses follow."
    )
    columns = ["attack", "attempts", "r", "p", "caught", "r, leaky way", ""]
    return Section("leaks", "Leaks", verdict, [Table(columns, rows, caption)])
