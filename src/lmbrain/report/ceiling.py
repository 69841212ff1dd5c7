"""The report's section on noise ceilings: how much of the responses any model could predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lmbrain.meg.pools import at_infinitely_many, over_pairs
from lmbrain.report.blocks import Block, Fold, Picture, Section, Table, Text
from lmbrain.report.figures import COLOURS, FAINT, INK, WIDTH, draw
from lmbrain.report.wording import count, number, percent

TITLE = "How good the data are: noise ceilings"
SHARED = "inter-subject correlation"
LEARNED = "other people's brains, mapping learned"
NOTHING = (
    "On average over sensors and bins, people share nothing measurable at the same place (the "
    "interval of the reliability reaches 0): ceilings, and fractions of them, are guesses, and no "
    "value at infinitely many people is given."
)
NO_INTERVAL = (
    "without an interval, which needs three folds that people share: whether anything is shared "
    "between people cannot be told."
)


def section(ceiling: xr.Dataset, scores: Sequence[xr.Dataset]) -> Section:
    """Describe the noise ceilings.

    Parameters
    ----------
    ceiling
        `lmbrain.meg.ceiling_file.ceiling_file`.
    scores
        Each person's scores of the language model's encoding (`lmbrain.encoding.model.encode`).
    """
    model = np.mean([s["r"].to_numpy() for s in scores], axis=0)
    courses, pools = _courses(ceiling), _pools(ceiling)
    blocks: list[Block] = []
    if courses:
        blocks.append(_picture(ceiling, courses, pools, model))
        blocks.append(_table(ceiling, courses, model))
    if ceiling["reliability"].notnull().any():
        people = count(ceiling.sizes["subject"], "person", "people")
        blocks.append(Fold(f"The data of each of {people}", [_people(ceiling)]))
    if ceiling.attrs["note"]:
        blocks.append(Text(str(ceiling.attrs["note"]), warning=True))
    return Section("ceiling", TITLE, _verdict(ceiling, model), blocks)


def _verdict(ceiling: xr.Dataset, model: np.ndarray) -> str:
    repeats = _of_repeats(ceiling)
    mean, low, high = np.ravel(ceiling.attrs["mean_reliability"])
    if np.isnan(mean):
        return f"{ceiling.attrs['note']} {repeats}".strip()
    if np.isnan(low):
        return f"Mean reliability {number(mean)}, {NO_INTERVAL} {repeats}".strip()
    share = percent(float((ceiling["reliability_low"] > 0).mean()))
    where = f"in {share} of the sensors and bins (interval above 0; by chance 2.5%)."
    if low <= 0:
        text = f"{NOTHING} Mean reliability {_ends(mean, low, high)}; measurable {where}"
        return f"{text} {repeats}".strip()
    limit = np.sqrt(mean)
    text = (
        f"{percent(mean)} of the variance of one person's response is shared with another's (mean "
        f"reliability {_ends(mean, low, high)}): a perfect model of it would reach r = "
        f"{_ends(limit, np.sqrt(low), np.sqrt(high))} with one person's response. It is measurable "
        f"{where}"
    )
    if "cross_subject" in ceiling:
        others = float(ceiling["cross_subject"].mean())
        text += f" Other people's brains predict one person with r = {number(others)}"
        ahead = float(_limit(ceiling, "cross_subject", ("sensor", "time", "subject")))
        text += f", infinitely many would with {number(ahead)}." if np.isfinite(ahead) else "."
        said = "more than" if model.mean() > others else "less than"
        text += f" The language model and the controls predict {said} those who were measured do."
    return f"{text} {repeats}".strip()


def _of_repeats(ceiling: xr.Dataset) -> str:
    if "split_half" not in ceiling:
        return ""
    return (
        "Repeats of the same words: reliability of their mean "
        f"{number(float(ceiling['split_half'].mean()))}, of one "
        f"{number(float(ceiling['split_half_single'].mean()))} (split-half, Spearman-Brown)."
    )


def _ends(value: float, low: float, high: float) -> str:
    return f"{number(value)} [{number(low)}, {number(high)}]"


def _limit(ceiling: xr.Dataset, kind: str, over: Sequence[str]) -> xr.DataArray:
    """Correlation with infinitely many others, from means over some dimensions.

    NaN where the estimate reaches 1, too: others are too few, or too unlike, to extrapolate; and
    throughout where people share nothing measurable, as a ratio of two noises tells nothing.
    """
    places, people = ([name for name in over if (name == "subject") == own] for own in (0, 1))
    product = xr.apply_ufunc(
        lambda shared: over_pairs(np.moveaxis(shared, -1, 0)),
        ceiling[f"{kind}_shared"].mean(places),
        input_core_dims=[["other"]],
    ).mean(people)
    agreement = ceiling[f"{kind}_agreement"].mean(over)
    found = at_infinitely_many(product.to_numpy(), agreement.to_numpy())
    known = np.ravel(ceiling.attrs["mean_reliability"])[1] > 0
    return product.copy(data=np.where(known & (found < 1), found, np.nan))


def _courses(ceiling: xr.Dataset) -> dict[str, tuple[np.ndarray, str, str]]:
    """Values (time,), colour and line of each ceiling; means over sensors and people."""
    found, over = {}, ("sensor", "subject")
    reliability = ceiling["reliability"].mean("sensor").to_numpy()
    if np.isfinite(reliability).any():
        root = np.sqrt(np.maximum(reliability, 0))
        found["noise ceiling (square root of reliability)"] = (root, INK, "--")
        alone = ceiling["leave_one_out"].mean(over).to_numpy()
        found[f"{SHARED} with the mean of the others"] = (alone, COLOURS[4], "-")
    if "cross_subject" in ceiling:
        values = ceiling["cross_subject"].mean(over).to_numpy()
        found[LEARNED] = (values, COLOURS[2], "-")
        ahead = _limit(ceiling, "cross_subject", over).to_numpy()
        if np.isfinite(ahead).any():
            found["the same, infinitely many others"] = (ahead, COLOURS[2], "--")
    if "split_half" in ceiling:
        values = np.sqrt(ceiling["split_half"].mean(over).to_numpy())
        found["mean of all repeats (split-half ceiling)"] = (values, COLOURS[3], "--")
    return found


def _pools(ceiling: xr.Dataset) -> dict[str, tuple[np.ndarray, float, str]]:
    """Curve (pool,), limit and colour of what pools of others tell; over sensors and bins."""
    found = {}
    if ceiling.sizes["pool"] < 2:
        return found
    for kind, label, colour in (
        ("leave_one_out", SHARED, COLOURS[4]),
        ("cross_subject", LEARNED, COLOURS[2]),
    ):
        if f"{kind}_pools" in ceiling:
            curve = ceiling[f"{kind}_pools"].mean(("sensor", "time")).to_numpy()
            limit = float(_limit(ceiling, kind, ("sensor", "time", "subject")))
            found[label] = (curve, limit, colour)
    return found


def _picture(
    ceiling: xr.Dataset,
    courses: Mapping[str, tuple[np.ndarray, str, str]],
    pools: Mapping[str, tuple[np.ndarray, float, str]],
    model: np.ndarray,
) -> Picture:
    ms, sizes = 1e3 * ceiling["time"].to_numpy(), ceiling["pool"].to_numpy()

    def plot(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        marker = "o" if len(ms) == 1 else ""
        for label, (values, colour, style) in courses.items():
            left.plot(ms, values, style, marker=marker, color=colour, label=label)
        label = "controls + language model"
        left.plot(ms, model.mean(axis=0), marker=marker, color=COLOURS[0], label=label)
        left.axhline(0, color=FAINT, linewidth=0.8)
        left.set_xlabel("time after word onset (ms)")
        left.set_ylabel("r")
        left.set_title("over time, all sensors")
        right.set_visible(bool(pools))
        for curve, limit, colour in pools.values():
            right.plot(sizes, curve, "o-", markersize=4, color=colour)
            if np.isfinite(limit):
                right.axhline(limit, color=colour, linestyle="--", linewidth=1.2)
        right.set_ylim(min(0, right.get_ylim()[0]), None)
        right.xaxis.set_major_locator(MaxNLocator(integer=True))
        right.set_xlabel("number of other people")
        right.set_title("with more people (dashed: infinitely many)")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)

    caption = (
        "What could be predicted of one person's un-denoised response, mean over sensors and "
        "people, and what the encoding model predicts. Left, over time. Right, over sensors and "
        "bins, with pools of more and more other people; the value at infinitely many follows from "
        "what each two others share with the person and with each other. Inter-subject correlation "
        "takes the same sensor in everybody; the learned mapping also finds what people share in "
        "different patterns, but has to be fitted. Square roots are taken of means over sensors."
    )
    return draw(plot, (WIDTH, 3.9), caption, "Noise ceilings over time and number of people")


def _table(
    ceiling: xr.Dataset,
    courses: Mapping[str, tuple[np.ndarray, str, str]],
    model: np.ndarray,
) -> Table:
    rows = [[label, *_row(values, ceiling)] for label, (values, _, _) in courses.items()]
    rows.append(["controls + language model", *_row(model.mean(axis=0), ceiling)])
    caption = (
        "Mean over bins of the curves above, and their highest bin. Intervals of each sensor and "
        "bin (95%, over other words) are in ceiling.nc."
    )
    return Table(["ceiling or model", "mean r", "highest", "at (ms)"], rows, caption)


def _row(values: np.ndarray, ceiling: xr.Dataset) -> list[str]:
    best = int(np.nanargmax(values))
    at = f"{1e3 * float(ceiling['time'][best]):.0f}" if len(values) > 1 else "-"
    return [number(float(np.nanmean(values))), number(float(values[best])), at]


def _people(ceiling: xr.Dataset) -> Table:
    """Each person's own ceilings, over sensors and bins."""
    over = ("sensor", "time")
    columns = {SHARED: ceiling["leave_one_out"].mean(over)}
    columns["own ceiling"] = _limit(ceiling, "leave_one_out", over)
    if "cross_subject" in ceiling:
        columns["predicted by others"] = ceiling["cross_subject"].mean(over)
        columns["by infinitely many"] = _limit(ceiling, "cross_subject", over)
    if "split_half" in ceiling:
        columns["reliability, repeats"] = ceiling["split_half"].mean(over)
    rows = [
        [str(subject), *(number(float(values[row])) for values in columns.values())]
        for row, subject in enumerate(ceiling["subject"].to_numpy())
    ]
    caption = (
        "Mean over sensors and bins. Own ceiling: correlation with the mean of infinitely many "
        "others; it lies above the group's ceiling for those whose data are cleaner than the "
        "others', far below it for those whose data are poor."
    )
    return Table(["person", *columns], rows, caption)
