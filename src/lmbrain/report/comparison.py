"""How the report shows the comparison of two models: effects with intervals, then p-values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lmbrain.report.blocks import Cell, Picture
from lmbrain.report.figures import COLOURS, FAINT, WIDTH, draw, sensor_layouts, topographies
from lmbrain.report.wording import p_value, percent, signed

if TYPE_CHECKING:
    import mne
    from matplotlib.axes import Axes

COLUMNS = (
    "gain in r [95%]",
    "of ceiling",
    "p",
    "people",
    "p, people",
    "sensors and bins",
    "clusters",
)
EXPLAINED = (
    "Gain: difference in r, mean over sensors and the window, with the 95% interval over other "
    "words (jackknife over folds, every fit repeated); the same as a fraction of the noise "
    "ceiling, taken as known; one-sided p (Holm over the windows). People: mean gain of each "
    "person's own fits, p by flipping the signs of people. Sensors and bins: share with a gain "
    "after max-correction; clusters: share inside clusters of sensors and bins."
)


def window_cells(found: xr.Dataset, window: int) -> list[str | Cell]:
    """Cells under `COLUMNS` of one window of a comparison."""
    gain, limit = (float(found[name][window]) for name in ("window_gain", "window_ceiling"))
    low, high = found["window_interval"].to_numpy()[:, window]
    people, people_p = (
        float(found[name][window]) if name in found else None
        for name in ("window_people_gain", "window_people_p")
    )
    level, p_cluster = found.attrs["level"], found.get("p_cluster")
    clusters = "n/a" if p_cluster is None else percent(float((p_cluster < level).mean()))
    return [
        _interval(gain, low, high, 4),
        _interval(gain / limit, low / limit, high / limit, 2) if limit > 0 else "n/a",
        p_value(float(found["window_p_corrected"][window])),
        signed(people, 4),
        p_value(people_p),
        percent(float((found["p_fwe"] < level).mean())),
        clusters,
    ]


def _interval(value: float, low: float, high: float, digits: int) -> str:
    return f"{signed(value, digits)}\n[{signed(low, digits)}, {signed(high, digits)}]"


def window_name(found: xr.Dataset, window: int) -> str:
    """A window in milliseconds."""
    start, stop = (1e3 * float(found[name][window]) for name in ("window_start", "window_stop"))
    return f"{start:.0f} to {stop:.0f} ms"


def best_window(found: xr.Dataset) -> int:
    """The preset window with the smallest p."""
    return int(found["window_p_corrected"].to_numpy().argmin())


def better_somewhere(found: xr.Dataset) -> bool:
    """Whether any preset window holds a gain after correction."""
    return bool((found["window_p_corrected"] < found.attrs["level"]).any())


def plot_courses(ax: Axes, comparisons: Mapping[str, xr.Dataset]) -> None:
    """Gain over time, mean over sensors, shaded with its interval; the windows in grey."""
    first = next(iter(comparisons.values()))
    for start, stop in zip(first["window_start"], first["window_stop"], strict=True):
        ax.axvspan(1e3 * float(start), 1e3 * float(stop), color="#f1f3f5", zorder=0)
    ax.axhline(0, color=FAINT, linewidth=0.8)
    for i, (label, found) in enumerate(comparisons.items()):
        ms, colour = 1e3 * found["time"].to_numpy(), COLOURS[i % len(COLOURS)]
        ax.plot(ms, found["course"], color=colour, label=label)
        ax.fill_between(ms, *found["course_interval"], color=colour, alpha=0.13, linewidth=0)
    ax.set_xlabel("time after word onset (ms)")
    ax.set_ylabel("gain in r")


def gain_maps(
    comparisons: Mapping[str, xr.Dataset], info: mne.Info, caption: str, alt: str
) -> Picture:
    """Head maps of the gain in r, mean over the first window."""
    shown: dict[str, np.ndarray] = {}
    for label, found in comparisons.items():
        time = found["time"].to_numpy()
        inside = (time > float(found["window_start"][0])) & (time < float(found["window_stop"][0]))
        shown[label] = found["r_gain"].to_numpy()[:, inside].mean(axis=1)
    sensors: Sequence[str] = [str(s) for s in next(iter(comparisons.values()))["sensor"].values]
    layouts = sensor_layouts(info)

    def plot(figure: Figure) -> None:
        topographies(figure, layouts, sensors, shown, "gain in r", signed=True)

    size = (WIDTH * min(1, 0.3 + 0.2 * len(shown)), 0.5 + 1.75 * len(layouts))
    return draw(plot, size, caption, alt, vector=False)
