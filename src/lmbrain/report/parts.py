"""The section on what explains the responses: parts of the feature space, layers and contexts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lmbrain.report.blocks import Block, Cell, Picture, Section, Table
from lmbrain.report.figures import COLOURS, FAINT, SEQUENTIAL, WIDTH, draw, line_with_spread
from lmbrain.report.wording import count, number, part, percent, signed

DIGITS = 4  # of R2, which is small in single people


def section(
    partitions: Sequence[xr.Dataset], sweeps: Sequence[xr.Dataset], best: np.ndarray
) -> Section:
    """Describe what each part, layer and context length explains.

    Parameters
    ----------
    partitions
        Of each person (`lmbrain.encoding.partition.variance_partition`); may be empty.
    sweeps
        Of each person (`lmbrain.encoding.sweep.sweep`); may be empty.
    best : (fold, sensor) bool
        The best predicted sensors of each outer fold, chosen by its inner folds.
    """
    blocks: list[Block] = []
    verdict = []
    if partitions:
        if partitions[0].sizes["time"] > 1:
            blocks.append(_part_curves(partitions, best))
        blocks.append(_part_table(partitions, best))
        verdict.append(_part_verdict(partitions))
    if sweeps:
        if sweeps[0].sizes["time"] > 1:
            blocks.append(_layer_maps(sweeps, best))
        blocks.append(_choice_table(sweeps, best))
        verdict.append(_choice_verdict(sweeps))
    return Section("parts", "What explains the responses", " ".join(verdict), blocks)


def _people(data: Sequence[xr.Dataset], name: str, best: np.ndarray) -> np.ndarray:
    """(people, part or choice, time) mean over each fold's best sensors, then over folds.

    Fold by fold: the sensors of a fold were chosen on the other folds' test samples.
    """
    per_fold = [d[f"{name}_per_fold"].to_numpy() for d in data]
    return np.array(
        [
            np.nanmean([values[:, k, mask].mean(axis=1) for k, mask in enumerate(best)], axis=0)
            for values in per_fold
        ]
    )


def _part_curves(partitions: Sequence[xr.Dataset], best: np.ndarray) -> Picture:
    ms = 1e3 * partitions[0]["time"].to_numpy()
    labels = [part(str(name)) for name in partitions[0]["part"].to_numpy()]

    def plot(figure: Figure) -> None:
        axes = figure.subplots(1, 2, sharex=True)
        for ax, name in zip(axes, ("alone", "unique"), strict=True):
            values = _people(partitions, name, best)
            for i, label in enumerate(labels):
                line_with_spread(ax, ms, values[:, i], COLOURS[i % len(COLOURS)], label)
            ax.axhline(0, color=FAINT, linewidth=0.8)
            ax.set_title({"alone": "each part alone", "unique": "beyond all other parts"}[name])
            ax.set_xlabel("time after word onset (ms)")
            ax.set_ylabel("held-out R2")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)

    caption = (
        "Variance explained over time at the best tenth of the sensors (chosen by the inner "
        "folds), mean over people (shaded: one standard deviation over people): by each part of "
        "the space alone, and uniquely, that is R2 of all parts less R2 of all the others. "
        "Held-out R2 is below 0 where a part predicts worse than the training mean."
    )
    return draw(plot, (WIDTH, 3.4), caption, "Variance explained by parts of the features")


def _part_table(partitions: Sequence[xr.Dataset], best: np.ndarray) -> Table:
    rows: list[list[str | Cell]] = []
    at = {name: _people(partitions, name, best).mean(axis=2) for name in ("alone", "unique")}
    for i, label in enumerate(partitions[0]["part"].to_numpy()):
        row: list[str | Cell] = [part(str(label))]
        for name in ("alone", "unique"):
            everywhere = np.mean([float(p[name][i].mean()) for p in partitions])
            row += [signed(everywhere, DIGITS), signed(float(at[name][:, i].mean()), DIGITS)]
        positive = np.array([float(p["unique"][i].mean()) > 0 for p in partitions])
        rows.append([*row, f"{positive.sum()} of {len(partitions)}"])
    caption = (
        "Held-out R2 (mean over test folds) of each part of the space alone, and what it adds to "
        "all the others: mean over all sensors and bins, over the best tenth of the sensors, then "
        "over people. Last column: people whose unique variance is above 0 on average. No test "
        "stands behind these numbers."
    )
    columns = ["part", "alone", "alone, best sensors", "unique", "unique, best sensors", "people"]
    return Table(columns, rows, caption)


def _part_verdict(partitions: Sequence[xr.Dataset]) -> str:
    unique = np.mean([p["unique"].mean(("sensor", "time")).to_numpy() for p in partitions], axis=0)
    total = float(np.mean([p["r2"].mean() for p in partitions]))
    first = int(unique.argmax())
    name, most = part(str(partitions[0]["part"].to_numpy()[first])), float(unique[first])
    return (
        f"All parts together explain a held-out R2 of {signed(total, DIGITS)} of single people's "
        f"responses; the part '{name}' adds the most to the others ({signed(most, DIGITS)})."
    )


def _layer_maps(sweeps: Sequence[xr.Dataset], best: np.ndarray) -> Picture:
    ms = 1e3 * sweeps[0]["time"].to_numpy()
    contexts = list(dict.fromkeys(sweeps[0]["context_words"].to_numpy().tolist()))
    values = {name: _people(sweeps, name, best).mean(axis=0) for name in ("r", "unique")}
    edges = np.append(ms - (ms[1] - ms[0]) / 2, ms[-1] + (ms[1] - ms[0]) / 2)

    def plot(figure: Figure) -> None:
        axes = figure.subplots(2, len(contexts), sharex=True, squeeze=False)
        titles = {"r": "r of the layer alone", "unique": "R2 beyond the controls"}
        for row, (name, found) in enumerate(values.items()):
            limits = {"vmin": min(0, found.min()), "vmax": found.max()}
            for column, context in enumerate(contexts):
                ax, own = axes[row, column], sweeps[0]["context_words"].to_numpy() == context
                layers = sweeps[0]["layer"].to_numpy()[own]
                drawn = ax.pcolormesh(
                    edges, np.arange(len(layers) + 1) - 0.5, found[own], cmap=SEQUENTIAL, **limits
                )
                ax.set_yticks(*_ticks(layers))
                ax.grid(visible=False)
                ax.set_title(f"{titles[name]}, {count(int(context), 'word')}")
                if column == 0:
                    ax.set_ylabel("layer")
            figure.colorbar(drawn, ax=axes[row].tolist(), pad=0.01)
        for ax in axes[1]:
            ax.set_xlabel("time after word onset (ms)")

    caption = (
        "Each layer over each context length (number of words in the window), at the best tenth "
        "of the sensors, mean over people: r of the layer alone, and the R2 it adds to the "
        "controls."
    )
    alt = "Layers and context lengths over time"
    return draw(plot, (WIDTH, 4.6), caption, alt, vector=False)


def _ticks(layers: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """At most some ten of the layers, by place and name."""
    places = np.arange(0, len(layers), int(np.ceil(len(layers) / 10)))
    return places, [str(layers[place]) for place in places]


def _choices(sweeps: Sequence[xr.Dataset]) -> np.ndarray:
    """(choice,) share of people's folds in which each choice was the best of the inner folds."""
    best = np.concatenate([s["best"].to_numpy() for s in sweeps])
    best = best[best >= 0]
    return np.bincount(best, minlength=sweeps[0].sizes["choice"]) / len(best)


def _choice_table(sweeps: Sequence[xr.Dataset], best: np.ndarray) -> Table:
    shares = _choices(sweeps)
    at = {name: _people(sweeps, name, best).mean(axis=(0, 2)) for name in ("r", "unique")}
    like, rows = sweeps[0], []
    for i in range(like.sizes["choice"]):
        means = [np.mean([float(s[name][i].mean()) for s in sweeps]) for name in ("r", "unique")]
        strong = shares[i] == shares.max()
        rows.append(
            [
                f"{int(like['context_words'][i])}",
                f"{int(like['layer'][i])}",
                number(means[0]),
                number(float(at["r"][i])),
                signed(means[1], DIGITS),
                signed(float(at["unique"][i]), DIGITS),
                Cell(percent(float(shares[i])), strong=strong),
            ]
        )
    caption = (
        "r of each layer alone and R2 beyond the controls, mean over all sensors and bins, over "
        "the best tenth of the sensors, then over people. Chosen: share of people's outer folds "
        "in which the inner folds found this choice best (bold: most often)."
    )
    columns = ["context (words)", "layer", "r", "r, best sensors", "unique R2"]
    columns += ["unique R2, best sensors", "chosen"]
    return Table(columns, rows, caption, text_columns=0)


def _choice_verdict(sweeps: Sequence[xr.Dataset]) -> str:
    shares = _choices(sweeps)
    first, like = int(shares.argmax()), sweeps[0]
    r = np.mean([float(s["best_r"].mean()) for s in sweeps])
    unique = np.mean([float(s["best_unique"].mean()) for s in sweeps])
    return (
        f"Among layers and context lengths, layer {int(like['layer'][first])} over "
        f"{count(int(like['context_words'][first]), 'word')} is the inner folds' choice most "
        f"often ({percent(float(shares[first]))} of people's folds); each fold's own choice "
        f"reaches a mean r of {number(r)} and adds {signed(unique, DIGITS)} to the controls."
    )
