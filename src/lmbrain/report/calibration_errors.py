"""Error rates of tests, coverage of intervals and leaks, as the calibration's page shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lmbrain.calibration.coverage import BAND
from lmbrain.calibration.rates import FAMILY_LEVEL, PART_LEVEL, detectable_rate
from lmbrain.report.blocks import Block, Cell, Fold, Picture, Section, Table, Text
from lmbrain.report.calibration_noise import noise_name
from lmbrain.report.figures import COLOURS, FAINT, WIDTH, draw
from lmbrain.report.wording import number, percent, plain

_LEAST = 1e-4  # rates below are drawn there


def false_positives(rates: pd.DataFrame, autocorrelation: pd.DataFrame) -> Section:
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
                noise_name(row.noise),
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
            noise_name(row.noise),
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


def coverage_section(coverage: pd.DataFrame) -> Section:
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
            noise_name(row.noise),
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


def leaks_section(leaks: pd.DataFrame) -> Section:
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
