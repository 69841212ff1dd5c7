"""The report's section on what the language model adds to the controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lmbrain.report.blocks import Block, Section, Table, Text
from lmbrain.report.comparison import (
    COLUMNS,
    EXPLAINED,
    best_window,
    better_somewhere,
    gain_maps,
    plot_courses,
    window_cells,
    window_name,
)
from lmbrain.report.figures import WIDTH, draw
from lmbrain.report.wording import number, p_value, signed

if TYPE_CHECKING:
    import mne

LABEL = "controls + language model against controls"


def section(found: xr.Dataset, info: mne.Info | None) -> Section:
    """Describe what the language model predicts beyond the controls, in single people.

    Parameters
    ----------
    found
        `lm` against `controls`, as the workflow's comparison writes it.
    info
        Positions of the sensors; None draws no maps.
    """
    blocks: list[Block] = []
    if found.sizes["time"] > 1:
        blocks.append(_course(found))
        if info is not None:
            caption = (
                "Where the language model adds to the controls' prediction (blue) or takes from it "
                "(orange): difference in r, mean over people and the first window."
            )
            maps = gain_maps({LABEL: found}, info, caption, "Head maps of the gain over controls")
            blocks.append(maps)
        rows = [
            [window_name(found, w), *window_cells(found, w)] for w in range(found.sizes["window"])
        ]
        caption = f"{LABEL.capitalize()}, mean over people. {EXPLAINED}"
        blocks.append(Table(["window", *COLUMNS], rows, caption))
    else:
        blocks.append(_regions(found))
    blocks += [Text(note) for note in filter(None, found.attrs["notes"].split("\n"))]
    return Section("beyond", "The language model beyond the controls", _verdict(found), blocks)


def _verdict(found: xr.Dataset) -> str:
    window = best_window(found)
    gain = signed(float(found["window_gain"][window]), 4)
    where = f" ({window_name(found, window)})" if found.sizes["time"] > 1 else ""
    if better_somewhere(found):
        return (
            f"With the language model the responses are predicted better than by the controls"
            f"{where}: mean gain in r {gain} (corrected p < {found.attrs['level']:g})."
        )
    return (
        f"That the language model predicts the responses better than the controls is not shown"
        f"{where}: mean difference in r {gain}."
    )


def _course(found: xr.Dataset) -> object:
    def plot(figure: Figure) -> None:
        plot_courses(figure.subplots(), {LABEL: found})

    caption = (
        "r of controls and language model minus r of the controls alone, mean over people and "
        "sensors (shaded: 95% interval over other words). Grey: the windows of the tests."
    )
    return draw(plot, (0.7 * WIDTH, 2.8), caption, "Gain over controls over time")


def _regions(found: xr.Dataset) -> Table:
    rows = []
    for i, region in enumerate(found["sensor"].to_numpy()):
        gain = float(found["r_gain"][i, 0])
        low, high = found["interval"].to_numpy()[:, i, 0]
        share = float(found["ceiling_share"][i, 0])
        limits = ""
        if gain and np.isfinite(share):
            limits = " [{}, {}]".format(*(signed(share * v / gain, 2) for v in (low, high)))
        people = float(found["p_people_fwe"][i, 0]) if "p_people_fwe" in found else None
        rows.append(
            [
                str(region),
                f"{signed(gain)} [{signed(low)}, {signed(high)}]",
                number(share, 2) + limits,
                p_value(float(found["p_fwe"][i, 0])),
                p_value(people),
            ]
        )
    caption = (
        f"{LABEL.capitalize()}: difference in r, mean over people, with the 95% interval over "
        "other stretches of the story; as a fraction of the noise ceiling; p over the story and "
        "over people, corrected by the maximum over regions."
    )
    return Table(["region", "gain in r [95%]", "of ceiling", "p", "p, people"], rows, caption)
