"""What the section on encoding models draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy import stats

from lmbrain.errors import LmbrainError
from lmbrain.report.blocks import Picture
from lmbrain.report.figures import (
    COLOURS,
    FAINT,
    INK,
    WIDTH,
    draw,
    line_with_spread,
    sensor_layouts,
    topographies,
)
from lmbrain.report.wording import plain, space

if TYPE_CHECKING:
    import mne
    from matplotlib.axes import Axes

    from lmbrain.report.encoding import SpaceScores

SPACE_COLOURS = {"rate": "#7f7f7f", "controls": COLOURS[1], "lm": COLOURS[0]}
OTHERS = COLOURS[2]


def maps(
    r: np.ndarray, like: xr.Dataset, info: mne.Info, topography_times: Sequence[float]
) -> Picture:
    """r of the lm space on the head at some times, mean over people.

    Parameters
    ----------
    r : (people, sensor, time)
    """
    mean, labels = r.mean(axis=0), {}
    for wanted in topography_times:
        place, label = _bin(like["time"].to_numpy(), wanted)
        labels[label] = mean[:, place]
    layouts = sensor_layouts(info)
    sensors = [str(name) for name in like["sensor"].to_numpy()]

    def plot(figure: Figure) -> None:
        topographies(figure, layouts, sensors, labels, "mean r", signed=False)

    caption = (
        "Where controls and language model together predict the responses: r (mean over people) "
        "in the bin at each time after word onset, seen from above, nose up; negative values are "
        "drawn as 0."
    )
    size = (WIDTH, 0.5 + 1.75 * len(layouts))
    return draw(plot, size, caption, "Head maps of encoding r over time", vector=False)


def _bin(centres: np.ndarray, wanted: float) -> tuple[int, str]:
    """Index of the bin that holds a time (s), and its edges in words."""
    width = centres[1] - centres[0]
    place = int(np.floor((wanted - centres[0]) / width + 0.5 + 1e-6))
    if not 0 <= place < len(centres):
        raise LmbrainError(
            f"report.topography_times names {wanted:g} s, but the responses end at "
            f"{centres[-1] + width / 2:g} s; correct it in the config."
        )
    start, stop = 1e3 * (centres[place] + width * np.array([-0.5, 0.5]))
    return place, f"{start:.0f} to {stop:.0f} ms"


def time_courses(
    summary: Mapping[str, SpaceScores],
    smooth: SpaceScores | None,
    significance: Mapping[str, xr.Dataset],
    ceiling: xr.Dataset,
    reliability: np.ndarray,
    like: xr.Dataset,
) -> Picture:
    """r over time beside the ceiling, and the share of sensors above chance.

    Parameters
    ----------
    reliability : (time,)
        Mean over the best sensors.
    """
    ms = 1e3 * like["time"].to_numpy()

    def plot(figure: Figure) -> None:
        axes = figure.subplots(2, 2, sharex=True)
        _curves(axes[0, 0], ms, {n: s.r.mean(axis=1) for n, s in summary.items()})
        axes[0, 0].set_title("all sensors")
        _limits(axes[0, 0], ms, ceiling["reliability"].mean("sensor").to_numpy())
        if "cross_subject" in ceiling:
            people = ceiling["cross_subject"].mean("sensor").to_numpy()
            line_with_spread(axes[0, 0], ms, people, OTHERS, "other people's brains", "-.")
        _curves(axes[0, 1], ms, {n: s.best for n, s in summary.items()})
        axes[0, 1].set_title("best tenth of the sensors")
        _limits(axes[0, 1], ms, reliability)
        for name, found in significance.items():
            share = 100 * found["significant"].mean("sensor").to_numpy()
            axes[1, 0].plot(ms, share, color=SPACE_COLOURS[name], label=space(name))
        axes[1, 0].set_title("sensors above chance (corrected)")
        axes[1, 0].set_ylabel("% of sensors")
        axes[1, 0].set_ylim(0, max(5, axes[1, 0].get_ylim()[1]))
        _denoised(axes[1, 1], ms, smooth)
        for ax in axes[1]:
            ax.set_xlabel("time after word onset (ms)")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))

    caption = (
        "r over time, mean over people (shaded: one standard deviation over people), beside the "
        "noise ceiling (dashed: square root of the mean correlation between two people at the "
        "same sensor and bin, averaged over sensors before the root; an underestimate where "
        "people's sensors see different patterns). "
        "Other people's brains: ridge from the others' sensors. Denoised responses are what "
        "others' brains predict of a person: they share data, so no ceiling applies."
    )
    return draw(plot, (WIDTH, 5.2), caption, "Time courses of encoding r beside the ceiling")


def _curves(ax: Axes, ms: np.ndarray, curves: Mapping[str, np.ndarray]) -> None:
    for name, people in curves.items():
        line_with_spread(ax, ms, people, SPACE_COLOURS[name], space(name))
    ax.axhline(0, color=FAINT, linewidth=0.8)
    ax.set_ylabel("r")


def _limits(ax: Axes, ms: np.ndarray, reliability: np.ndarray) -> None:
    if np.isfinite(reliability).any():
        limit = np.sqrt(np.maximum(reliability, 0))
        ax.plot(ms, limit, color=INK, linestyle="--", linewidth=1.2, label="noise ceiling")


def _denoised(ax: Axes, ms: np.ndarray, smooth: SpaceScores | None) -> None:
    if smooth is None:
        ax.set_visible(False)
        return
    line_with_spread(ax, ms, smooth.best, COLOURS[0], "best tenth")
    line_with_spread(ax, ms, smooth.r.mean(axis=1), COLOURS[5], "all sensors")
    ax.axhline(0, color=FAINT, linewidth=0.8)
    ax.set_title("denoised responses (no ceiling applies)")
    ax.set_ylabel("r")
    ax.legend()


def regions(summary: Mapping[str, SpaceScores], ceiling: xr.Dataset, like: xr.Dataset) -> Picture:
    """r of every region and feature space: people as points, mean and 95% interval."""
    labels = [plain(str(name)) for name in like["sensor"].to_numpy()]
    columns: dict[str, tuple[np.ndarray, str]] = {
        space(name): (s.r[:, :, 0], SPACE_COLOURS[name]) for name, s in summary.items()
    }
    if ceiling["leave_one_out"].notnull().any():
        columns["inter-subject correlation"] = (
            ceiling["leave_one_out"].to_numpy()[:, :, 0],
            OTHERS,
        )
    step = 0.8 / len(columns)

    def plot(figure: Figure) -> None:
        ax, handles = figure.subplots(), []
        for c, (label, (people, colour)) in enumerate(columns.items()):
            x = np.arange(len(labels)) + (c - (len(columns) - 1) / 2) * step
            # Points side by side in the order of people: no random jitter, the same every time.
            offset = np.linspace(-0.3, 0.3, len(people))[:, None] * step
            ax.plot(x + offset, people, ".", color=colour, markersize=3, alpha=0.35)
            mean, half = people.mean(axis=0), _interval(people)
            bars = ax.errorbar(x, mean, half, fmt="o", color=colour, markersize=5, label=label)
            handles.append(bars)
        limit = ceiling["ceiling"].to_numpy()[:, 0]
        if np.isfinite(limit).any():
            left, right = np.arange(len(labels)) - 0.42, np.arange(len(labels)) + 0.42
            handles.append(ax.hlines(limit, left, right, INK, "--", label="noise ceiling"))
        ax.axhline(0, color=FAINT, linewidth=0.8)
        ax.set_xticks(np.arange(len(labels)), labels)
        ax.grid(axis="x", visible=False)
        ax.set_ylabel("r")
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))

    caption = (
        "r of each region and feature space: every point a person, dot and bar their mean and its "
        "95% interval (Student t), beside the correlation of each person with the mean of the "
        "others and the noise ceiling (dashed)."
    )
    return draw(plot, (WIDTH, 4.2), caption, "Encoding r of each region beside the ceiling")


def _interval(people: np.ndarray) -> np.ndarray:
    if len(people) < 2:
        return np.zeros(people.shape[1])
    return stats.t.ppf(0.975, len(people) - 1) * stats.sem(people, axis=0)
