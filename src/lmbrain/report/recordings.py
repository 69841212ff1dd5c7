"""The report's section on the recordings: what was bad, what was removed, how the head moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lmbrain.report.blocks import Block, Cell, Picture, Section, Table
from lmbrain.report.figures import COLOURS, FAINT, WIDTH, draw
from lmbrain.report.wording import count, names, number, percent

# Limits above which a run is called conspicuous; conventions, not tests.
MANY_BAD = 12  # sensors
FAR_HEAD = 5.0  # mm from the reference run
COLUMNS = 4  # people side by side
CHANNEL_TYPES = {"grad": "gradiometers", "mag": "magnetometers"}
BAD_KINDS = ("noisy", "flat", "marked", "extra")
Quality = Mapping[tuple[str, str], Mapping[str, Any]]


def section(quality: Quality) -> Section:
    """Describe the recordings.

    Parameters
    ----------
    quality
        Of each (subject, run): what `lmbrain.meg.preprocessing.preprocess` found.
    """
    blocks: list[Block] = [_table(quality), _spectra(quality)]
    return Section("recordings", "Quality of the recordings", _verdict(quality), blocks)


def bad_sensors(found: Mapping[str, Any]) -> list[str]:
    """All bad sensors of a run, each once."""
    return sorted({name for kind in BAD_KINDS for name in found["bad_channels"][kind]})


def concerns(found: Mapping[str, Any]) -> list[str]:
    """What is conspicuous about one run, in words; empty if nothing."""
    bad, distance = len(bad_sensors(found)), found["head"]["distance"]
    lines = []
    if bad > MANY_BAD:
        lines.append(f"{bad} bad sensors")
    if distance is not None and distance > FAR_HEAD:
        lines.append(f"head {distance:.1f} mm from the first run")
    if found["blinks"] is not None and not found["blinks"]["explained"]:
        lines.append("too few blinks to remove")
    return lines


def _verdict(quality: Quality) -> str:
    bad = [len(bad_sensors(found)) for found in quality.values()]
    moved = [f["head"]["distance"] for f in quality.values() if f["head"]["distance"] is not None]
    conspicuous = [f"{s} run {r}" for (s, r), found in quality.items() if concerns(found)]
    parts = [
        f"{count(len(quality), 'run')} of {count(len({s for s, _ in quality}), 'person', 'people')}"
        f": {np.mean(bad):.1f} bad sensors a run (at most {max(bad)})"
    ]
    if moved:
        parts.append(f"heads at most {max(moved):.1f} mm from their first run")
    end = (
        f"conspicuous: {names(conspicuous)}"
        if conspicuous
        else "nothing conspicuous by the limits named below"
    )
    return ", ".join(parts) + f"; {end}."


def _table(quality: Quality) -> Table:
    rows = []
    for (subject, run), found in quality.items():
        kinds = found["bad_channels"]
        listed = "; ".join(f"{kind}: {', '.join(kinds[kind])}" for kind in BAD_KINDS if kinds[kind])
        head, said = found["head"], concerns(found)
        rows.append(
            [
                f"{subject}, {run}",
                listed or "none",
                Cell(names(said) or "as expected", strong=bool(said)),
                f"{found['duration']:.0f}",
                _events(found["heart"]),
                _events(found["blinks"]),
                "n/a"
                if head["distance"] is None
                else f"{head['distance']:.1f} mm, {head['rotation']:.1f}\N{DEGREE SIGN}",
            ]
        )
    caption = (
        "Each run before cleaning. Heart beats and blinks: number found, rate, and share of their "
        "average's variance that the removed projections explain. Head: distance and rotation "
        f"from the person's first run. A run is conspicuous with more than {MANY_BAD} bad "
        f"sensors, a head more than {FAR_HEAD:g} mm away, or too few blinks to remove."
    )
    columns = ["person, run", "bad sensors", "verdict", "s", "heart beats", "blinks", "head"]
    return Table(columns, rows, caption, text_columns=3)


def _events(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "not looked for"
    explained = ", ".join(percent(share) for share in found["explained"]) or "none removed"
    return f"{found['events']} ({number(found['per_minute'], 0)}/min; {explained})"


def _spectra(quality: Quality) -> Picture:
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
                _panel(ax, [f for (s, _), f in quality.items() if s == subject], kind)
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
        "(shaded). Maxwell filter, notch, band-pass and projections should take the mains' peaks "
        "and all above the pass band away, and leave what lies between."
    )
    alt = f"Power spectra of {count(len(subjects), 'person', 'people')} before and after cleaning"
    return draw(plot, (WIDTH, 0.5 + 1.75 * rows), caption, alt, vector=False)


def _panel(ax: Any, runs: Sequence[Mapping[str, Any]], kind: str) -> None:
    for found in runs:
        for key, colour, label in (
            ("spectra_before", FAINT, "before"),
            ("spectra_after", COLOURS[0], "after"),
        ):
            spectra = found[key]
            frequencies, shown = np.array(spectra["frequencies"]), spectra[kind]
            ax.plot(frequencies, shown["median"], color=colour, label=label, linewidth=1.1)
            low, high = shown["low"], shown["high"]
            ax.fill_between(frequencies, low, high, color=colour, alpha=0.15, linewidth=0)
    ax.set_yscale("log")
    highest = max(max(found["spectra_before"][kind]["high"]) for found in runs)
    lowest = min(min(found["spectra_before"][kind]["low"]) for found in runs)
    # Far below the sensors' own noise the filtered spectra carry no news.
    ax.set_ylim(lowest / 30, highest * 2)
