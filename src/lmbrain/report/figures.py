"""One look for all figures: drawn without pyplot, the same bytes from the same numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from lmbrain.report.blocks import Picture

if TYPE_CHECKING:
    import mne
    from matplotlib.axes import Axes

INK = "#24292f"
FAINT = "#9aa3ad"
# Okabe & Ito's colours, told apart by colour-blind readers.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
SEQUENTIAL = "YlGnBu"
# Orange below 0, blue above, as in the tables.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", ["#8f3d00", "#d55e00", "#f6c9a6", "#ffffff", "#a9cfe8", "#0072b2", "#00436b"]
)
DPI = 110
WIDTH = 8.6  # in, the page's column
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e8eaed",
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.hashsalt": "lmbrain",
    "svg.fonttype": "path",
}


def draw(
    plot: Callable[[Figure], None],
    size: tuple[float, float],
    caption: str,
    alt: str,
    vector: bool = True,
) -> Picture:
    """Draw a figure into a data URI.

    Parameters
    ----------
    plot
        Draws into the empty figure.
    size
        Width and height in inches.
    caption, alt
        See `Picture`.
    vector
        SVG; maps with many cells are smaller as PNG.
    """
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        plot(figure)
        # No date and no version, so that the same numbers give the same bytes.
        if vector:
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        else:
            figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    kind = "svg+xml" if vector else "png"
    uri = f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Picture(uri=uri, width=round(size[0] * DPI), caption=caption, alt=alt)


def line_with_spread(
    axes: Axes, x: np.ndarray, people: np.ndarray, colour: str, label: str, style: str = "-"
) -> None:
    """Mean over people as a line; one SD over people either side shaded (two people or more).

    Parameters
    ----------
    people : (people, x)
    """
    mean = people.mean(axis=0)
    axes.plot(x, mean, color=colour, label=label, linestyle=style)
    if len(people) > 1:
        sd = people.std(axis=0, ddof=1)
        axes.fill_between(x, mean - sd, mean + sd, color=colour, alpha=0.16, linewidth=0)


@dataclass(frozen=True)
class Layout:
    """Places of one type of sensors on the head.

    Attributes
    ----------
    label
        What is drawn at a place.
    info
        One (nominal) magnetometer a place, for `mne.viz.plot_topomap`, seen from the origin.
    radius
        Of the head's outline (m), drawn just around all places.
    members
        Names of the sensors at each place.
    """

    label: str
    info: mne.Info
    radius: float
    members: Sequence[Sequence[str]]

    def values(self, sensors: Sequence[str], values: np.ndarray) -> np.ndarray:
        """Mean over the sensors of each place; `values` (sensor, ...) -> (place, ...)."""
        row = {name: i for i, name in enumerate(sensors)}
        return np.array([values[[row[n] for n in names]].mean(axis=0) for names in self.members])


def sensor_layouts(info: mne.Info) -> list[Layout]:
    """Layouts of the sensor types in a recording; planar gradiometers share a place in pairs.

    Parameters
    ----------
    info
        With positions of all sensors.
    """
    layouts = []
    for kind, label in (("grad", "gradiometers"), ("mag", "magnetometers")):
        places: dict[tuple[float, ...], list[int]] = {}
        for i, (channel, found) in enumerate(
            zip(info["chs"], info.get_channel_types(), strict=True)
        ):
            if found == kind:
                # Coils of one unit lie within a millimetre of each other.
                places.setdefault(tuple(np.round(channel["loc"][:3], 3)), []).append(i)
        if places:
            paired = any(len(members) > 1 for members in places.values())
            layouts.append(_layout(info, places.values(), label + (" (mean of pairs)" * paired)))
    return layouts


def _layout(info: mne.Info, places: Sequence[Sequence[int]], label: str) -> Layout:
    import mne

    members = [[info.ch_names[i] for i in place] for place in places]
    position = np.array([info["chs"][place[0]]["loc"][:3] for place in places])
    low, high = position.min(axis=0), position.max(axis=0)
    # From a centre as low as the lowest sensor no sensor lies behind the horizon.
    position -= [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]
    nominal = mne.create_info([m[0] for m in members], 1.0, "mag", verbose="error")
    for channel, xyz in zip(nominal["chs"], position, strict=True):
        channel["loc"][:3] = xyz
    # MNE draws a sensor at its distance x (angle from the top / 90 degrees) from the middle.
    distance = np.linalg.norm(position, axis=1)
    angle = np.arccos(position[:, 2] / distance)
    radius = 1.03 * float((distance * angle).max() / (np.pi / 2))
    return Layout(label, nominal, radius, members)


def topographies(
    figure: Figure,
    layouts: Sequence[Layout],
    sensors: Sequence[str],
    maps: Mapping[str, np.ndarray],
    unit: str,
    signed: bool,
) -> None:
    """Maps on the head: a row a type of sensors, a column a map, one colour scale for all.

    Parameters
    ----------
    sensors
        Names of the sensors of `maps`.
    maps
        Values (sensor,) by title.
    unit
        Label of the colour scale.
    signed
        Scale symmetric about 0; otherwise from 0 (values below are drawn as 0).
    """
    from mne.viz import plot_topomap

    drawn = [[layout.values(sensors, values) for values in maps.values()] for layout in layouts]
    largest = max(float(np.abs(v).max() if signed else v.max()) for row in drawn for v in row)
    limits = (-largest if signed else 0.0, max(largest, 1e-12))
    axes = figure.subplots(len(layouts), len(maps), squeeze=False)
    for row, layout, values in zip(axes, layouts, drawn, strict=True):
        for ax, title, value in zip(row, maps, values, strict=True):
            image, _ = plot_topomap(
                value,
                layout.info,
                axes=ax,
                cmap=SIGNED if signed else SEQUENTIAL,
                vlim=limits,
                sphere=layout.radius,
                extrapolate="head",
                sensors=False,
                contours=0,
                show=False,
            )
            if ax in axes[0]:
                ax.set_title(title, loc="center")
        row[0].set_ylabel(layout.label)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=22, pad=0.02)
    bar.set_label(unit)
    bar.outline.set_visible(False)
