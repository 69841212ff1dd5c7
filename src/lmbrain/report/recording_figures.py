"""Pictures of the recordings: spectra, sensors on the head, head movement, artefacts, responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lmbrain.report.blocks import Picture
from lmbrain.report.figures import COLOURS, FAINT, INK, SIGNED, WIDTH, draw
from lmbrain.report.recording_concerns import BAD_KINDS
from lmbrain.report.wording import count, number, percent

COLUMNS = 4  # panels side by side
CHANNEL_TYPES = {"grad": "gradiometers", "mag": "magnetometers"}
ARTEFACTS = {"heart": "heart beat", "blinks": "blink"}
Found = Mapping[str, Any]


def spectra(quality: Mapping[tuple[str, str], Found]) -> Picture:
    """Amplitude spectra before and after cleaning, a panel a person and type of sensors."""
    subjects = list(dict.fromkeys(subject for subject, _ in quality))
    first = next(iter(quality.values()))["spectra_before"]
    kinds = [kind for kind in CHANNEL_TYPES if kind in first]
    columns = min(COLUMNS, len(subjects))
    rows = -(-len(subjects) // columns) * len(kinds)

    def plot(figure: Figure) -> None:
        axes = figure.subplots(rows, columns, sharex=True, sharey="row", squeeze=False)
        for ax in axes.flat:
            ax.set_visible(False)
        for k, kind in enumerate(kinds):
            for i, subject in enumerate(subjects):
                ax = axes[(i // columns) * len(kinds) + k, i % columns]
                ax.set_visible(True)
                _spectrum(ax, [f for (s, _), f in quality.items() if s == subject], kind)
                ax.set_title(subject if k == 0 else "")
                if i % columns == 0:
                    ax.set_ylabel(f"{CHANNEL_TYPES[kind]}\n{first[kind]['unit']}")
                if k == len(kinds) - 1:
                    ax.set_xlabel("frequency (Hz)")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles[:2], labels[:2], loc="outside upper right", ncols=2)

    caption = (
        "Amplitude spectra before and after cleaning, one panel a person and type of sensors: "
        "median over the good sensors (lines, one a run) and their 5th to 95th percentile "
        "(shaded). Cleaning should take the mains' peaks and all above the pass band away, and "
        "leave what lies between."
    )
    alt = f"Power spectra of {count(len(subjects), 'person', 'people')} before and after cleaning"
    return draw(plot, (WIDTH, 0.5 + 1.75 * rows), caption, alt, vector=False)


def bad_sensor_maps(subject: str, runs: Mapping[str, Found]) -> Picture:
    """Where a person's bad sensors are, a head a run, seen from above."""

    def plot(figure: Figure) -> None:
        axes = figure.subplots(1, max(len(runs), COLUMNS), squeeze=False)[0]
        for ax in axes[len(runs) :]:
            ax.set_visible(False)
        for ax, (run, found) in zip(axes, runs.items(), strict=False):
            places = {name: _flat(xyz) for name, xyz in found["places"].items()}
            ax.scatter(*np.transpose(list(places.values())), s=4, color=FAINT, linewidths=0)
            for kind, colour in zip(BAD_KINDS, COLOURS, strict=False):
                for name in found["bad_channels"][kind]:
                    if name in places:
                        ax.scatter(*places[name], s=26, color=colour, label=kind, linewidths=0)
                        ax.annotate(
                            name.removeprefix("MEG").strip(),
                            places[name],
                            fontsize=6.5,
                            xytext=(3, 3),
                            textcoords="offset points",
                            color=INK,
                        )
            _head(ax, list(places.values()), f"run {run}")
        labelled = {
            label: handle
            for ax in axes
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
        }
        if labelled:
            figure.legend(labelled.values(), labelled, loc="outside upper right", ncols=4)

    caption = "Bad sensors of each run (colour: why), among all sensors, seen from above; nose up."
    width = WIDTH * max(1.0, len(runs) / COLUMNS)
    alt = f"Bad sensors of person {subject} on the head"
    return draw(plot, (width, 2.6), caption, alt, vector=False)


def movement(subject: str, runs: Mapping[str, Found]) -> Picture | None:
    """Distance and rotation of a person's head within runs; None where it was not tracked."""
    tracked = {run: f["head"]["movement"] for run, f in runs.items() if f["head"]["movement"]}
    if not tracked:
        return None

    def plot(figure: Figure) -> None:
        axes = figure.subplots(1, 2, sharex=True)
        for (run, moved), colour in zip(tracked.items(), COLOURS * 9, strict=False):
            for ax, name in zip(axes, ("distance", "rotation"), strict=True):
                ax.plot(moved["times"], moved[name], color=colour, label=f"run {run}")
        axes[0].set_ylabel("distance (mm)")
        axes[1].set_ylabel("rotation (\N{DEGREE SIGN})")
        for ax in axes:
            ax.set_xlabel("time in the run (s)")
        axes[0].legend()

    caption = "Continuous head position: distance and rotation from the start of each run."
    alt = f"Head movement of person {subject}"
    return draw(plot, (WIDTH, 2.2), caption, alt)


def components(subject: str, runs: Mapping[str, Found]) -> Picture | None:
    """Topographies of the removed heart and blink components; None where none were removed."""
    drawn = [
        (run, artefact, component, found)
        for run, found in runs.items()
        for artefact in ARTEFACTS
        if found[artefact] is not None
        for component in found[artefact]["components"]
    ]
    if not drawn:
        return None
    rows = -(-len(drawn) // COLUMNS)

    def plot(figure: Figure) -> None:
        axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for ax in axes[len(drawn) :]:
            ax.set_visible(False)
        for ax, (run, artefact, component, found) in zip(axes, drawn, strict=False):
            kind = "mag" if "mag" in component["topography"] else "grad"
            names, values = found["sensors"][kind], np.array(component["topography"][kind])
            places = [_flat(found["places"][name]) for name in names]
            _map(ax, np.array(places), values)
            _head(ax, places, f"{ARTEFACTS[artefact]}, run {run}\n{_strength(component)}")

    caption = (
        "Components removed as heart beat or blink: field at the magnetometers (where there are "
        "none, at the gradiometers) in arbitrary units, orange negative, blue positive. A blink "
        "sits at the front, a heart beat changes sign from left to right over the whole head; "
        "anything else deserves a look."
    )
    alt = f"Heart and blink components of person {subject}"
    return draw(plot, (WIDTH, 2.4 * rows), caption, alt, vector=False)


def evoked(subject: str, response: Found) -> Picture:
    """A person's average response to word onset, all sensors."""
    shown = response["evoked"]

    def plot(figure: Figure) -> None:
        axes = figure.subplots(1, len(shown), squeeze=False)[0]
        for ax, (kind, found) in zip(axes, shown.items(), strict=True):
            values = np.array(found["values"])
            ax.plot(response["times"], values.T, color=FAINT, linewidth=0.4, alpha=0.6)
            ax.plot(response["times"], np.sqrt((values**2).mean(axis=0)), color=COLOURS[0])
            ax.set_title(f"{CHANNEL_TYPES[kind]}, agreement {number(found['agreement'], 2)}")
            ax.set_ylabel(found["unit"])
            ax.set_xlabel("time after word onset (s)")

    caption = (
        f"Average response to the onset of {response['usable']:,} words: every sensor (grey) less "
        "its mean over the window, and their root mean square (blue). Agreement: correlation of "
        "the averages over every other stretch of words."
    )
    alt = f"Average response of person {subject} to word onset"
    return draw(plot, (WIDTH, 2.4), caption, alt, vector=False)


def _spectrum(ax: Any, runs: Sequence[Found], kind: str) -> None:
    for found in runs:
        for key, colour, label in (
            ("spectra_before", FAINT, "before"),
            ("spectra_after", COLOURS[0], "after"),
        ):
            frequencies, shown = np.array(found[key]["frequencies"]), found[key][kind]
            ax.plot(frequencies, shown["median"], color=colour, label=label, linewidth=1.1)
            low, high = shown["low"], shown["high"]
            ax.fill_between(frequencies, low, high, color=colour, alpha=0.15, linewidth=0)
    ax.set_yscale("log")
    highest = max(max(found["spectra_before"][kind]["high"]) for found in runs)
    lowest = min(min(found["spectra_before"][kind]["low"]) for found in runs)
    # Far below the sensors' own noise the filtered spectra carry no news.
    ax.set_ylim(lowest / 30, highest * 2)


def _flat(xyz: Sequence[float]) -> tuple[float, float]:
    """A place on the helmet seen from above, unrolled so that low sensors lie outside."""
    x, y, z = xyz
    radius = np.hypot(x, y)
    angle = np.arctan2(radius, z)
    return (x / radius * angle, y / radius * angle) if radius else (0.0, 0.0)


def _map(ax: Any, places: np.ndarray, values: np.ndarray) -> None:
    limit = np.abs(values).max() or 1.0
    ax.tricontourf(*places.T, values, levels=np.linspace(-limit, limit, 16), cmap=SIGNED)
    ax.scatter(*places.T, s=1.5, color=INK, linewidths=0)


def _head(ax: Any, places: Sequence[tuple[float, float]], title: str) -> None:
    """A circle around all sensors with a nose, and a title."""
    radius = 1.05 * np.hypot(*np.transpose(places)).max()
    around = np.linspace(0, 2 * np.pi, 100)
    ax.plot(radius * np.sin(around), radius * np.cos(around), color=FAINT, linewidth=0.8)
    ax.plot(
        radius * np.array([-0.1, 0, 0.1]),
        radius * np.array([0.995, 1.12, 0.995]),
        color=FAINT,
        linewidth=0.8,
    )
    ax.set_title(title, loc="center", fontsize=8)
    ax.set_aspect("equal")
    ax.axis("off")


def _strength(component: Found) -> str:
    if "explained" in component:
        return f"{percent(component['explained'])} of the average"
    return f"score {component['score']:.2f}"
